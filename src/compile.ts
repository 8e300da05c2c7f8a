/**
 * THE PIPELINE. A program becomes an executable here, and this file lists every step in order.
 *
 *   entry graph  -> graph passes -> fuse -> order -> lower -> schedule -> layout (plan) -> machine prints, links, runs
 *
 * The verifier runs after every pass (on what `lower` made where nothing schedules it, or where that went wrong); when it
 * fails, the message names the pass and prints before and after.
 */

import { fuse, leaveUnfused } from "../passes/fuse/fuse.ts";
import { differentiate } from "../passes/graph/differentiate.ts";
import { foldTransposes } from "../passes/graph/fold-transposes.ts";
import type { GraphPass } from "../passes/graph/pass.ts";
import { simplify } from "../passes/graph/simplify.ts";
import { specialize } from "../passes/graph/specialize.ts";
import { expandFolds } from "../passes/lower/expand-folds.ts";
import { lower } from "../passes/lower/lower.ts";
import { type Layout, layout, sideBySide } from "../passes/plan/layout.ts";
import { type Ordered, order, statesWithoutRoom } from "../passes/plan/order.ts";
import { scheduleAlike } from "../passes/schedule/alike.ts";
import { halfBits, roundTo } from "./core/dtype.ts";
import { CompilerBug, UserError } from "./core/errors.ts";
import {
  callable,
  checkArguments,
  checkOptions,
  list,
  type OptionTable,
  object,
  oneOf,
  seed as seedKind,
  show,
} from "./core/options.ts";
import { atLine, here } from "./core/origin.ts";
import { startOfDraws } from "./core/random.ts";
import type { Program } from "./dsl/program.ts";
import { splitPath } from "./dsl/tree.ts";
import { checkGraph } from "./graph/check.ts";
import { type Entry, neededNodes } from "./graph/entry.ts";
import { sameIntegers } from "./graph/integers.ts";
import type { Node } from "./graph/node.ts";
import { oneHot } from "./graph/ops/gather.ts";
import { input, randomState } from "./graph/ops/source.ts";
import { printEntry, printNode } from "./graph/print.ts";
import { bindDim, type Dims, fixedShape, printShape, type Shape } from "./graph/shape.ts";
import { checkKernel } from "./kernel/check.ts";
import type { Kernel } from "./kernel/kernel.ts";
import { printKernel } from "./kernel/print.ts";
import type { TargetTraits } from "./kernel/target.ts";
import { type Buffer, type BufferSlot, Buffers, printBuffer } from "./program/buffer.ts";
import { checkSequence } from "./program/check-sequence.ts";
import { printSequence } from "./program/print.ts";
import type { EntryReport, KernelReport, PassReport } from "./program/report.ts";
import { countLaunches, launchesOf, type Sequence } from "./program/sequence.ts";
import { checkIndexes, checkSize, checkSizes } from "./program/sizes.ts";
import { arrayTypeOf, type CompiledEntry, type InputSlot, type Picks } from "./runtime/compiled.ts";
import { checkDims } from "./runtime/dims.ts";
import { type Executable, makeExecutable } from "./runtime/executable.ts";
import { declaredInputs } from "./runtime/feeds.ts";
import type { LaunchObserver, Machine, MachineOptions } from "./runtime/machine.ts";
import type { Compiled } from "./runtime/specializations.ts";
import { chooseTarget, type TargetOptions, type TargetSetup, targetTable } from "./targets.ts";

/** Graph passes, in order. */
const graphPasses: readonly GraphPass[] = [
  foldTransposes, // into the contractions that read them, so that gradients come out in the parameters' own layout
  differentiate, // every gradient at once, innermost first
  specialize, //    dimensions become numbers: everything below counts elements
  simplify, //      algebra, on forward and backward pass together
];

/** Optional steps, which tests leave out one by one: the numbers must stay the same. */
export type Skippable = "simplify" | "fuse" | "order" | "plan" | "schedule";

