/**
 * Random programs (test/property) on the GPU, scheduled as for a card, against `js`: whole numbers and truth values equal, floats near.
 * A failure is shrunk like those on `js`, and names its seed, its path and the recipe.
 */
import fc from "fast-check";
import { jsTarget } from "../../../src/index.ts";
import type { TargetSetup } from "../../../src/target-setup.ts";
import { effort } from "../../effort.ts";
import { runProgram } from "../../program-case.ts";
import { checkClose, programCase } from "../../property/programs.ts";
import { type Property, property, prove } from "../../property/property.ts";
import { recipe } from "../../property/random-program.ts";
import { cardTarget } from "../against-js.ts";
import type { GpuCase } from "../case.ts";

/** Sums are held in f32 here, in doubles on `js`. */
const tolerance = 5e-3;

/** Programs stand side by side, one to four in one: launches are shared, and so is the time that pipelines take. */
const runs = effort === 1 ? 80 : 15;

/** Shrinking ends here; so does a machine too slow to try all of them. */
const mostMs = 120_000;

const agrees = (gpu: TargetSetup): Property =>
  property(
    "random programs on wgsl agree with js",
    runs,
    fc.asyncProperty(fc.array(recipe, { minLength: 1, maxLength: 4, size: "max" }), async (recipes) => {
      const program = programCase(...recipes);
      const expected = await runProgram(program, jsTarget);
      const found = await runProgram(program, gpu);
      checkClose(found.trace, expected.trace, tolerance);
    }),
  );

export const cases: readonly GpuCase[] = [
  {
    name: "random programs agree with js",
    async run({ device }) {
      try {
        const limits = { interruptAfterTimeLimit: mostMs, markInterruptAsFailure: true };
        await prove(agrees(cardTarget(device)), limits);
      } finally {
        // Dawn warns of empty dispatches on stdout, with no line end; the next message needs a line of its own.
      }
    },
  },
];
