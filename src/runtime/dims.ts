/**
 * Symbolic dimensions as feeds show them.
 *
 * A typed array shows one number, its length; nested arrays show every dimension. What no feed shows stays as compiled.
 */
import { UserError } from "../core/errors.ts";
import { didYouMean, show as showValue, whole } from "../core/options.ts";
import { atLine, here } from "../core/origin.ts";
import { bindDim, type Dim, type Dims, dimNames, printShape, type Shape } from "../graph/shape.ts";
import type { CompiledEntry } from "../program/compiled.ts";
import { type DeclaredInput, type Feed, type Feeds, feedAt, lengthOf } from "./feeds.ts";
import { feedError } from "./host-values.ts";

/** Whether every feed is a typed array (or a number) of the specialization's length. Allocates nothing. */
export function fitsFeeds(entry: CompiledEntry, feeds: Feeds): boolean {
  for (let i = 0; i < entry.inputs.length; i++) {
    const slot = entry.inputs[i];
    if (slot === undefined) continue;
    const feed = feedAt(feeds, slot.parts);
    if (Array.isArray(feed)) return false; // shows its shape, not just its length
    const length = lengthOf(feed);
    if (length >= 0 && length !== slot.buffer.count) return false;
  }
  return true;
}

/** Sizes of the dimensions as the feeds of a call imply them. Throws where they disagree or do not divide. */
export function dimsOfFeeds(call: string, inputs: readonly DeclaredInput[], feeds: Feeds, compiled: Dims): Dims {
  const shown = new Map<string, { readonly size: number; readonly by: string }>();
  const show = (dim: Dim, size: number, by: string): void => {
    if (typeof dim !== "string" || dimNames([dim])[0] !== dim) return;
    const known = shown.get(dim);
    if (known !== undefined && known.size !== size) {
      throw feedError(`${call}: the feeds disagree about "${dim}": "${known.by}" has ${known.size}, "${by}" ${size}`);
    }
    shown.set(dim, { size, by });
  };
  for (const input of inputs) {
    const extents = nestedExtents(feedAt(feeds, input.parts));
    const isFitting = input.shape.every((dim, axis) => typeof dim === "string" || dim === extents[axis]);
    if (extents.length !== input.shape.length || !isFitting) continue; // checking the feed will say so
    for (const [axis, dim] of input.shape.entries()) show(dim, extents[axis] ?? 0, input.path);
  }
  for (const input of inputs) showByLength(call, input, feedAt(feeds, input.parts), shown, show);
  return { ...compiled, ...Object.fromEntries([...shown].map(([dim, { size }]) => [dim, size])) };
}

/** A length tells one dimension, when the others of the input are known. */
function showByLength(
  call: string,
  input: DeclaredInput,
  feed: Feed | undefined,
  shown: ReadonlyMap<string, { readonly size: number }>,
  show: (dim: Dim, size: number, by: string) => void,
): void {
  if (Array.isArray(feed) && Array.isArray(feed[0])) return; // shows its shape
  const length = lengthOf(feed);
  const known = Object.fromEntries([...shown].map(([dim, { size }]) => [dim, size]));
  const open = input.shape.filter((dim) => dimNames([dim]).some((name) => !shown.has(name)));
  const [dim] = open;
  if (length >= 0 && dim === undefined && dimNames(input.shape).length > 0) {
    const wanted = input.shape.reduce((product: number, d) => product * bindDim(d, known), 1);
    if (length === wanted) return;
    const sizes = [...shown].map(([name, { size }]) => `${name} = ${size}`).join(", ");
    throw feedError(
      `${call}: the feed "${input.path}" has ${length} numbers; ${input.dtype}${printShape(input.shape)} takes ${wanted}, as ` +
        `another feed shows ${sizes}`,
    );
  }
  if (length < 0 || dim === undefined || open.length > 1 || dimNames([dim])[0] !== dim) return;
  const perUnit = input.shape.reduce((product: number, d) => (d === dim ? product : product * bindDim(d, known)), 1);
  if (perUnit === 0) return;
  if (length % perUnit !== 0) {
    throw feedError(
      `${call}: the feed "${input.path}" has ${length} numbers, which is no multiple of ${perUnit} as ` +
        `${input.dtype}${printShape(input.shape)} needs`,
    );
  }
  show(dim, length / perUnit, input.path);
}

/** Lengths of nested arrays from the outside in; none for typed arrays and numbers. */
function nestedExtents(feed: Feed | undefined): readonly number[] {
  const extents: number[] = [];
  for (let part: unknown = feed; Array.isArray(part); part = part[0]) extents.push(part.length);
  return extents;
}

/** Every symbolic dimension needs a size, and every size a dimension. */
export function checkDims(
  call: string,
  inputs: readonly { readonly leaf: { readonly shape: Shape } }[],
  dims: Dims,
): void {
  const fail = (problem: string): never => {
    throw new UserError(`${call}: ${problem}${atLine(here(call))}`);
  };
  const known = [...new Set(inputs.flatMap(({ leaf }) => dimNames(leaf.shape)))];
  for (const name of known) {
    const size: unknown = Object.hasOwn(dims, name) ? dims[name] : undefined;
    if (size === undefined) fail(`the dimension "${name}" has no size: pass dims: { ${name}: 128 }, say`);
    if (!whole({ from: 0 }).accepts(size))
      fail(`the dimension "${name}" must be a whole number, not ${showValue(size)}`);
  }
  for (const name of Object.keys(dims)) {
    if (known.includes(name)) continue;
    const hint = didYouMean(name, known);
    fail(
      `the program has no dimension "${name}"${hint} (${known.length === 0 ? "it has none" : `it has ${known.join(", ")}`})`,
    );
  }
}
