/**
 * What must hold of every random program: on `js` the oracle's numbers within a tolerance, and the same bits whatever
 * optional step is left out, states updated in place or not, and in the kernel evaluator, which looks for races; on `wasm`
 * the numbers of `js`, and the same bits on any number of threads; with the schedules of `wgsl`, in the evaluator, those numbers.
 */
import fc from "fast-check";
import { wasmTarget } from "../../src/eager-targets.ts";
import { jsTarget } from "../../src/index.ts";
import type { TypedArray } from "../../src/runtime/typed-arrays.ts";
import { evaluatorTarget, wasmEvaluatorTarget, wgslEvaluatorTarget } from "../evaluator-machine.ts";
import { expectSameBits, type ProgramCase, runOracle, runProgram, type Trace, variants } from "../program-case.ts";
import { type Property, property } from "./property.ts";
import { feedsOf, makeProgram, type Recipe, recipe, statefulRecipe, wideRecipe } from "./random-program.ts";

/** A program with its calls. */
export function programCase(...recipes: readonly Recipe[]): ProgramCase {
  const calls = [0, 1, 2].map((call) => ({ entry: "step", feeds: feedsOf(recipes, call) }));
  return { program: makeProgram(recipes), calls };
}

const tolerance = 1e-3;

/** Whole numbers and truth values must be equal; an f32 is off by parts of its array's largest number. */
export function checkClose(trace: Trace, expected: ReadonlyMap<string, TypedArray>, tolerance: number): void {
  for (const [name, wanted] of expected) {
    const found = trace.get(name);
    if (found === undefined || found.length !== wanted.length) throw new Error(`${name} has ${found?.length} elements`);
    const error = errorOf(found, wanted);
    if (error <= (isFloating(found) ? tolerance : 0)) continue;
    throw new Error(`${name} is off by ${error}: ${[...found]} for ${[...wanted]}`);
  }
}

/** Scalars come back as doubles, whatever they are. */
const isFloating = (found: TypedArray): boolean => found instanceof Float32Array || found instanceof Float64Array;

/** Largest error of an array, in parts of its largest number (1 at least); NaN where one is NaN. */
function errorOf(found: TypedArray, wanted: TypedArray): number {
  let [scale, worst] = [1, 0];
  for (const [i, value] of wanted.entries()) {
    scale = Math.max(scale, Math.abs(value));
    worst = Math.max(worst, Math.abs((found[i] ?? Number.NaN) - value));
  }
  return worst / scale;
}

const turn = fc.nat({ max: 63 });

export const programProperties: readonly Property[] = [
  property(
    "programs agree with the oracle, with the same bits without fuse, order, plan",
    2000,
    fc.asyncProperty(recipe, turn, async (made, which) => {
      const program = programCase(made);
      const { trace } = await runProgram(program, jsTarget, { poisonFreed: true });
      checkClose(trace, runOracle(program), tolerance);
      const bare = await runProgram(program, jsTarget, { skip: ["fuse", "order", "plan"] });
      expectSameBits(bare.trace, trace, "without fuse, order, plan");
      if (which % 8 === 0) {
        const variant = variants[Math.floor(which / 8)] ?? {};
        const other = await runProgram(program, jsTarget, variant);
        expectSameBits(other.trace, trace, JSON.stringify(variant));
      }
      if (which % 16 === 1) expectSameBits((await runProgram(program, evaluatorTarget)).trace, trace, "the evaluator");
    }),
  ),
  property(
    "states updated in place have the same bits as states that are not",
    400,
    fc.asyncProperty(statefulRecipe, async (made) => {
      const program = programCase(made);
      const { trace } = await runProgram(program, jsTarget, { poisonFreed: true });
      expectSameBits((await runProgram(program, jsTarget, { skip: ["order"] })).trace, trace, "not in place");
      expectSameBits((await runProgram(program, evaluatorTarget)).trace, trace, "the evaluator");
    }),
  ),
  property(
    "programs on wasm agree with js",
    500,
    fc.asyncProperty(recipe, turn, (made, which) => checkWasm(programCase(made), which)),
  ),
  property(
    "programs of wide tensors on wasm agree with js",
    250,
    fc.asyncProperty(wideRecipe, turn, (made, which) => checkWasm(programCase(made), which)),
  ),
];

/**
 * On one thread the numbers of `js`, precise or not, in freed memory or not; and for some programs the same bits on two threads
 * (each is a worker: they are few), without order and plan, and in the evaluator, which looks for races. Sums are cut into
 * parts as a schedule likes, so without fuse or schedule the numbers are only near.
 */
async function checkWasm(program: ProgramCase, which: number): Promise<void> {
  const precise = which % 2 === 0;
  const target = wasmTarget({ threads: 1, precise });
  const { trace } = await runProgram(program, target, { poisonFreed: which % 4 < 2 });
  checkClose(trace, (await runProgram(program, jsTarget)).trace, tolerance);
  switch (which >> 2) {
    case 0: {
      const shared = await runProgram(program, wasmTarget({ threads: 2, precise }));
      return expectSameBits(shared.trace, trace, "2 threads");
    }
    case 1:
    case 2: {
      const bare = await runProgram(program, target, { skip: ["order", "plan"], poisonFreed: true });
      return expectSameBits(bare.trace, trace, "without order, plan");
    }
    case 3:
    case 4: {
      const bare = await runProgram(program, target, { skip: which % 3 === 0 ? ["schedule"] : ["fuse"] });
      return checkClose(bare.trace, trace, tolerance);
    }
    case 5:
      if (precise) expectSameBits((await runProgram(program, wasmEvaluatorTarget)).trace, trace, "the evaluator");
      return;
    case 6:
      checkClose((await runProgram(program, wgslEvaluatorTarget)).trace, trace, tolerance);
  }
}
