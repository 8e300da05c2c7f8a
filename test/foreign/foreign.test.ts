/**
 * 2,300 random programs through all public functions, with first and second gradients, against answers that PyTorch gave in float64
 * to all of them (campaign.ts records them). Tried are as many that each function is in some, as effort.ts says.
 */
import { expect, test } from "vitest";
import * as ops from "../../src/dsl/ops.ts";
import { effort } from "../effort.ts";
import { patience } from "../property/property.ts";
import { builders } from "./build.ts";
import { compareRecipes } from "./compare.ts";
import { randomRecipe } from "./random-recipe.ts";
import { fingerprint, readAnswers, recordedCount, recordedSeed } from "./recorded.ts";

const recipes = Array.from({ length: recordedCount }, (_, i) => randomRecipe(recordedSeed, i));
const recorded = readAnswers();
/** Of programs that run in one test. */
const part = 50;
/** So many programs that are tried use a function, where there are as many: some are rare in programs, others are in half of them. */
const least = Math.ceil(24 * effort);
const used = new Map<string, number>();
const tried = recipes.flatMap((recipe, index) => {
  const names = new Set(recipe.instructions.map(({ op }) => op));
  if (effort < 1 && [...names].every((name) => (used.get(name) ?? 0) >= least)) return [];
  for (const name of names) used.set(name, (used.get(name) ?? 0) + 1);
  return [index];
});

test("the recorded answers are to these programs: where they are not, npm run foreign -- --record", () => {
  expect(recorded.recipes).toBe(fingerprint(recipes));
  expect(recorded.answers).toHaveLength(recordedCount);
});

for (let first = 0; first < tried.length; first += part) {
  const indices = tried.slice(first, first + part);
  test(`programs ${indices[0]} to ${indices.at(-1)} give what PyTorch gives`, patience, async () => {
    expect(await compareRecipes(recipes, recorded.answers, indices)).toEqual([]);
  });
}

test("a wrong answer is noticed, in each of its parts", async () => {
  const [recipe, answer] = [recipes.slice(0, 1), recorded.answers[0]];
  if (answer === undefined) throw new Error("no answer");
  const off = (x: number): number => x + 1e-6 * (1 + Math.abs(x));
  const changed = [
    { ...answer, shape: [...answer.shape, 1] },
    { ...answer, y: off(answer.y) },
    { ...answer, by: off(answer.by) },
    { ...answer, g: answer.g.map(off) },
    { ...answer, h: answer.h.map(off) },
  ];
  for (const wrong of changed) expect(await compareRecipes(recipe, [wrong])).not.toEqual([]);
});

test("every function of the language is in some program", () => {
  const exported = Object.entries(ops).flatMap(([name, value]) => (typeof value === "function" ? [name] : []));
  // in every program, through another instruction, or with nothing that a foreign system could answer
  const elsewhere = [
    "arange", "cast", "where", "and", "or", "not", "greater", "grad", "valueAndGrad", "checkGradient", "scalar", "dropout",
    "randomBernoulli", "randomBits", "randomNormal", "randomUniform",
    // what conv is made of; no gradient; what vjp is made of; one's own gradient (custom-gradient); a closed form (linear-algebra)
    "window", "whileLoop", "pullback", "customGradient", "powerIteration",
  ]; // biome-ignore format: names
  expect(exported.filter((name) => !used.has(name) && !elsewhere.includes(name))).toEqual([]);
  expect(Object.keys(builders).filter((name) => !used.has(name))).toEqual([]);
});
