/**
 * What must hold of every random kernel and every schedule: sound before and after, no race, the same numbers; and what is
 * printed computes them too.
 */
import { strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { firstLaunch } from "../../codegen/wasm/moves/first-launch.ts";
import type { Tuning } from "../../codegen/wasm/policy/panel-plan.ts";
import { joinedTuning } from "../../codegen/wasm/policy/policy.ts";
import { wasmSecondLaunches } from "../../codegen/wasm/policy/second-launches.ts";
import { wgslSecondLaunches } from "../../codegen/wgsl/policy/second-launches.ts";
import { wgslTuning } from "../../codegen/wgsl/policy/tuning.ts";
import { cse } from "../../passes/kernel/cse.ts";
import { expandFolds } from "../../passes/kernel/expand-folds.ts";
import { unroll } from "../../passes/kernel/unroll.ts";
import { everyFold } from "../../passes/schedule/facts.ts";
import { secondLaunch } from "../../passes/schedule/moves/second-launch.ts";
import { moved } from "../../passes/schedule/schedule.ts";
import { checkKernel } from "../../src/kernel/check.ts";
import { evaluateKernel } from "../../src/kernel/evaluate.ts";
import type { Memory } from "../../src/kernel/evaluate-memory.ts";
import type { BufferParam, Kernel } from "../../src/kernel/kernel.ts";
import { type FirstLaunch, printSchedules, type SecondLaunch } from "../../src/kernel/moves.ts";
import { printKernel } from "../../src/kernel/print.ts";
import { someStmt } from "../../src/kernel/rewrite.ts";
import { arrayFor, compileJs, type Data, expectSame, runEvaluator, runJs, scheduleJs } from "../unit/js-case.ts";
import { runWasm, scheduleWasm, smallLines, smallTiles } from "../unit/wasm/wasm-case.ts";
import { scheduleWgsl } from "../unit/wgsl-samples.ts";
import { type Property, property } from "./property.ts";
import { contractionData, randomContraction } from "./random-contraction.ts";
import { randomConvolution } from "./random-convolution.ts";
import { memoryFor, randomKernel } from "./random-kernel.ts";
import { ownMoves, randomSchedules, randomSecondLaunches, roomy } from "./random-moves.ts";
import { nestData, randomNest } from "./random-nest.ts";

/** A target's schedule, what its sums are held in, and how its kernels run where that can be done here. */
interface Schedule {
  readonly name: string;
  readonly accumulator: "f32" | "f64";
  readonly schedule: (kernel: Kernel) => Kernel;
  readonly run?: (kernel: Kernel, memory: ReadonlyMap<string, Memory>) => Numbers;
  /** What `run` runs before the schedule too: loops that it leaves alone are printed in another way. */
  readonly runsPlain?: boolean;
  /** 400 by default. */
  readonly runs?: number;
}

type Numbers = ReadonlyMap<string, readonly number[]>;

const gpu = { maxInvocations: 256, maxWorkgroupStorage: 16384 };
const smallGpu = { maxInvocations: 32, maxWorkgroupStorage: 512 };
const smallBlocks = { outer: 2, inner: 3, single: 2 };

const schedules: readonly Schedule[] = [
  { name: "js", accumulator: "f64", schedule: scheduleJs, run: runPrinted },
  {
    name: "js, small blocks",
    accumulator: "f64",
    schedule: (kernel) => scheduleJs(kernel, smallBlocks),
    run: runPrinted,
  },
  { name: "wasm", accumulator: "f32", schedule: scheduleWasm, run: runWebAssembly, runsPlain: true },
  {
    name: "wasm, sums of 3 terms",
    accumulator: "f32",
    schedule: (kernel) => scheduleWasm(kernel, { longest: 3 }),
    run: runWebAssembly,
    runs: 150,
  },
  {
    name: "wasm, vectors joined",
    accumulator: "f32",
    schedule: (kernel) => scheduleWasm(kernel, { ...joinedTuning, longest: 40 }),
    run: (kernel, memory) => runWebAssembly(kernel, memory, { joinsVectors: true }),
    runs: 300,
  },
  { name: "wgsl", accumulator: "f32", schedule: (kernel) => scheduleWgsl(kernel, gpu) },
  { name: "wgsl, small workgroups", accumulator: "f32", schedule: (kernel) => scheduleWgsl(kernel, smallGpu) },
  {
    name: "wgsl, subgroups of 4",
    accumulator: "f32",
    schedule: (kernel) => scheduleWgsl(kernel, { ...smallGpu, subgroupSize: 4 }, { rowLeastColumns: 3, acrossRows: 2 }),
    runs: 150,
  },
  {
    name: "wgsl, sums of 3 terms",
    accumulator: "f32",
    schedule: (kernel) => scheduleWgsl(kernel, gpu, { terms: 3 }),
    runs: 150,
  },
];

/** Choices, all alike; where the list ends, the first. */
const numbers = fc.noBias(fc.array(fc.nat({ max: 2519 }), { minLength: 1, maxLength: 200, size: "max" }));

const scheduled = schedules.map(({ name, accumulator, schedule, run, runsPlain, runs = 400 }) =>
  property(
    `kernels compute the same after the schedule of ${name}`,
    runs,
    fc.property(numbers, fc.nat({ max: 1000 }), (drawn, seed) => {
      const folded = randomKernel(drawn, accumulator);
      const expected = evaluated(folded, seed);
      const before = expandFolds(folded);
      expectEqual(evaluated(before, seed + 2), expected, folded, before);
      const after = schedule(folded);
      expectEqual(evaluated(after, seed + 1), expected, before, after);
      if (run === undefined) return;
      expectEqual(run(after, memoryFor(before)), expected, before, after);
      if (runsPlain === true) expectEqual(run(before, memoryFor(before)), expected, before, before);
    }),
  ),
);

const moves = property(
  "any moves that are legal change no number, fold by fold and written out",
  600,
  fc.property(numbers, numbers, fc.nat({ max: 1000 }), (drawn, chosen, seed) => {
    const before = randomKernel(drawn, seed % 2 === 0 ? "f64" : "f32");
    const schedules = randomSchedules(before, chosen, { gpu: true });
    const expected = evaluated(before, seed);
    try {
      const after = moved(before, schedules, { ownMoves, careful: true });
      expectEqual(evaluated(after, seed + 1), expected, before, after);
      const written = cse(unroll(expandFolds(after)));
      expectEqual(evaluated(written, seed + 2), expected, before, written);
    } catch (error) {
      const words = `${error instanceof Error ? error.message : error}\n${printSchedules(schedules)}`;
      throw new Error(`${words}\n${printKernel(before)}`, { cause: error });
    }
  }),
);

/** A sum of two terms is long enough for a policy that cuts folds wherever it can. */
const eager = { ...wgslTuning, partTerms: 0.01, leastParts: 2, acrossRows: 4, wideSize: 8 };

const launches = property(
  "any folds in a launch of their own change no number, whatever is then done to both halves",
  400,
  fc.property(numbers, numbers, fc.nat({ max: 1000 }), (drawn, chosen, seed) => {
    const before = randomKernel(drawn, seed % 2 === 0 ? "f64" : "f32");
    const cut: Kernel[] = [];
    const between: (readonly BufferParam[])[] = [];
    let rest = before;
    for (let round = 0; round < 3; round += 1) {
      const moves =
        seed % 3 === 0 ? wgslSecondLaunches(rest, gpu, roomy, eager) : randomSecondLaunches(rest, chosen.slice(round));
      const made = moves.length === 0 ? "" : secondLaunch(rest, moves, roomy);
      if (typeof made === "string") break;
      cut.push({ ...made.first, name: `${made.first.name}_${round}` });
      between.push(made.between);
      rest = made.rest;
    }
    if (cut.length === 0) return;
    const expected = evaluated(before, seed);
    const whole = [...cut, rest];
    const drawnMoves = (kernel: Kernel): Kernel =>
      moved(kernel, randomSchedules(kernel, chosen, { gpu: true }), { ownMoves, careful: true });
    for (const change of [same, drawnMoves, (kernel: Kernel) => scheduleWgsl(kernel, gpu)]) {
      const memory = new Map(memoryFor(before));
      const after = whole.map(change);
      for (const [i, kernel] of after.entries()) {
        for (const { name, element, count } of between[i] ?? []) {
          memory.set(name, { element, data: Array.from({ length: count }, () => Number.NaN) });
        }
        evaluateIn(kernel, memory, seed + i);
      }
      const texts = after.map(printKernel).join("\n");
      for (const name of expected.keys()) {
        const found = new Map([[name, Array.from(memory.get(name)?.data ?? [])]]);
        expectEqual(found, new Map([[name, expected.get(name) ?? []]]), before, texts);
      }
    }
  }),
);

const same = (kernel: Kernel): Kernel => kernel;
/** What is in a buffer before anything is. */
const nothing = ({ name, count }: BufferParam) => [name, new Float32Array(count).fill(Number.NaN)] as const;

const values = property(
  "common values named, and loops unrolled, change no bit",
  300,
  fc.property(numbers, numbers, fc.integer({ min: 1, max: 7 }), (drawn, chosen, high) => {
    const kernel = randomNest(drawn);
    const data = nestData(high);
    const expected = runEvaluator(kernel, data);
    const after = moved(kernel, randomSchedules(kernel, chosen), { ownMoves });
    for (const made of [after, unroll(after), cse(unroll(after)), cse(kernel)]) {
      try {
        expectSame(runEvaluator(made, data), expected);
        if (!hasLanes(made)) expectSame(runJs(made, data), expected);
      } catch (error) {
        throw new Error(`${error}\n${printKernel(kernel)}\n${printKernel(made)}`, { cause: error });
      }
    }
  }),
);

/** `js` has none. */
function hasLanes({ nests }: Kernel): boolean {
  return nests.some(({ body }) => someStmt(body, { stmt: (stmt) => stmt.kind === "for" && stmt.mark === "lane" }));
}

const tunings: readonly Partial<Tuning>[] = [
  {},
  joinedTuning,
  { longest: 5 },
  { ...joinedTuning, tiles: smallTiles },
  { longest: 11, tiles: smallTiles },
  { lines: smallLines },
  { ...joinedTuning, longest: 5, lines: smallLines },
];

const contractions = property(
  "contractions with any epilogue compute the same in register blocks of both widths, in tiles, and of packed lines, as WebAssembly and as JavaScript too",
  200,
  fc.property(numbers, (drawn) => {
    const kernel = randomContraction(drawn);
    const data = contractionData(kernel);
    const expected = runEvaluator(kernel, data);
    for (const tuning of tunings) {
      const after = scheduleWasm(kernel, tuning);
      const joinsVectors = tuning.together === 2;
      try {
        expectSame(runEvaluator(after, data), expected);
        expectSame(runWasm(after, data, { joinsVectors }), expected);
      } catch (error) {
        throw new Error(`${error}\n${printKernel(kernel)}\n${printKernel(after)}`, { cause: error });
      }
    }
    for (const change of [scheduleParts, schedulePanels]) {
      const after = change(kernel);
      try {
        expectSame(runJs(after, data), expected);
      } catch (error) {
        throw new Error(`${error}\n${printKernel(kernel)}\n${printKernel(after)}`, { cause: error });
      }
    }
  }),
);

const prepared = property(
  "a factor of any contraction may be copied in a launch before it, in blocks of any width",
  120,
  fc.property(numbers, fc.nat({ max: 1000 }), (drawn, seed) => {
    const kernel = randomContraction(drawn);
    const data = contractionData(kernel);
    const expected = runEvaluator(kernel, data);
    for (const move of firstLaunches(kernel, [8, 16, 1 + (seed % 11)])) {
      const made = firstLaunch(kernel, move, new Set(), roomy);
      if (typeof made === "string") continue;
      const { first, rest, between } = made;
      const held = new Map([...data, ...between.map(nothing)]);
      const run = (change: (half: Kernel) => Kernel, runHalf: typeof runEvaluator): Data => {
        const memory = new Map([...held, ...runHalf(change(first), held)]);
        return new Map([...memory, ...runHalf(change(rest), memory)]);
      };
      try {
        expectOutputs(run(same, runEvaluator), expected);
        expectOutputs(run(scheduleWasm, runWasm), expected);
      } catch (error) {
        throw new Error(`${error}\n${[kernel, first, rest].map(printKernel).join("\n")}`, { cause: error });
      }
    }
  }),
);

/** Each factor of the kernel's contraction, along each of its loops. */
function firstLaunches({ nests }: Kernel, widths: readonly number[]): readonly FirstLaunch[] {
  return ["i", "j"].flatMap((axis, n) =>
    (["left", "right"] as const).map((operand, m) => {
      const into = { memory: "launch", axis, by: widths[(n + m) % widths.length] ?? 8 } as const;
      return {
        move: "stage",
        operand,
        of: everyFold(nests.flatMap(({ body }) => body))[0]?.accumulators[0]?.name ?? "",
        at: null,
        into,
      };
    }),
  );
}

function expectOutputs(found: Data, expected: Data): void {
  expectSame(new Map([...found].filter(([name]) => expected.has(name))), expected);
}

const convolutions = property(
  "convolutions, pools of them and gradients of filters compute the same on every target, in one launch and in two",
  80,
  fc.property(numbers, numbers, fc.nat({ max: 39 }), (drawn, chosen, seed) => {
    const isLong = seed === 0;
    const kernel = randomConvolution(drawn, { isLong });
    const data = contractionData(kernel);
    const expected = runEvaluator(kernel, data);
    const cut = (): readonly SecondLaunch[] =>
      drawn.length % 2 === 0
        ? wasmSecondLaunches(kernel, roomy)
        : wgslSecondLaunches(kernel, gpu, roomy, { ...wgslTuning, tileDeep: 1024 });
    const moves = isLong ? cut() : randomSecondLaunches(kernel, chosen);
    const halves = moves.length === 0 ? "" : secondLaunch(kernel, moves, roomy);
    if (isLong && typeof halves === "string") throw new Error(`it is in one launch\n${printKernel(kernel)}`);
    const anyMoves = (made: Kernel): Kernel =>
      moved(made, randomSchedules(made, chosen, { gpu: true }), { ownMoves, careful: true });
    for (const change of [...schedulesOfContractions, anyMoves]) {
      const after = [change(kernel)];
      try {
        const [whole] = after;
        if (whole === undefined) return;
        expectSame(runEvaluator(whole, data), expected);
        if ([scheduleJs, scheduleParts, schedulePanels].includes(change)) expectSame(runJs(whole, data), expected);
        else if (change !== scheduleGpu && change !== anyMoves) expectSame(runWasm(whole, data), expected);
        if (typeof halves === "string") continue;
        after.push(change(halves.first), change(halves.rest));
        const held = halves.between.map(nothing);
        let memory: Data = new Map([...data, ...held]);
        for (const half of after.slice(1)) {
          memory = new Map([
            ...memory,
            ...(change === scheduleWasm ? runWasm(half, memory) : runEvaluator(half, memory)),
          ]);
        }
        expectSame(new Map([...memory].filter(([name]) => expected.has(name))), expected);
      } catch (error) {
        throw new Error(`${error}\n${[kernel, ...after].map(printKernel).join("\n")}`, { cause: error });
      }
    }
  }),
);

const scheduleGpu = (kernel: Kernel): Kernel => scheduleWgsl(kernel, gpu);
const scheduleParts = (kernel: Kernel): Kernel => scheduleJs(kernel, { uncached: 0, part: 256, leastTerms: 2 });
const schedulePanels = (kernel: Kernel): Kernel => scheduleJs(kernel, { wide: 0, panel: 1 });
const schedulesOfContractions: readonly ((kernel: Kernel) => Kernel)[] = [
  scheduleJs,
  scheduleParts,
  schedulePanels,
  scheduleWasm,
  (kernel) => scheduleWasm(kernel, { ...joinedTuning, longest: 5 }),
  (kernel) => scheduleWasm(kernel, { ...joinedTuning, longest: 23, tiles: smallTiles }),
  scheduleGpu,
];

export const kernelProperties: readonly Property[] = [
  ...scheduled,
  moves,
  launches,
  values,
  contractions,
  prepared,
  convolutions,
];

/** What is in the buffers after a run in the evaluator, which throws where there is a race. */
function evaluated(kernel: Kernel, seed: number): Numbers {
  const memory = memoryFor(kernel);
  evaluateIn(kernel, memory, seed);
  return new Map([...memory].map(([name, { data }]) => [name, Array.from(data)]));
}

function evaluateIn(kernel: Kernel, memory: ReadonlyMap<string, Memory>, seed: number): void {
  const broken = checkKernel(kernel);
  if (broken !== null) throw new Error(`${broken}\n${printKernel(kernel)}`);
  try {
    evaluateKernel(kernel, memory, { seed });
  } catch (error) {
    throw new Error(`${error instanceof Error ? error.message : error}\n${printKernel(kernel)}`, { cause: error });
  }
}

/** The same as generated JavaScript. */
function runPrinted(kernel: Kernel, memory: ReadonlyMap<string, Memory>): Numbers {
  const arrays = kernel.buffers.map(({ name, element, count }) => {
    const array = arrayFor(element, count);
    array.set(Array.from(memory.get(name)?.data ?? []));
    return array;
  });
  compileJs(kernel)(...arrays);
  return new Map(kernel.buffers.map(({ name }, i) => [name, Array.from(arrays[i] ?? [])]));
}

/** The same as WebAssembly on one thread. */
function runWebAssembly(kernel: Kernel, memory: ReadonlyMap<string, Memory>, options = {}): Numbers {
  const data = kernel.buffers.map(({ name, element, count }) => {
    const array = arrayFor(element, count);
    array.set(Array.from(memory.get(name)?.data ?? []));
    return [name, array] as const;
  });
  const found = runWasm(kernel, new Map(data), options);
  return new Map([...found].map(([name, values]) => [name, Array.from(values)]));
}

/** Equal numbers; the sign of a zero depends on the order of a sum. */
function expectEqual(found: Numbers, expected: Numbers, before: Kernel, after: Kernel | string): void {
  for (const [name, wanted] of expected) {
    const numbers = found.get(name) ?? [];
    const at = wanted.findIndex(
      (value, i) => numbers[i] !== value && !(Number.isNaN(value) && Number.isNaN(numbers[i])),
    );
    if (at < 0) continue;
    const texts = `${printKernel(before)}\n${typeof after === "string" ? after : printKernel(after)}`;
    strictEqual(numbers[at], wanted[at], `${name}[${at}] is ${numbers[at]}, not ${wanted[at]}, in\n${texts}`);
  }
}
