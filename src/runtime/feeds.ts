/**
 * Feeds: checking what a user gives a call, before anything runs.
 *
 * Every message names the feed, what was wanted and what was found. Nothing is allocated for typed arrays that fit.
 */

import type { InputSpec } from "../dsl/spec.ts";
import type { NamedLeaf } from "../dsl/tree.ts";
import { FeedError } from "../errors.ts";
import { printShape, type Shape } from "../graph/shape.ts";
import { arrayTypeOf, type InputSlot, type TypedArray } from "./compiled.ts";

/** A tensor's numbers, row-major: the dtype's typed array, (nested) arrays of numbers, or one number for a scalar. */
export type Feed = TypedArray | number | boolean | NestedNumbers;
export type NestedNumbers = readonly (number | boolean | NestedNumbers)[];

/** A tree shaped like the program's inputs. */
export type Feeds = { readonly [name: string]: Feed | Feeds };

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

/** The names that `joinPath` put together. */
export function splitPath(path: string): string[] {
  return path.split(/(?<!\\)\./).map((part) => part.replace(/\\(.)/g, "$1"));
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

/** Complains of feeds that no input asks for. */
export function checkNames(feeds: Feeds, inputs: readonly DeclaredInput[], entry: string): void {
  for (const name in feeds) {
    let known = false;
    for (let i = 0; i < inputs.length; i++) if (inputs[i]?.parts[0] === name) known = true;
    if (!known) throw new FeedError(`${entry}: there is no input "${name}" (${listOf(inputs)})`);
  }
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
    throw new FeedError(`${entry}: the feed "${slot.path}" (${typeIn(slot)}) is missing`);
  const ArrayType = arrayTypeOf(dtype);
  let values: TypedArray;
  if (ArrayBuffer.isView(feed)) {
    if (!(feed instanceof ArrayType)) {
      throw new FeedError(
        `${entry}: the feed "${slot.path}" is a ${feed.constructor.name}; ${typeIn(slot)} takes a ${ArrayType.name}`,
      );
    }
    values = feed;
  } else values = fromNumbers(feed, slot, entry);
  if (values.length !== count) {
    throw new FeedError(
      `${entry}: the feed "${slot.path}" has ${values.length} numbers; ${typeIn(slot)} takes ${count}`,
    );
  }
  if (slot.below !== null) checkRange(values, slot, slot.below, entry);
  return values;
}

/** For messages. */
function typeIn({ buffer }: InputSlot): string {
  return `${buffer.dtype}${printShape(buffer.shape)}`;
}

function fromNumbers(feed: number | boolean | NestedNumbers, slot: InputSlot, entry: string): TypedArray {
  const { dtype, shape } = slot.buffer;
  const numbers: number[] = [];
  const take = (part: unknown, axis: number): void => {
    if (typeof part === "number" || typeof part === "boolean") {
      if (axis !== shape.length && !(axis === 1 && shape.length !== 1)) wrongShape();
      numbers.push(Number(part));
    } else if (Array.isArray(part)) {
      if (axis > 0 && part.length !== shape[axis]) wrongShape();
      for (const inner of part) take(inner, axis + 1);
    } else {
      throw new FeedError(`${entry}: the feed "${slot.path}" holds ${String(part)}, which is no number`);
    }
  };
  const wrongShape = (): never => {
    throw new FeedError(`${entry}: the feed "${slot.path}" is not shaped like ${dtype}${printShape(shape)}`);
  };
  take(feed, 0);
  return arrayTypeOf(dtype).from(numbers) as TypedArray;
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
    throw new FeedError(
      `${entry}: the feed "${slot.path}" has ${value} at position ${i}; labels go from 0 to ${below.limit - 1}${below.line}`,
    );
  }
}
