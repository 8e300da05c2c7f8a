/**
 * Addresses, and what they are in the first lane.
 *
 *   x[784*i + k + 3], f32 at byte 4096     ->     local.get i; 3136 *; local.get k; 4 *; +       offset 4108 in the load
 *
 * The constant part of an address stands in the load or store itself, as long as the rest cannot be negative: the machine
 * adds both without wrapping.
 */

import { byteWidth } from "../../src/core/dtype.ts";
import { isDynamic, splitOffset, sumIndex } from "../../src/kernel/index-expr.ts";
import type { Index, Term } from "../../src/kernel/kernel.ts";
import { replaceLoops } from "../../src/kernel/rewrite.ts";
import type { Lanes, MemoryPlace } from "./context.ts";
import type { LateAddress } from "./refs.ts";

/** An address as the part that runs with loops and the part that a load or store carries. */
export interface Address {
  readonly moving: Index;
  readonly offset: LateAddress;
}

export function addressOf({ element, address }: MemoryPlace, at: Index): Address {
  const width = byteWidth(element);
  const { moving, offset } = splitOffset(at);
  if (moving.min < 0 || offset < 0) return { moving: at, offset: address };
  return { moving, offset: { region: address.region, offset: address.offset + offset * width } };
}

/** A moving part in which something loaded is a term: the sum of all others, with its constant where it has one still, and what is added to it. */
export interface Loaded {
  readonly known: Index;
  readonly terms: readonly Term[];
}

export function loadedIn(moving: Index): Loaded | null {
  if (moving.kind !== "sum" || !isDynamic(moving)) return null;
  const isLoaded = ({ index }: Term): boolean => isDynamic(index);
  const known = moving.terms.filter((term) => !isLoaded(term));
  return known.length === 0 ? null : { known: sumIndex(known, moving.offset), terms: moving.terms.filter(isLoaded) };
}

/** `addressOf(...).moving`, which is the same in all memory. */
export function movingPart(at: Index): Index {
  const { moving, offset } = splitOffset(at);
  return moving.min < 0 || offset < 0 ? at : moving;
}

/** How `pointers` calls an address: shared arrays have one base in a function, buffers none. */
export function pointerKey(memory: MemoryPlace, moving: Index): number {
  return 16 * moving.id + (memory.base === null ? 0 : 8) + (byteWidth(memory.element) - 1);
}

/** The index of lane 0. */
export function firstLane(index: Index, lanes: Lanes): Index {
  if (!index.reads.includes(lanes.loop)) return index;
  lanes.first ??= replaceLoops(new Map([[lanes.loop, index.pool.integer(0)]]));
  return lanes.first.index(index);
}
