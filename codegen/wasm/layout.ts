/**
 * Where a module of ours finds what it works on: how its memory is divided, and among how many threads its steps are.
 *
 *   control block | state | arena | input | output | panels, one set a thread | held inputs
 *
 * These are the addresses that a module is printed with. They suit a module that has a memory of its own; a machine that has
 * several moves the regions (`relocated` in artifact.ts), all but the states, which come first.
 */
import type { Kernel } from "../../src/kernel/kernel.ts";
import type { Addresses, Crew } from "../../src/program/artifact.ts";
import { eachTime, launchesOf, type Sequence } from "../../src/program/sequence.ts";
import { controlBytes } from "./abi.ts";
import type { WasmRegion } from "./artifact.ts";

export interface WasmLayout {
  readonly bases: Readonly<Record<WasmRegion, number>>;
  readonly bytes: Readonly<Record<WasmRegion, number>>;
  /** The first address above all regions. */
  readonly end: number;
  /** Bytes from one thread's panels to the next one's. */
  readonly panelStride: number;
  /** How many threads run each step. With 1 there are no barriers. */
  readonly threads: number;
  /** Operations and bytes of a call. */
  readonly work: number;
  readonly shared: boolean;
}

/** Regions, and a kernel's shared arrays ("panels"), begin at multiples of this: a cache line. */
const alignment = 64;

export function layOut(sequence: Sequence, { segmentBytes }: Addresses, crew: Crew): WasmLayout {
  const amount = amountOf(sequence);
  const threads = crew.sparing && !isWorthThreads(amount) ? 1 : crew.threads;
  const panelStride = panelBytes(sequence);
  const bytes = { ...segmentBytes, panels: panelStride * threads };
  let end = aligned(controlBytes);
  const take = (region: WasmRegion): number => {
    const base = end;
    end += aligned(bytes[region]);
    return base;
  };
  const bases = {
    state: take("state"),
    arena: take("arena"),
    input: take("input"),
    output: take("output"),
    panels: take("panels"),
    held: take("held"),
  };
  return { bases, bytes, end, panelStride, threads, work: amount.work, shared: crew.shared };
}

/** Operations and bytes of a call below which it stays on one thread: waking another takes 13 us, as long as 300,000 of them. */
const leastShared = 300_000;

/** The same of a launch in a loop, on average: behind each the threads meet, which takes half a microsecond where all are awake. */
const leastInLoop = 20_000;

/** How much a call does. */
interface Amount {
  /** Operations and bytes. */
  readonly work: number;
  /** Those of launches in loops. */
  readonly inLoops: number;
  /** How often these are launched. */
  readonly launches: number;
}

function amountOf(sequence: Sequence): Amount {
  let [work, inLoops, launches] = [0, 0, 0];
  eachTime(sequence, (step, times) => {
    if (step.kind !== "launch") return;
    const own = times * (step.kernel.flops + step.kernel.bytes);
    work += own;
    if (times === 1) return;
    inLoops += own;
    launches += times;
  });
  return { work, inLoops, launches };
}

function isWorthThreads({ work, inLoops, launches }: Amount): boolean {
  return work - inLoops >= leastShared || (work >= leastShared && inLoops >= leastInLoop * launches);
}

/** Byte offsets of a kernel's shared arrays from its thread's panels, in order, and their sum. */
export function panelOffsets(kernel: Kernel): { readonly offsets: readonly number[]; readonly bytes: number } {
  const offsets: number[] = [];
  let bytes = 0;
  for (const { count } of kernel.shared) {
    offsets.push(bytes);
    bytes += aligned(count * 4);
  }
  return { offsets, bytes };
}

/** Bytes of panels that a thread needs for a sequence: kernels run one after another and share them. */
export function panelBytes(sequence: Sequence): number {
  return launchesOf(sequence).reduce((most, { kernel }) => Math.max(most, panelOffsets(kernel).bytes), 0);
}

function aligned(bytes: number): number {
  return Math.ceil(bytes / alignment) * alignment;
}
