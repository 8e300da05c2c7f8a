/**
 * The sequence language: what runs in one call of an entry, in order.
 *
 * A sequence never looks inside a kernel and a kernel never contains another. A kernel is a function and a launch its call: the
 * buffer parameters are bound one by one, and their names are those of whoever launched it first.
 * Whoever tells something of a step (report, picture, profiler, what is freed after it) tells it by the step's id: positions
 * change when a pass makes two launches of one.
 *
 * A loop runs the steps of its body again and again; launches in it are told which iteration it is, and copies which rows:
 *
 *   loop t < 100
 *     launch k1_contract_add(zx, u, hs, z) at t
 *     launch k2_tanh_mul(z, c, hs) at t
 */
import { unreachable } from "../core/errors.ts";
import type { Node } from "../graph/node.ts";
import type { Kernel, LoopVar } from "../kernel/kernel.ts";
import type { Buffer } from "./buffer.ts";

/** Binds the parameter `param` of a kernel to a buffer. */
export interface Binding {
  readonly param: string;
  readonly buffer: Buffer;
}

export interface Launch {
  readonly kind: "launch";
  /** Unlike that of any other step of the sequence. */
  readonly id: number;
  /** For people: unlike that of any other launch of the sequence. */
  readonly name: string;
  /** Launches of kernels that are alike have one object for it. */
  readonly kernel: Kernel;
  readonly bindings: readonly Binding[];
  /** The loops around it whose iteration the kernel is given, in the order of the kernel's `iterations`. */
  readonly iterations: readonly LoopVar[];
  /** The graph nodes that it computes: what the kernel calls the first, the second, ... (`from`). In a loop, nodes of its body. */
  readonly nodes: readonly Node[];
}

/** `count` elements of a buffer, from `offset + by*iteration + ...` on. */
export interface Row {
  readonly count: number;
  readonly offset: number;
  readonly strides: readonly RowStride[];
}

export interface RowStride {
  /** A loop around. */
  readonly loop: LoopVar;
  readonly by: number;
}

/** Copies `from` over `to`, or a row of one or both; what is copied and what it is copied over have the same element type and count. */
export interface Copy {
  readonly kind: "copy";
  readonly id: number;
  readonly from: Buffer;
  readonly to: Buffer;
  /** Without it, the whole. */
  readonly fromRow?: Row;
  readonly toRow?: Row;
}

/** Runs its body `loop.extent` times. */
export interface LoopStep {
  readonly kind: "loop";
  readonly id: number;
  /** For people. */
  readonly name: string;
  /** It is this object wherever a step of the body speaks of it. */
  readonly loop: LoopVar;
  readonly body: Sequence;
  /** Buffers that keep what they hold from one iteration to the next. */
  readonly carried: readonly Buffer[];
  /** A result of the graph's loop that it is: for pictures. */
  readonly node?: Node;
}

/** Runs `test`, and as long as the flag is true then, `body` and `test` again: `body` at most `most` times. */
export interface WhileStep {
  readonly kind: "while";
  readonly id: number;
  readonly name: string;
  readonly test: Sequence;
  /** One bool. */
  readonly flag: Buffer;
  readonly most: number;
  readonly body: Sequence;
  readonly carried: readonly Buffer[];
  readonly node?: Node;
}

/** Runs one of two sequences. */
export interface BranchStep {
  readonly kind: "if";
  readonly id: number;
  readonly name: string;
  /** One bool. */
  readonly flag: Buffer;
  readonly yes: Sequence;
  readonly no: Sequence;
  readonly node?: Node;
}

export type Step = Launch | Copy | LoopStep | WhileStep | BranchStep;

/** A step that holds others. */
export type OuterStep = LoopStep | WhileStep | BranchStep;

export type Sequence = readonly Step[];

/** The buffers that a step itself touches, in order; not those of the steps that it holds. */
export function buffersOf(step: Step): readonly Buffer[] {
  switch (step.kind) {
    case "launch":
      return step.bindings.map(({ buffer }) => buffer);
    case "copy":
      return [step.from, step.to];
    case "loop":
      return step.carried;
    case "while":
      return [step.flag, ...step.carried];
    case "if":
      return [step.flag];
    default:
      return unreachable(step);
  }
}

/** Steps that hold others: here, in artifacts, and before their kernels are written. `B`: what they hold. */
export type Holding<B> =
  | { readonly kind: "launch" | "copy" | "group" }
  | { readonly kind: "loop"; readonly body: B }
  | { readonly kind: "while"; readonly test: B; readonly body: B }
  | { readonly kind: "if"; readonly yes: B; readonly no: B };

