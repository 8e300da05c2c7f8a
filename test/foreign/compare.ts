/**
 * Recipes on the `js` target in float64, against answers from elsewhere.
 */
import { compileOn } from "../../src/compile.ts";
import { f64, i32, jsTarget, program, type Tensor } from "../../src/index.ts";
import type { TypedArray } from "../../src/runtime/typed-arrays.ts";
import { askedFor } from "./build.ts";
import { type Answer, type Recipe, weighted } from "./recipe.ts";

/**
 * How far an answer may be off, in units of the sum of the magnitudes it is a sum of. Chains of a dozen functions, twice
 * differentiated, multiply rounding errors of 1e-16 by condition numbers of up to a million.
 */
export const tolerance = 1e-9;

/** Recipes in one program: compiling few programs takes less time than compiling many. */
const perProgram = 10;

export interface Difference {
  readonly index: number;
  readonly what: string;
}

/** What differs, one line each, of the recipes with these indices: of all, where there are none. */
export async function compareRecipes(
  recipes: readonly Recipe[],
  answers: readonly Answer[],
  indices: readonly number[] = recipes.map((_, i) => i),
): Promise<Difference[]> {
  const found: Difference[] = [];
  for (let i = 0; i < indices.length; i += perProgram) {
    const chunk = indices.slice(i, i + perProgram);
    const results = await run(chunk.map((index) => recipes[index] as Recipe));
    results.forEach((given, k) => {
      const index = chunk[k] as number;
      for (const what of differences(given, answers[index] as Answer)) found.push({ index, what });
    });
  }
  return found;
}

interface Results {
  readonly shape: readonly number[];
  readonly values: Readonly<Record<string, ArrayLike<number>>>;
}

async function run(recipes: readonly Recipe[]): Promise<Results[]> {
  const flat = recipes.flatMap((recipe, n) => recipe.inputs.map((input, i) => [`r${n}x${i}`, input] as const));
  const shapes: (readonly number[])[] = [];
  const single = program({
    inputs: Object.fromEntries(flat.map(([name, { shape, whole }]) => [name, (whole ? i32 : f64)(...shape)])),
    step: (given: Readonly<Record<string, Tensor>>) => ({
      outputs: Object.fromEntries(
        recipes.map((recipe, n) => {
          const asked = askedFor(recipe, recipe.inputs.map((_, i) => given[`r${n}x${i}`] as Tensor)); // biome-ignore format: short
          shapes.push((asked.y as Tensor).shape.map(Number));
          return [`r${n}`, asked];
        }),
      ),
    }),
  });
  const executable = await compileOn(single, jsTarget, { onWarning: () => {} });
  const feeds = Object.fromEntries(
    flat.map(([name, { values, whole }]) => [name, whole ? Int32Array.from(values) : Float64Array.from(values)]),
  );
  try {
    const outputs = (await executable.run({ entry: "step", feeds } as never)) as unknown as Record<
      string,
      Record<string, number | TypedArray>
    >;
    return recipes.map((_, n) => ({
      shape: shapes[n] ?? [],
      values: Object.fromEntries(
        Object.entries(outputs[`r${n}`] ?? {}).map(([name, value]) => [
          name,
          typeof value === "number" ? [value] : (value as ArrayLike<number>),
        ]),
      ),
    }));
  } finally {
    executable.dispose();
  }
}

function differences({ shape, values }: Results, wanted: Answer): string[] {
  const found: string[] = [];
  if (shape.join() !== wanted.shape.join()) found.push(`y has shape [${shape}], wanted [${wanted.shape}]`);
  const check = (name: string, answer: number): void => {
    const { sum, size } = weighted(values[name] ?? []);
    if (Math.abs(sum - answer) <= tolerance * (1 + size)) return;
    found.push(`${name} is ${sum}, wanted ${answer}`);
  };
  check("y", wanted.y);
  check("by", wanted.by);
  for (const [i, answer] of wanted.g.entries()) check(`g${i}`, answer);
  for (const [i, answer] of wanted.h.entries()) check(`h${i}`, answer);
  return found;
}