export interface CompileOptions extends TargetOptions {
  /** Sizes of the symbolic dimensions: `{ batch: 128 }`. */
  readonly dims?: Dims;
  /** Starting weights and random draws follow from it: a whole number below 2^53, all of whose bits count. 0 by default. */
  readonly seed?: number;
  /** Steps to leave out, for comparison. */
  readonly skip?: readonly Skippable[];
  /** Told of things that are no errors (a parameter that the loss does not depend on). By default: console.warn. */
  readonly onWarning?: (message: string) => void;
  /** Told of each kernel launch. */
  readonly onLaunch?: LaunchObserver;
  /** For finding faults. */
  readonly debug?: {
    /** Fill scratch memory with NaN as soon as nothing needs it. */
    readonly poisonFreed?: boolean;
  };
}

export const compileTable: OptionTable<CompileOptions> = {
  ...targetTable,
  dims: object(),
  seed: seedKind,
  skip: list(oneOf("simplify", "fuse", "order", "plan", "schedule")),
  onWarning: callable(),
  onLaunch: callable(),
  debug: object(),
};

/** Compiles a program for the target that the options ask for, and makes it ready to run. */
export async function compile<O, I>(program: Program<O, I>, options: CompileOptions = {}): Promise<Executable<O, I>> {
  checkArguments("compile", arguments, 2);
  checkProgram("compile", program);
  checkOptions("compile", options, compileTable, { before: "program, " });
  checkDims("compile", program.inputs, options.dims ?? {});
  return compileOn(program, await chooseTarget(options, firstF64(program) !== undefined), options);
}

/** Compiles a program on a given target. */
export async function compileOn<O, I>(
  program: Program<O, I>,
  target: TargetSetup,
  options: CompileOptions = {},
): Promise<Executable<O, I>> {
  checkArguments("compileOn", arguments, 3);
  const started = performance.now();
  checkProgram("compileOn", program);
  const setup: unknown = target;
  if (typeof setup !== "object" || setup === null || !("traits" in setup)) {
    throw new UserError(`compileOn takes a target, jsTarget say, not ${show(setup)}${atLine(here("compileOn"))}`);
  }
  checkOptions("compileOn", options, compileTable, { before: "program, target, " });
  checkDims("compile", program.inputs, options.dims ?? {});
  checkDTypes(program, target.traits);
  const { slots, bytes } = sideBySide(stateBuffers(program, new Buffers()), target.traits);
  const states = [...slots.values()];
  const warnings: string[] = [];
  const warn = (message: string): void => {
    if (warnings.includes(message)) return;
    warnings.push(message);
    (options.onWarning ?? console.warn)(message);
  };
  for (const message of program.warnings ?? []) warn(message);
  const machine = await target.machine(bytes, {
    ...machineOptions(options),
    onWarning: warn,
    work: workOf(program, options.dims ?? {}),
  });
  try {
    let compileMs = 0;
    // First: what draws them should be optimized before there is anything else for the engine to optimize.
    writeStartValues(program, states, machine, options.seed ?? 0);
    const executable = await makeExecutable({
      program,
      machine,
      states,
      dims: options.dims ?? {},
      inputs: declaredInputs(program.inputs),
      compileEntry: (name, dims) => compileEntry(program, name, dims, target, options, warn),
      summary: () => ({ target: target.traits.name, device: machine.device, why: target.why, compileMs, warnings }),
    });
    compileMs = performance.now() - started;
    return executable as unknown as Executable<O, I>;
  } catch (error) {
    machine.dispose();
    throw error;
  }
}

/**
 * Rough count of the arithmetic operations in a call of the dearest entry, gradients not yet counted: whether threads may pay
 * at all. It is asked before anything is compiled, as it decides what kind of memory there is.
 */
function workOf(program: Program<unknown>, dims: Dims): number {
  let most = 0;
  for (const entry of program.entries.values()) {
    let work = 0;
    for (const node of neededNodes(entry)) {
      const elements = countOf(node.type.shape, dims);
      work += node.op.kind === "contract" ? 2 * Math.sqrt(elements * argumentSizes(node, dims)) : elements;
    }
    most = Math.max(most, work);
  }
  return most;
}

/** [m, k] times [k, n] is m n k products: the square root of the three sizes multiplied. */
function argumentSizes({ args }: Node, dims: Dims): number {
  return args.reduce((product, arg) => product * countOf(arg.type.shape, dims), 1);
}

function countOf(shape: Shape, dims: Dims): number {
  return shape.reduce((product: number, dim) => product * bindDim(dim, dims), 1);
}