/** What a step holds, in the order in which it runs first. */
export function bodiesOf<B>(step: Holding<B>): readonly B[] {
  switch (step.kind) {
    case "loop":
      return [step.body];
    case "while":
      return [step.test, step.body];
    case "if":
      return [step.yes, step.no];
    default:
      return [];
  }
}

/** Every step, those that hold others before these. */
export function walkSteps(sequence: Sequence, visit: (step: Step) => void): void {
  for (const step of sequence) {
    visit(step);
    for (const body of bodiesOf<Sequence>(step)) walkSteps(body, visit);
  }
}

/** A place in the order of steps: a step that holds others has one before these and one behind. */
export interface Position {
  readonly step: Step;
  readonly isEnd: boolean;
}

/** What `first` and `last` of a lifetime count. */
export function positionsOf(sequence: Sequence): readonly Position[] {
  const positions: Position[] = [];
  const add = (steps: Sequence): void => {
    for (const step of steps) {
      const bodies = bodiesOf(step);
      positions.push({ step, isEnd: bodies.length === 0 });
      if (bodies.length === 0) continue;
      for (const body of bodies) add(body);
      positions.push({ step, isEnd: true });
    }
  };
  add(sequence);
  return positions;
}

/** The sequence with what becomes of each launch and copy, however deep. */
export function mapSteps(sequence: Sequence, change: (step: Launch | Copy) => Sequence): Sequence {
  return sequence.flatMap((step): Sequence => {
    if (step.kind === "launch" || step.kind === "copy") return change(step);
    return [mapBodies(step, (body) => mapSteps(body, change))];
  });
}

/** The step with what becomes of the sequences that it holds. */
export function mapBodies(step: OuterStep, change: (body: Sequence) => Sequence): OuterStep {
  switch (step.kind) {
    case "loop":
      return { ...step, body: change(step.body) };
    case "while":
      return { ...step, test: change(step.test), body: change(step.body) };
    case "if":
      return { ...step, yes: change(step.yes), no: change(step.no) };
    default:
      return unreachable(step);
  }
}

/** The launches in a sequence, each once, in order. */
export function launchesOf(sequence: Sequence): readonly Launch[] {
  const launches: Launch[] = [];
  walkSteps(sequence, (step) => {
    if (step.kind === "launch") launches.push(step);
  });
  return launches;
}

/** What they launch, each kernel once, in the order in which it comes first. */
export function kernelsOf(sequence: Sequence): readonly Kernel[] {
  return [...new Set(launchesOf(sequence).map(({ kernel }) => kernel))];
}

/** The sequence with what became of its kernels. */
export function mapKernels(sequence: Sequence, change: (kernel: Kernel) => Kernel): Sequence {
  return mapSteps(sequence, (step) => [step.kind === "launch" ? launching(step, change(step.kernel)) : step]);
}

/** A kernel may have come to do with fewer parameters. */
function launching(step: Launch, kernel: Kernel): Launch {
  if (kernel.buffers.length === step.bindings.length) return { ...step, kernel };
  const params = new Set(kernel.buffers.map(({ name }) => name));
  return { ...step, kernel, bindings: step.bindings.filter(({ param }) => params.has(param)) };
}

/** Every launch and copy, with how often it runs in a call: what stands under a flag counts once. */
export function eachTime(sequence: Sequence, visit: (step: Launch | Copy, times: number) => void, times = 1): void {
  for (const step of sequence) {
    if (step.kind === "launch" || step.kind === "copy") visit(step, times);
    else {
      const inside = step.kind === "loop" ? times * step.loop.extent : times;
      for (const body of bodiesOf(step)) eachTime(body, visit, inside);
    }
  }
}

/** How many launches are made in a call, and how many copies. */
export function countSteps(sequence: Sequence): { readonly launches: number; readonly copies: number } {
  let [launches, copies] = [0, 0];
  eachTime(sequence, ({ kind }, times) => {
    if (kind === "launch") launches += times;
    else copies += times;
  });
  return { launches, copies };
}

/** An id for a step that a pass adds. */
export function freshStepId(sequence: Sequence): number {
  let most = -1;
  walkSteps(sequence, ({ id }) => {
    most = Math.max(most, id);
  });
  return most + 1;
}
