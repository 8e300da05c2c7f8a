/**
 * What the `wasm` target prints for an entry: one module, and the map of the memory that it works on. Plain data, which a
 * machine loads, the command line writes to a file, and people read.
 *
 * Addresses stand in the code. Each is five bytes of LEB128, and `relocations` says where, as in the object files of other
 * toolchains: so an entry is printed once, wherever a machine has room for it.
 */
import { type Artifact, type ArtifactStep, allSteps, type StepOf } from "../../src/program/artifact.ts";
import type { Segment } from "../../src/program/buffer.ts";

/** A part of memory that may lie anywhere: the segments, and the threads' shared arrays ("panels"). */
export type WasmRegion = Segment | "panels";

export interface WasmRelocation {
  /** Where the address stands in the module. */
  readonly at: number;
  readonly region: WasmRegion;
  /** Signed LEB128 in a constant, unsigned in a load or store. */
  readonly signed: boolean;
}

export interface WasmArtifact extends Artifact {
  /** The module's bytes, for regions that begin at `bases`. */
  readonly module: Uint8Array<ArrayBuffer>;
  readonly bases: Readonly<Record<WasmRegion, number>>;
  readonly bytes: Readonly<Record<WasmRegion, number>>;
  /** The first address above all regions. */
  readonly end: number;
  readonly relocations: readonly WasmRelocation[];
  /** How many threads run each step. */
  readonly threads: number;
  /** Operations and bytes of a call: whether it is worth to optimize the module before it has run. */
  readonly work: number;
  /** Whether its memory is one that threads can share. */
  readonly shared: boolean;
  /**
   * Neighbouring vectors may be joined. Not where functions pass vectors on: over sums of those the optimizing compiler of V8 14 can
   * end the process.
   */
  readonly joinsVectors: boolean;
  /** Multiply-adds are rounded once, which an engine may lack. */
  readonly relaxed: boolean;
}

/** What is known of an engine. */
export interface WasmFacts {
  /** It makes one vector of 256 bits of two neighbouring ones. */
  readonly joinsVectors: boolean;
  /** It has multiply-adds that are rounded once, and may use them. */
  readonly relaxed: boolean;
  /** How many threads will run a step, if none are kept from starting: what schedules may be for, and no meaning depends on. */
  readonly threads: number;
}

/** The steps that are functions of the module. */
export type CallStep = StepOf<"launch" | "copy">;

export function callSteps(steps: readonly ArtifactStep[]): readonly CallStep[] {
  return allSteps(steps).filter((step) => step.kind === "launch" || step.kind === "copy");
}

/** What such a function takes behind the thread: the iterations of the loops at these depths. */
export function iterationsOf(step: CallStep): readonly number[] {
  if (step.kind === "launch") return step.iterations;
  const strides = [...(step.fromRow?.strides ?? []), ...(step.toRow?.strides ?? [])];
  return [...new Set(strides.map(({ depth }) => depth))];
}

/** The module for regions that begin elsewhere. */
export function relocated(
  { module, bases, relocations }: Pick<WasmArtifact, "module" | "bases" | "relocations">,
  elsewhere: Readonly<Record<WasmRegion, number>>,
): Uint8Array<ArrayBuffer> {
  const moved = new Set(
    relocations.map(({ region }) => region).filter((region) => bases[region] !== elsewhere[region]),
  );
  if (moved.size === 0) return module;
  const bytes = module.slice();
  for (const { at, region, signed } of relocations) {
    if (moved.has(region)) addToLeb(bytes, at, elsewhere[region] - bases[region], signed);
  }
  return bytes;
}

/** Adds to a number of five bytes. */
export function addToLeb(bytes: Uint8Array, at: number, by: number, signed: boolean): void {
  writeLeb(bytes, at, readLeb(bytes, at) + by, signed);
}

function readLeb(bytes: Uint8Array, at: number): number {
  let value = 0;
  for (let i = 4; i >= 0; i--) value = (value << 7) | ((bytes[at + i] ?? 0) & 0x7f);
  return value >>> 0;
}

export function writeLeb(bytes: Uint8Array, at: number, value: number, signed: boolean): void {
  for (let i = 0; i < 4; i++) bytes[at + i] = ((value >>> (7 * i)) & 0x7f) | 0x80;
  bytes[at + 4] = signed ? ((value | 0) >> 28) & 0x7f : value >>> 28;
}
