/**
 * By rows: an entry whose inputs are rows of arrays that the device holds. It is fed the numbers of the rows alone.
 *
 *   x: f32[batch,784]    ->    gather(x: u8[60000,784], rows: i32[batch]), and 1/255 of it
 *
 * The numbers are to the bit those of rows that the host gathers: there a product is made in float64 and rounded once, so bytes are
 * multiplied, divided or looked up, whichever gives the same for all 256 of them.
 */
import { CompilerBug } from "../core/errors.ts";
import { there } from "../core/records.ts";
import { type Entry, rebuild } from "../graph/entry.ts";
import type { Build, Node } from "../graph/node.ts";
import { gather } from "../graph/ops/gather.ts";
import { input } from "../graph/ops/source.ts";
import type { Dim } from "../graph/shape.ts";
import type { Program } from "./program.ts";
import { InputSpec } from "./spec.ts";
import type { NamedLeaf } from "./tree.ts";

/** How a byte becomes a number of f32: `of` it, `by` a number, or the entry of a table. */
export type ByteScale = { readonly how: "times" | "over"; readonly by: number } | { readonly how: "table" };

/** An input of which the device holds all rows. */
export interface HeldInput {
  /** The input's path. */
  readonly path: string;
  /** Null where the rows are held as the input takes them; bytes become f32 by it. */
  readonly scale: ByteScale | null;
}

/** What such an entry is fed with: so many i32, the numbers of rows. */
export const rowsPath = "rows";

/** The table of the bytes of an input: f32[256]. */
export const tablePath = (path: string): string => `${path} table`;

/** What `entry` of the program becomes where `count` rows of these inputs are held, as a program of that entry alone. */
export function byRows(
  { inputs, states, entries }: Program<unknown>,
  entry: string,
  held: readonly HeldInput[],
  count: number,
): Program<unknown> & { readonly name: string } {
  const written = entries.get(entry);
  if (written === undefined) throw new CompilerBug(`by rows: there is no entry "${entry}"`);
  const name = `${prefixOf(entry)}${count} of ${held.map(described).join(", ")})`;
  const columns = new Map(held.map((one) => [one.path, one]));
  const leaves: NamedLeaf<InputSpec>[] = [];
  const wanted = new Set<Dim | undefined>();
  for (const { path, leaf } of inputs) {
    const column = columns.get(path);
    if (column === undefined) throw new CompilerBug(`by rows: the rows of "${path}" are not held`);
    wanted.add(leaf.shape[0]);
    const dtype = column.scale === null ? leaf.dtype : "u8";
    leaves.push({ path, leaf: new InputSpec([count, ...leaf.shape.slice(1)], dtype, entry) });
    if (column.scale?.how === "table") leaves.push({ path: tablePath(path), leaf: new InputSpec([256], "f32", entry) });
  }
  const [batch, ...others] = [...wanted];
  if (batch === undefined || others.length > 0) throw new CompilerBug("by rows: inputs have no batch in common");
  const rows: NamedLeaf<InputSpec> = { path: rowsPath, leaf: new InputSpec([batch], "i32") };
  const specs = new Map([rows, ...leaves].map(({ path, leaf }) => [path, leaf]));
  const made = rebuild(written, (node, _, build) =>
    node.op === input ? rowsOf(node, columns, specs, build) : undefined,
  );
  return { inputs: [rows, ...leaves], states, entries: new Map<string, Entry>([[name, { ...made, name }]]), name };
}

/** Whether it is the name of an entry by rows. */
export function isByRows(name: string, entry: string): boolean {
  return name.startsWith(prefixOf(entry));
}

/** The entry that one by rows, of this name, was made of; null for any other. */
export function entryByRows(name: string): string | null {
  const end = name.indexOf(byRowsWords);
  return end < 0 ? null : name.slice(0, end);
}

const byRowsWords = " by rows (";
const prefixOf = (entry: string): string => `${entry}${byRowsWords}`;

/** How bytes are scaled to the same bits; `divides` where the target's division is rounded as the standard says. */
export function byteScale(scale: number, divides: boolean): ByteScale {
  const factor = Math.fround(scale);
  const divisor = Math.fround(1 / scale);
  const wanted = scaledBytes(scale);
  const isSame = (make: (byte: number) => number): boolean =>
    wanted.every((value, byte) => Object.is(value, Math.fround(make(byte))));
  if (isSame((byte) => byte * factor)) return { how: "times", by: factor };
  return divides && isSame((byte) => byte / divisor) ? { how: "over", by: divisor } : { how: "table" };
}

/** Each byte times the scale, made in float64 and rounded once. */
export function scaledBytes(scale: number): Float32Array {
  return Float32Array.from({ length: 256 }, (_, byte) => byte * scale);
}

function rowsOf(
  node: Node,
  columns: ReadonlyMap<string, HeldInput>,
  specs: ReadonlyMap<string, InputSpec>,
  build: Build,
): Node {
  const path = String(node.attrs.name);
  const source = (name: string): Node => {
    const { dtype, shape } = there(specs.get(name), `input "${name}"`);
    return build.node(input, [], { name, dtype, shape });
  };
  const found = build.node(gather, [source(path), source(rowsPath)], { axis: 0 });
  const scale = columns.get(path)?.scale ?? null;
  if (scale === null) return found;
  if (scale.how === "table")
    return build.node(gather, [source(tablePath(path)), build.cast(found, "i32")], { axis: 0 });
  const number = build.cast(found, "f32");
  if (scale.by === 1) return number;
  return build.map(scale.how === "times" ? "mul" : "div", number, build.fill(number, scale.by));
}

function described({ path, scale }: HeldInput): string {
  if (scale === null) return path;
  return scale.how === "table" ? `bytes ${path} by a table` : `bytes ${path} ${scale.how} ${scale.by}`;
}
