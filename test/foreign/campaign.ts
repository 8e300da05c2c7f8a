/**
 * A campaign against PyTorch: random recipes, its answers, and what differs from ours.
 *
 *   npm run foreign -- --count 2000 --seed 7          with fresh recipes
 *   npm run foreign -- --record                       writes the answers that the test compares with
 *
 * Needs a Python with PyTorch (`--python`); the test needs none.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { UserError } from "../../src/core/errors.ts";
import { script } from "../../src/tools/script.ts";
import { compareRecipes } from "./compare.ts";
import { randomRecipe } from "./random-recipe.ts";
import type { Recipe } from "./recipe.ts";
import { type Answers, answersFile, recordedCount, recordedSeed, writeAnswers } from "./recorded.ts";

await script(
  {
    name: "foreign",
    about: "Compares random programs, with first and second gradients, with PyTorch in float64.",
    flags: {
      count: { kind: "number", default: recordedCount, about: "how many programs" },
      seed: { kind: "number", default: recordedSeed, about: "of the programs" },
      python: { kind: "text", default: "python3", about: "a Python that has PyTorch" },
      record: { kind: "switch", about: "writes the answers that the test compares with" },
    },
  },
  async ({ count, seed, python = "python3", record }) => {
    const recipes = Array.from({ length: record ? recordedCount : count }, (_, i) => randomRecipe(record ? recordedSeed : seed, i)); // biome-ignore format: short
    const found = askTorch(python, recipes);
    if (record) {
      writeAnswers(recipes, found);
      console.log(`${found.answers.length} answers of ${found.by} are in ${answersFile}.`);
    }
    const differences = await compareRecipes(recipes, found.answers);
    for (const { index, what } of differences) console.log(`program ${index}: ${what}`);
    const wrong = new Set(differences.map(({ index }) => index)).size;
    console.log(
      `${recipes.length} programs against ${found.by}: ${wrong === 0 ? "no difference" : `${wrong} differ`}.`,
    );
    if (wrong > 0) process.exitCode = 1;
  },
);

function askTorch(python: string, recipes: readonly Recipe[]): Answers {
  const folder = mkdtempSync(join(tmpdir(), "foreign-"));
  try {
    const file = join(folder, "recipes.json");
    writeFileSync(file, JSON.stringify(recipes));
    const asked = fileURLToPath(new URL("torch_answers.py", import.meta.url));
    const { status, stdout, stderr, error } = spawnSync(python, [asked, file], {
      encoding: "utf8",
      maxBuffer: 2 ** 30,
    });
    if (status !== 0) throw new UserError(`${python} could not answer: ${error?.message ?? stderr}`);
    return JSON.parse(stdout) as Answers;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