/** All states, in the program's order: so they lie at the same addresses for every entry. */
function stateBuffers(program: Program<unknown>, buffers: Buffers): readonly Buffer[] {
  return program.states.map(({ path, leaf }) =>
    buffers.named("state", path, { dtype: leaf.dtype, shape: fixedShape(leaf.shape) }),
  );
}

function machineOptions({ onLaunch, debug }: CompileOptions): MachineOptions {
  return {
    ...(onLaunch === undefined ? {} : { onLaunch }),
    ...(debug?.poisonFreed === undefined ? {} : { poisonFreed: debug.poisonFreed }),
  };
}

function firstF64(program: Program<unknown>): Node | undefined {
  const nodes = [...program.entries.values()].flatMap(({ graph }) => graph.nodes);
  return nodes.find(({ type }) => type.dtype === "f64");
}

function checkDTypes(program: Program<unknown>, { hasF64, name }: TargetTraits): void {
  const node = hasF64 ? undefined : firstF64(program);
  if (node === undefined) return;
  throw new UserError(`the ${name} target has no f64: use f32, or the js target${atLine(node.origins[0])}`);
}

/** `program` made it. */
export function checkProgram(call: string, given: Pick<Program, "entries">): void {
  if (typeof given === "object" && given !== null && given.entries instanceof Map) return;
  const hint = given instanceof Promise ? ": await it first" : "";
  throw new UserError(`${call} takes what program() made, not ${show(given)}${hint}${atLine(here(call))}`);
}

function writeStartValues(
  program: Program<unknown>,
  slots: readonly BufferSlot[],
  machine: Machine,
  seed: number,
): void {
  program.states.forEach(({ path, leaf }, i) => {
    if (leaf.initializer.isZero === true && path !== randomState) return;
    const slot = slots[i] as BufferSlot;
    const values = new (arrayTypeOf(leaf.dtype))(slot.count);
    if (path === randomState) values.set(startOfDraws(seed));
    else if (values instanceof Float32Array) leaf.initializer.fill(values, seed, path);
    else {
      const drawn = new Float64Array(slot.count);
      leaf.initializer.fill(drawn, seed, path);
      drawn.forEach((value, k) => {
        const rounded = roundTo(leaf.dtype, value);
        values[k] = leaf.dtype === "f16" ? halfBits(rounded) : rounded;
      });
    }
    machine.writeState(slot, values);
  });
}

// ---- one entry -----------------------------------------------------------------------------------------------------

function compileEntry(...request: Parameters<typeof stagesOf>): Compiled {
  const { entry, report } = stagesOf(...request);
  return { entry, report };
}

/** A compiled entry, and what it was on the way there: for the command line to show. */
export interface Stages extends Compiled {
  /** The graph as it was written, and after each pass. */
  readonly graphs: readonly { readonly pass: string | null; readonly entry: Entry }[];
  readonly ordered: Ordered;
  readonly layout: Layout;
}

