/**
 * What the tests of whole programs share: running one program several calls on `js` in every variant, in the evaluator and in
 * the oracle, and comparing.
 *
 *   leaving out fuse, order, plan or schedule      the same bits
 *   freed memory filled with NaN                   the same bits
 *   the evaluator, before and after scheduling     no race, the same bits
 *   the float64 oracle                             the same within a tolerance
 *   wasm, precise and not, on 1 and 2 threads      the same within a tolerance; the same bits where nothing is summed otherwise
 */
import { expect } from "vitest";
import type { Program } from "../src/dsl/program.ts";
import { wasmTarget } from "../src/eager-targets.ts";
import type { Dims } from "../src/graph/shape.ts";
import { compileOn, jsTarget } from "../src/index.ts";
import type { EntryReport } from "../src/program/report.ts";
import type { TypedArray } from "../src/runtime/typed-arrays.ts";
import type { Skippable } from "../src/stages.ts";
import type { TargetSetup } from "../src/target-setup.ts";
import { evaluatorTarget, wasmEvaluatorTarget } from "./evaluator-machine.ts";
import { type FlatFeeds, largestError, ProgramOracle } from "./program-oracle.ts";

export interface Call {
  readonly entry: string;
  readonly feeds?: FlatFeeds;
}

export interface ProgramCase {
  readonly program: Program<unknown>;
  readonly dims?: Dims;
  readonly calls: readonly Call[];
}

/** All numbers a run brings back: outputs after each call, all states at the end. By name. */
export type Trace = ReadonlyMap<string, TypedArray>;

export interface TraceResult {
  readonly trace: Trace;
  readonly report: readonly EntryReport[];
  readonly launches: number;
}

interface Variant {
  readonly skip?: readonly Skippable[];
  readonly poisonFreed?: boolean;
}

export const variants: readonly Variant[] = [
  { skip: ["fuse"] },
  { skip: ["order"] },
  { skip: ["plan"] },
  { skip: ["schedule"] },
  { skip: ["fuse", "order", "plan"] },
  { skip: ["fuse", "order", "plan", "schedule"] },
  { poisonFreed: true },
  { skip: ["fuse"], poisonFreed: true },
];

export async function runProgram(
  { program, dims = {}, calls }: ProgramCase,
  target: TargetSetup,
  { skip = [], poisonFreed = false }: Variant = {},
): Promise<TraceResult> {
  let launches = 0;
  const executable = await compileOn(program, target, {
    dims,
    skip,
    debug: { poisonFreed },
    onWarning: () => undefined,
    onLaunch: () => {
      launches += 1;
    },
  });
  const trace = new Map<string, TypedArray>();
  for (const [i, { entry, feeds = {} }] of calls.entries()) {
    const outputs = await executable.run({ entry: entry as never, feeds });
    for (const [path, value] of flatten(outputs)) trace.set(`call ${i} ${path}`, value);
  }
  for (const name of executable.state.names) trace.set(`state ${name}`, await executable.state.read(name));
  const report = executable.report.entries;
  executable.dispose();
  return { trace, report, launches };
}

/** The same as numbers of the oracle. */
export function runOracle({ program, dims = {}, calls }: ProgramCase): ReadonlyMap<string, Float64Array> {
  const oracle = new ProgramOracle(program, { dims });
  const trace = new Map<string, Float64Array>();
  for (const [i, { entry, feeds = {} }] of calls.entries()) {
    for (const [path, value] of oracle.run(entry, feeds)) trace.set(`call ${i} ${path}`, value);
  }
  for (const name of oracle.stateNames) trace.set(`state ${name}`, oracle.state(name));
  return trace;
}

function flatten(tree: unknown, path = ""): [string, TypedArray][] {
  if (typeof tree === "number") return [[path, Float64Array.of(tree)]];
  if (ArrayBuffer.isView(tree)) return [[path, tree as TypedArray]];
  return Object.entries(tree as object).flatMap(([name, part]) =>
    flatten(part, path === "" ? name : `${path}.${name}`),
  );
}

/** Object.is for every number, in every array. */
export function expectSameBits(actual: Trace, expected: Trace, what: string): void {
  expect([...actual.keys()], what).toEqual([...expected.keys()]);
  for (const [name, numbers] of expected) {
    const found = actual.get(name) as TypedArray;
    for (let i = 0; i < numbers.length; i++) {
      if (!Object.is(found[i], numbers[i])) {
        expect.fail(`${what}: ${name}[${i}] is ${found[i]}, not ${numbers[i]} as with all passes`);
      }
    }
  }
}

export function expectClose(actual: Trace, expected: ReadonlyMap<string, Float64Array>, tolerance: number): void {
  expect([...actual.keys()]).toEqual([...expected.keys()]);
  for (const [name, numbers] of expected) {
    const error = largestError(actual.get(name) as TypedArray, numbers);
    expect(error <= tolerance, `${name} is off by ${error}: ${[...(actual.get(name) ?? [])]} for ${[...numbers]}`).toBe(
      true,
    );
  }
}

/** Runs everything that the header lists. Gives the plain run. `hasFlags`: how often kernels run is found out as they do. */
export async function expectSound(
  program: ProgramCase,
  tolerance = 1e-5,
  { hasFlags = false } = {},
): Promise<TraceResult> {
  const plain = await runProgram(program, jsTarget);
  expectClose(plain.trace, runOracle(program), tolerance);
  for (const variant of variants) {
    const { trace } = await runProgram(program, jsTarget, variant);
    expectSameBits(trace, plain.trace, JSON.stringify(variant));
  }
  for (const skip of [[], ["schedule"], ["fuse", "schedule"]] as const) {
    const { trace } = await runProgram(program, evaluatorTarget, { skip });
    expectSameBits(trace, plain.trace, `evaluator without ${JSON.stringify(skip)}`);
  }
  for (const precise of [false, true]) await expectSoundOnWasm(program, precise, tolerance);
  const launches = program.calls.reduce(
    (sum, { entry }) => sum + (plain.report.find((one) => one.entry === entry)?.launches ?? 0),
    0,
  );
  if (!hasFlags) expect(plain.launches, "launches counted").toBe(launches);
  return plain;
}

/**
 * On wasm sums are in f32, and cut into parts as a schedule likes. So without fuse or schedule the numbers are only near; all
 * else has the same bits, on any number of threads.
 */
async function expectSoundOnWasm(program: ProgramCase, precise: boolean, tolerance: number): Promise<void> {
  const target = wasmTarget({ threads: 1, precise });
  const oracle = runOracle(program);
  const { trace } = await runProgram(program, target);
  expectClose(trace, oracle, tolerance);
  for (const variant of [{ skip: ["order", "plan"] }, { poisonFreed: true }] as const) {
    const other = await runProgram(program, target, variant);
    expectSameBits(other.trace, trace, `wasm ${JSON.stringify(variant)}`);
  }
  for (const skip of [["fuse"], ["schedule"]] as const) {
    expectClose((await runProgram(program, target, { skip, poisonFreed: true })).trace, oracle, tolerance);
  }
  const shared = await runProgram(program, wasmTarget({ threads: 2, precise }));
  expectSameBits(shared.trace, trace, "wasm, 2 threads");
  // the evaluator rounds each product and sum, as only the precise code does
  if (precise) expectSameBits((await runProgram(program, wasmEvaluatorTarget)).trace, trace, "evaluator of wasm");
}
