/**
 * Feeds: checking what a user gives a call, before anything runs.
 *
 * Every message names the feed, what was wanted and what was found. What kinds of numbers there are is in host-values.ts.
 */

import type { HalfFloats } from "../core/arrays.ts";
import type { DType } from "../core/dtype.ts";
import type { InputSpec } from "../dsl/spec.ts";
import { type NamedLeaf, splitPath } from "../dsl/tree.ts";
import { printShape, type Shape } from "../graph/shape.ts";
import { type InputSlot, labelsInWords, type Picks } from "../program/compiled.ts";
import { copyOf, feedError, type NestedNumbers, refuse, toValues, typeIn } from "./host-values.ts";
import type { ArrayOf, TypedArray } from "./typed-arrays.ts";

/** A tensor's numbers, row-major: the dtype's typed array, (nested) arrays of numbers, or one number for a scalar. */
export type Feed = ViewOf<DType> | number | boolean | NestedNumbers;

/** Typed arrays over the memory that a dtype has. */
export type ViewOf<D extends DType> =
  | ArrayOf<D>
  | (D extends "f16" ? HalfFloats : never)
  | (D extends "u8" | "bool" ? Uint8ClampedArray : never);

/** A tree shaped like the program's inputs. */
export type Feeds = { readonly [name: string]: Feed | Feeds };

/** What an input of this shape and dtype takes. */
type FeedOf<S extends Shape, D extends DType> =
  | ViewOf<D>
  | NestedNumbers
  | (S["length"] extends 0 ? number | boolean : never);

/** The feeds of a program with this tree of inputs. An entry may leave out what it does not read. */
export type FeedsOf<Inputs> = unknown extends Inputs
  ? Feeds
  : Inputs extends InputSpec<infer S, infer D>
    ? FeedOf<S, D>
    : { readonly [K in keyof Inputs]?: FeedsOf<Inputs[K]> };

/** An input as the program declares it, before dimensions are bound. */
export interface DeclaredInput {
  readonly path: string;
  readonly parts: readonly string[];
  readonly dtype: InputSpec["dtype"];
  readonly shape: Shape;
}

export function declaredInputs(inputs: readonly NamedLeaf<InputSpec>[]): DeclaredInput[] {
  return inputs.map(({ path, leaf }) => ({ path, parts: splitPath(path), dtype: leaf.dtype, shape: leaf.shape }));
}

/** The feed at a path, or undefined. Own properties only, so `__proto__` finds nothing that was not fed. */
export function feedAt(feeds: Feeds, parts: readonly string[]): Feed | undefined {
  let found: unknown = feeds;
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i];
    if (part === undefined || typeof found !== "object" || found === null || !Object.hasOwn(found, part))
      return undefined;
    found = (found as Readonly<Record<string, unknown>>)[part];
  }
  return found as Feed | undefined;
}

/** Complains of feeds that no input asks for. */
export function checkNames(feeds: Feeds, inputs: readonly DeclaredInput[], entry: string): void {
  checkLevel(feeds, inputs, entry, 0, undefined);
}

/** `like` is an input under the same group, whose first `depth` names are those of this level. */
function checkLevel(
  feeds: Feeds,
  inputs: readonly DeclaredInput[],
  entry: string,
  depth: number,
  like: DeclaredInput | undefined,
): void {
  for (const name in feeds) {
    let known: DeclaredInput | undefined;
    for (let i = 0; i < inputs.length; i++) {
      const input = inputs[i];
      if (input?.parts[depth] === name && startAlike(input, like, depth)) known = input;
    }
    if (known === undefined) {
      const path = [...(like?.parts.slice(0, depth) ?? []), name].join(".");
      throw feedError(`${entry}: there is no input "${path}" (${listOf(inputs)})`);
    }
    const part = feeds[name];
    if (isGroup(part)) checkLevel(part, inputs, entry, depth + 1, known);
  }
}

function isGroup(part: Feed | Feeds | undefined): part is Feeds {
  return typeof part === "object" && !ArrayBuffer.isView(part) && !Array.isArray(part) && part !== null;
}

function startAlike(a: DeclaredInput, b: DeclaredInput | undefined, depth: number): boolean {
  for (let i = 0; i < depth; i++) if (a.parts[i] !== b?.parts[i]) return false;
  return true;
}

/** Feeds as they are now, for a call whose turn is later. */
export function copyFeeds(feeds: Feeds, inputs: readonly DeclaredInput[], entry: string): Feeds {
  checkNames(feeds, inputs, entry);
  type Group = Map<string, Group | Feed>;
  const copies: Group = new Map();
  for (const { parts } of inputs) {
    const feed = feedAt(feeds, parts);
    if (feed === undefined) continue;
    let group = copies;
    for (const part of parts.slice(0, -1)) {
      const found = group.get(part);
      const inner: Group = found instanceof Map ? found : new Map();
      group.set(part, inner);
      group = inner;
    }
    group.set(parts.at(-1) ?? "", copyOf(feed));
  }
  const toObject = (group: Group): Feeds =>
    Object.fromEntries([...group].map(([name, part]) => [name, part instanceof Map ? toObject(part) : part]));
  return toObject(copies);
}

function listOf(inputs: readonly DeclaredInput[]): string {
  if (inputs.length === 0) return "the program has no inputs";
  return `the inputs are ${inputs.map(({ path, dtype, shape }) => `${path}: ${dtype}${printShape(shape)}`).join(", ")}`;
}

/** How many numbers a feed holds; -1 where it is missing, or no feed. */
export function lengthOf(feed: Feed | undefined): number {
  if (feed === undefined) return -1;
  if (typeof feed === "number" || typeof feed === "boolean") return 1;
  if (ArrayBuffer.isView(feed)) return feed.length ?? -1; // a DataView has none
  return Array.isArray(feed) ? lengthOfList(feed) : -1;
}

function lengthOfList(list: readonly unknown[]): number {
  let sum = 0;
  for (const part of list) {
    const length = Array.isArray(part) ? lengthOfList(part) : typeof part === "object" ? -1 : 1;
    if (length < 0) return -1;
    sum += length;
  }
  return sum;
}

/** The feed as the typed array that the input takes. */
export function checkFeed(feed: Feed | undefined, slot: InputSlot, call: string): TypedArray {
  if (feed === undefined || feed === null) {
    throw feedError(`${call}: the feed "${slot.path}" (${typeIn(slot.buffer)}) is missing`);
  }
  const values = toValues(feed, slot.buffer, call);
  if (slot.below !== null) checkRange(values, slot, slot.below, call);
  return values;
}

function checkRange(values: TypedArray, { buffer }: InputSlot, below: Picks, call: string): void {
  for (let i = 0; i < values.length; i++) {
    const value = values[i] ?? Number.NaN;
    if ((value >= 0 && value < below.limit) || value === below.ignored) continue;
    throw refuse(buffer, call, `has ${value} at position ${i}; ${labelsInWords(below)}`);
  }
}