/** Compiles one entry, up to its sequence of kernels with their addresses. Needs no device, and all dimensions bound. */
export function stagesOf(
  program: Program<unknown>,
  name: string,
  dims: Dims,
  target: TargetSetup,
  options: CompileOptions = {},
  warn: (message: string) => void = () => {},
): Stages {
  checkDTypes(program, target.traits);
  const skip = new Set(options.skip ?? []);
  const passes: PassReport[] = [];
  const timed: Timed = (pass, run, count) => {
    const started = performance.now();
    const result = run();
    passes.push({ name: pass, ms: performance.now() - started, nodes: count(result) });
    return result;
  };
  let entry = program.entries.get(name) as Entry;
  const graphs: Stages["graphs"][number][] = [{ pass: null, entry }];
  for (const [i, pass] of graphPasses.entries()) {
    if (pass === simplify && skip.has("simplify")) continue;
    entry = timed(
      pass.name,
      () => verified(pass, graphPasses.slice(0, i), entry, dims, warn),
      (result) => neededNodes(result).length,
    );
    graphs.push({ pass: pass.name, entry });
  }
  const bound = program.inputs.map(({ path, leaf }) => ({
    name: path,
    dtype: leaf.dtype,
    shape: leaf.shape.map((dim) => (typeof dim === "string" ? (dims[dim] ?? 0) : dim)),
  }));
  for (const { name: path, dtype, shape } of bound)
    checkSize(`the input "${path}", ${dtype}${printShape(shape)}`, shape);
  checkSizes(entry);
  const ordered = fuseAndOrder(entry, target.traits, skip, timed);
  const plain = timed("lower", () => lower(ordered, target.traits), countLaunches);
  const schedule = (): Sequence => {
    try {
      return checkKernels("schedule", scheduleAll(expandAll(plain), target));
    } catch (error) {
      checkKernels("lower", plain); // whose fault it is; otherwise kernels are checked once, as that is 5% of a cold compilation
      throw error;
    }
  };
  const sequence =
    skip.has("schedule") && target.traits.name !== "wgsl"
      ? checkKernels("lower", expandAll(plain))
      : timed("schedule", schedule, countLaunches);
  checkIndexes(sequence, entry, target.traits);
  const declared = {
    state: stateBuffers(program, ordered.buffers),
    input: bound.map(({ name: path, dtype, shape }) => ordered.buffers.named("input", path, { dtype, shape })),
    output: entry.outputs.map(({ name: path, node }) =>
      ordered.buffers.named("output", path, { dtype: node.type.dtype, shape: fixedShape(node.type.shape) }),
    ),
  };
  const addresses = timed(
    "plan",
    () => layout(sequence, declared, target.traits, !skip.has("plan")),
    (result) => result.arena.placements.length,
  );
  const { buffers, segmentBytes, freedAfter, arena } = addresses;
  const sound = launchesOf(sequence).map(({ kernel }) => kernel); // checked above
  const unbound = checkSequence(sequence, buffers, sound);
  if (unbound !== null) throw new CompilerBug(`pass "plan" broke: ${unbound}\n${printSequence(sequence)}`);
  const slotOf = (buffer: Buffer): BufferSlot => {
    const slot = buffers.get(buffer);
    if (slot === undefined) throw new CompilerBug(`${printBuffer(buffer)} has no address`);
    return slot;
  };
  const compiled: CompiledEntry = {
    name,
    dims,
    sequence,
    buffers,
    inputs: inputSlots(entry, declared.input.map(slotOf)),
    outputs: new Map(declared.output.map((buffer) => [buffer.name, slotOf(buffer)])),
    segmentBytes,
    freedAfter,
  };
  const memory = {
    ...arena,
    stateBytes: segmentBytes.state,
    inputBytes: segmentBytes.input,
    outputBytes: segmentBytes.output,
  };
  return { entry: compiled, report: reportOf(compiled, ordered, passes, memory), graphs, ordered, layout: addresses };
}

/** An entry after the passes up to one, but its dimensions still names: for people to read. */
export function afterPass(entry: Entry, last: "differentiate" | "simplify"): Entry {
  const upTo = graphPasses.slice(0, graphPasses.findIndex(({ name }) => name === last) + 1);
  const passes = upTo.filter((pass) => pass !== specialize);
  return passes.reduce((made, pass, i) => verified(pass, passes.slice(0, i), made, {}, () => {}), entry);
}

/** Runs a pass and notes how long it took and how much came out. */
type Timed = <T>(pass: string, run: () => T, count: (result: T) => number) => T;

/**
 * Which nodes share a kernel, and in which order kernels run. Fusion counts a state that changes in place as one buffer; where
 * `order` finds that it cannot, and a kernel has no buffer left for its next value, fusion is done again without counting on it.
 */
export function fuseAndOrder(
  entry: Entry,
  target: TargetTraits,
  skip: ReadonlySet<Skippable> = new Set(),
  timed: Timed = (_, run) => run(),
): Ordered {
  const apart = new Set<string>();
  for (let round = 1; ; round++) {
    const fused = timed(
      "fuse",
      () => (skip.has("fuse") ? leaveUnfused(entry, target) : fuse(entry, target, apart)),
      ({ groups }) => groups.length,
    );
    const ordered = timed(
      "order",
      () => order(fused, { inPlace: !skip.has("order") }),
      ({ steps }) => steps.length,
    );
    const short = statesWithoutRoom(ordered, target.maxBuffers);
    if (short.length === 0) return ordered;
    // Another partition may copy other states, so in the end none is counted on.
    for (const name of round < 3 ? short : entry.next.map((next) => next.name)) apart.add(name);
  }
}

