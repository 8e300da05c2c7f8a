/**
 * Feeds: checking what a user gives a call, before anything runs.
 *
 * Every message names the feed, what was wanted and what was found. Nothing is allocated for typed arrays that fit.
 */

import type { InputSpec } from "../dsl/spec.ts";
import { type NamedLeaf, splitPath } from "../dsl/tree.ts";
import { FeedError } from "../errors.ts";
import { type DType, isFloat, roundTo } from "../graph/dtype.ts";
import { atLine, here } from "../graph/origin.ts";
import { printShape, type Shape } from "../graph/shape.ts";
import { type ArrayOf, arrayTypeOf, type InputSlot, type TypedArray } from "./compiled.ts";

/** A tensor's numbers, row-major: the dtype's typed array, (nested) arrays of numbers, or one number for a scalar. */
export type Feed = TypedArray | number | boolean | NestedNumbers;
export type NestedNumbers = readonly (number | boolean | NestedNumbers)[];

/** A tree shaped like the program's inputs. */
export type Feeds = { readonly [name: string]: Feed | Feeds };

/** What an input of this shape and dtype takes. */
type FeedOf<S extends Shape, D extends DType> =
  | ArrayOf<D>
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
    const part = parts[i] as string;
    if (typeof found !== "object" || found === null || !Object.hasOwn(found, part)) return undefined;
    found = (found as Readonly<Record<string, unknown>>)[part];
  }
  return found as Feed | undefined;
}

/** An error about a feed or state, with the line of the user's call. */
export function feedError(message: string): FeedError {
  return new FeedError(message + atLine(here("feed")));
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
      const input = inputs[i] as DeclaredInput;
      if (input.parts[depth] === name && startAlike(input, like, depth)) known = input;
    }
    if (known === undefined) {
      const path = [...(like?.parts.slice(0, depth) ?? []), name].join(".");
      throw feedError(`${entry}: there is no input "${path}" (${listOf(inputs)})`);
    }
    const part = feeds[name];
    const isGroup = typeof part === "object" && !ArrayBuffer.isView(part) && !Array.isArray(part) && part !== null;
    if (isGroup) checkLevel(part as Feeds, inputs, entry, depth + 1, known);
  }
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
    group.set(parts.at(-1) ?? "", copyFeed(feed));
  }
  const toObject = (group: Group): Feeds =>
    Object.fromEntries([...group].map(([name, part]) => [name, part instanceof Map ? toObject(part) : part]));
  return toObject(copies);
}

function copyFeed(feed: Feed): Feed {
  if (ArrayBuffer.isView(feed)) return feed.slice();
  const copyPart = (part: number | boolean | NestedNumbers): number | boolean | NestedNumbers =>
    Array.isArray(part) ? part.map(copyPart) : part;
  return copyPart(feed);
}

function listOf(inputs: readonly DeclaredInput[]): string {
  if (inputs.length === 0) return "the program has no inputs";
  return `the inputs are ${inputs.map(({ path, dtype, shape }) => `${path}: ${dtype}${printShape(shape)}`).join(", ")}`;
}

/** How many numbers a feed holds; -1 where it is missing. */
export function lengthOf(feed: Feed | undefined): number {
  if (feed === undefined) return -1;
  if (typeof feed === "number" || typeof feed === "boolean") return 1;
  if (ArrayBuffer.isView(feed)) return feed.length;
  if (!Array.isArray(feed)) return -1;
  return feed.reduce((sum: number, part) => sum + (Array.isArray(part) ? lengthOf(part) : 1), 0);
}

/** The feed as the typed array that the input takes. */
export function checkFeed(feed: Feed | undefined, slot: InputSlot, entry: string): TypedArray {
  const { dtype, count } = slot.buffer;
  if (feed === undefined || feed === null)
    throw feedError(`${entry}: the feed "${slot.path}" (${typeIn(slot)}) is missing`);
  const ArrayType = arrayTypeOf(dtype);
  let values: TypedArray;
  if (ArrayBuffer.isView(feed)) {
    if (!(feed instanceof ArrayType)) {
      throw feedError(
        `${entry}: the feed "${slot.path}" is a ${feed.constructor.name}; ${typeIn(slot)} takes a ${ArrayType.name}`,
      );
    }
    values = feed;
  } else values = fromNumbers(feed, slot, entry);
  if (values.length !== count) {
    throw feedError(`${entry}: the feed "${slot.path}" has ${values.length} numbers; ${typeIn(slot)} takes ${count}`);
  }
  if (dtype === "bool") checkBool(values, slot, entry);
  if (slot.below !== null) checkRange(values, slot, slot.below, entry);
  return values;
}

/** For messages. */
function typeIn({ buffer }: InputSlot): string {
  return `${buffer.dtype}${printShape(buffer.shape)}`;
}

/** Nested arrays in the tensor's shape, or one flat array; numbers that the dtype cannot hold exactly are refused. */
function fromNumbers(feed: number | boolean | NestedNumbers, slot: InputSlot, entry: string): TypedArray {
  const { shape } = slot.buffer;
  const isFlat = Array.isArray(feed) && feed.every((part) => !Array.isArray(part));
  const numbers: number[] = [];
  if (isFlat) for (const part of feed) numbers.push(elementOf(part, slot, entry));
  else collect(feed, shape, slot, entry, numbers);
  return arrayTypeOf(slot.buffer.dtype).from(numbers) as TypedArray;
}

function collect(part: unknown, shape: readonly number[], slot: InputSlot, entry: string, numbers: number[]): void {
  const [extent, ...inner] = shape;
  if (extent === undefined) {
    if (Array.isArray(part)) throw wrongShape(slot, entry);
    numbers.push(elementOf(part, slot, entry));
    return;
  }
  if (!Array.isArray(part) || part.length !== extent) throw wrongShape(slot, entry);
  for (const next of part) collect(next, inner, slot, entry, numbers);
}

function wrongShape(slot: InputSlot, entry: string): FeedError {
  return feedError(`${entry}: the feed "${slot.path}" is not shaped like ${typeIn(slot)}`);
}

function elementOf(value: unknown, slot: InputSlot, entry: string): number {
  if (typeof value !== "number" && typeof value !== "boolean") {
    throw feedError(`${entry}: the feed "${slot.path}" holds ${String(value)}, which is no number`);
  }
  const { dtype } = slot.buffer;
  const number = Number(value);
  if (!isFloat(dtype) && roundTo(dtype, number) !== number) {
    throw feedError(`${entry}: the feed "${slot.path}" holds ${number}, which is no ${dtype}`);
  }
  return number;
}

function checkRange(
  values: TypedArray,
  slot: InputSlot,
  below: { readonly limit: number; readonly line: string },
  entry: string,
): void {
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    if (value >= 0 && value < below.limit) continue;
    throw feedError(
      `${entry}: the feed "${slot.path}" has ${value} at position ${i}; labels go from 0 to ${below.limit - 1}${below.line}`,
    );
  }
}

/** Any other byte would be true in some places and unequal to true in others. */
function checkBool(values: TypedArray, slot: InputSlot, entry: string): void {
  for (let i = 0; i < values.length; i++) {
    if ((values[i] as number) <= 1) continue;
    throw feedError(`${entry}: the feed "${slot.path}" has ${values[i]} at position ${i}; a bool is 0 or 1`);
  }
}