/** Runs a pass and checks what it made; `done` are the passes before it. */
function verified(
  pass: GraphPass,
  done: readonly GraphPass[],
  entry: Entry,
  dims: Dims,
  warn: (message: string) => void,
): Entry {
  const next = pass.run(entry, { dims, warn });
  if (next === entry) return entry;
  const broken = checkGraph(
    next.graph,
    [...done, pass].flatMap(({ expands }) => expands ?? []),
  );
  if (broken !== null) {
    throw new CompilerBug(
      `pass "${pass.name}" broke: ${broken}\nbefore\n${printEntry(entry)}\nafter\n${printEntry(next)}`,
    );
  }
  return next;
}

/** Checks every kernel of a sequence after the pass `made` it. */
function checkKernels(pass: string, sequence: Sequence): Sequence {
  for (const step of sequence) {
    const broken = step.kind === "launch" ? checkKernel(step.kernel) : null;
    if (broken !== null && step.kind === "launch") {
      throw new CompilerBug(`pass "${pass}" broke: ${broken}\n${printKernel(step.kernel)}`);
    }
  }
  return sequence;
}

/** Schedules find sums and products in loops. */
function expandAll(sequence: Sequence): Sequence {
  return sequence.map((step) => (step.kind === "launch" ? { ...step, kernel: expandFolds(step.kernel) } : step));
}

function scheduleAll(sequence: Sequence, target: TargetSetup): Sequence {
  const launches = sequence.filter((step) => step.kind === "launch");
  const kernels = scheduleAlike(
    launches.map((step) => step.kernel),
    (kernel) => target.schedule(kernel),
  );
  const scheduled = new Map(launches.map((step, i) => [step, kernels[i] as Kernel]));
  return sequence.map((step) => (step.kind === "launch" ? { ...step, kernel: scheduled.get(step) as Kernel } : step));
}

/** Inputs, with the range that a use as labels demands. */
function inputSlots(entry: Entry, slots: readonly BufferSlot[]): readonly InputSlot[] {
  const below = new Map<string, Picks>();
  const used = new Set<string>();
  for (const node of neededNodes(entry)) {
    if (node.op === input) used.add(String(node.attrs.name));
    const labels = node.op === oneHot ? sameIntegers(node.args[0] as Node) : undefined;
    if (labels?.op !== input) continue;
    const name = String(labels.attrs.name);
    const limit = Number(node.attrs.depth);
    const ignored = typeof node.attrs.ignored === "number" ? node.attrs.ignored : null;
    const known = below.get(name) ?? { limit: Number.POSITIVE_INFINITY, ignored, line: "" };
    below.set(name, {
      limit: Math.min(limit, known.limit),
      ignored: ignored === known.ignored ? known.ignored : null, // what one use refuses is refused
      line: limit < known.limit ? atLine(node.origins[0]) : known.line,
    });
  }
  return slots.map((buffer) => ({
    path: buffer.name,
    parts: splitPath(buffer.name),
    buffer,
    used: used.has(buffer.name),
    below: below.get(buffer.name) ?? null,
  }));
}

function reportOf(
  compiled: CompiledEntry,
  ordered: Ordered,
  passes: readonly PassReport[],
  memory: EntryReport["memory"],
): EntryReport {
  const computed = new Map([...ordered.fused.homes.keys()].map((node) => [node.id, node]));
  const kernels = launchesOf(compiled.sequence).map(({ id, kernel, nodes }): KernelReport => {
    const { name, flops, bytes, schedule } = kernel;
    const fuses = [...new Set(nodes.flatMap((node) => computed.get(node) ?? []).map(printNode))];
    return { step: id, name, fuses, flops, bytes, schedule };
  });
  const { peakBytes, lowerBoundBytes, withoutReuseBytes, stateBytes, inputBytes, outputBytes } = memory;
  return {
    entry: compiled.name,
    dims: compiled.dims,
    passes,
    kernels,
    launches: countLaunches(compiled.sequence),
    copies: compiled.sequence.filter((step) => step.kind === "copy").length,
    copied: Object.fromEntries(ordered.copied),
    memory: { peakBytes, lowerBoundBytes, withoutReuseBytes, stateBytes, inputBytes, outputBytes },
    picks: compiled.inputs.flatMap(({ path, below }) => (below === null ? [] : [{ input: path, ...below }])),
    buffers: [...compiled.buffers.values()],
  };
}
