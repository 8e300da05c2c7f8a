/**
 * Layers of Keras's fixtures as programs of ours: one program for all cases of a file, its feeds, and how far what comes out is from
 * Keras's numbers. Nothing here is a test: the GPU's cases run it too.
 */
import { readFileSync } from "node:fs";
import { stateLeaf } from "../src/dsl/spec.ts";
import { tensorLeaf } from "../src/dsl/tensor.ts";
import { leavesOf, mapTree } from "../src/dsl/tree.ts";
import { add, bool, cast, f32, grad, type InputSpec, i32, type Layer, mul, type ParamTensors, program, type Shape, scalar, slotUpdates, sum, type Tensor } from "../src/index.ts"; // biome-ignore format: names
import type { ParamTree } from "../src/nn/layers/layer.ts";
import { Masks } from "../src/nn/layers/masks.ts";

type Entry = number | boolean | string;

/** A tensor as the fixtures have it. */
export interface Numbers {
  readonly name?: string;
  readonly shape: readonly number[];
  readonly data: readonly Entry[];
  readonly dtype?: string;
}

/** A case's options, by Keras's names. */
export class KerasOptions {
  readonly #given: Readonly<Record<string, unknown>>;

  constructor(given: Readonly<Record<string, unknown>>) {
    this.#given = given;
  }

  /** One that is given by position here: `get<number>("units")`. */
  get<T>(name: string): T {
    return this.#given[name] as T;
  }

  /** The others, by our names: camelCase, but those in `renamed`; null is left out. The caller's type is believed. */
  others<T>(position: readonly string[] = [], renamed: Readonly<Record<string, string>> = {}): T {
    const named = Object.entries(this.#given)
      .filter(([name, value]) => !position.includes(name) && value !== null)
      .map(([name, value]) => [renamed[name] ?? camel(name), value]);
    return Object.fromEntries(named) as T;
  }
}

function camel(name: string): string {
  return name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());
}

export interface LayerCase {
  readonly name: string;
  readonly class: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly call?: {
    readonly training?: boolean;
    /** Of the first input, or of each. */
    readonly mask?: Numbers | readonly (Numbers | null)[] | null;
    readonly attention_mask?: Numbers;
    readonly query_mask?: Numbers;
    readonly value_mask?: Numbers;
    readonly [name: string]: unknown;
  };
  readonly inputs: readonly Numbers[];
  readonly weights: readonly Numbers[];
  readonly outputs: readonly Numbers[];
  readonly cotangents: readonly Numbers[];
  readonly grad_inputs: readonly (Numbers | null)[];
  readonly grad_weights: readonly (Numbers | null)[];
  readonly state_after?: readonly Numbers[];
  readonly output_masks?: readonly (Numbers | null)[];
}

/** Gives our layer for a case of one class. */
export type LayerTable = Readonly<Record<string, (options: KerasOptions, one: LayerCase) => Layer>>;

export interface Otherwise {
  /** Cases that are no layer of ours or come out otherwise on purpose, each with why. */
  readonly [name: string]: string;
}

export function layerCases(file: string): readonly LayerCase[] {
  const text = readFileSync(new URL(`fixtures/keras/${file}.json`, import.meta.url), "utf8");
  const ungraded = { cotangents: [], grad_inputs: [], grad_weights: [] }; // of some there is no gradient
  return (JSON.parse(text) as { cases: readonly LayerCase[] }).cases.map((one) => ({ ...ungraded, ...one }));
}

type Any = Tensor<Shape, "f32">;
/** What comes out, by cases and names. */
export type Found = Readonly<Record<string, number | ArrayLike<number>>>;

export function indexOf({ weights }: LayerCase, { name }: Numbers): number {
  return weights.findIndex((weight) => weight.name === name);
}

const specOf = ({ shape, dtype }: Numbers): InputSpec =>
  dtype === "bool" ? bool(...shape) : dtype?.startsWith("int") ? i32(...shape) : f32(...shape);

/** Masks of a case's inputs, by their numbers. */
function masksOf({ call: { mask, query_mask, value_mask } = {} }: LayerCase): readonly (readonly [number, Numbers])[] {
  const listed = Array.isArray(mask) ? (mask as readonly (Numbers | null)[]) : [mask as Numbers | null, value_mask];
  return [query_mask ?? listed[0], ...listed.slice(1)].flatMap((it, i) => (it ? [[i, it] as const] : []));
}

/** A case's inputs in order: x, weights, cotangents, masks. */
function partsOf(one: LayerCase): readonly (readonly [string, Numbers])[] {
  const named = (prefix: string, list: readonly Numbers[]) => list.map((it, i) => [`${prefix}${i}`, it] as const);
  const { attention_mask } = one.call ?? {};
  return [
    ...named("x", one.inputs),
    ...named("w", one.weights),
    ...named("g", one.cotangents),
    ...masksOf(one).map(([i, mask]) => [`mask${i}`, mask] as const),
    ...(attention_mask ? [["attention", attention_mask] as const] : []),
  ];
}

export function feedsOf(cases: readonly LayerCase[]): Readonly<Record<string, readonly unknown[]>> {
  return Object.fromEntries(
    cases.flatMap((one, n) => partsOf(one).map(([name, { data }]) => [`c${n}${name}`, data.map(numberOf)] as const)),
  );
}

export function programOf(cases: readonly LayerCase[], table: LayerTable) {
  const inputs = Object.fromEntries(
    cases.flatMap((one, n) => partsOf(one).map(([name, numbers]) => [`c${n}${name}`, specOf(numbers)] as const)),
  );
  return program({
    inputs,
    step: (given: Readonly<Record<string, Tensor>>) => ({
      outputs: Object.fromEntries(
        cases.map((one, n) => [`c${n}`, resultsOf(one, (name) => given[`c${n}${name}`] as Any, table)]),
      ),
    }),
  });
}

/** Everything that a case asks for, by name. */
function resultsOf(one: LayerCase, at: (name: string) => Any, table: LayerTable): Readonly<Record<string, Tensor>> {
  const layer = table[one.class]?.(new KerasOptions(one.options), one) as Layer;
  const xs = one.inputs.map((_, i) => at(`x${i}`));
  const samples = one.inputs.map(({ shape }) => shape.slice(1));
  const tree = layer.several === undefined ? layer.params(samples[0] ?? []) : layer.several.params(samples);
  const params = paramsOf(one, tree, at);
  const { training = false, attention_mask: attention } = one.call ?? {};
  const masks = new Masks();
  for (const [i] of masksOf(one)) masks.give(xs[i] as Any, at(`mask${i}`) as never);
  const slots = slotUpdates(params);
  const mode = { training, masks, slots, ...(attention ? { mask: at("attention") as never } : {}) };
  const isOne = layer.several === undefined || (xs.length === 1 && one.outputs.length === 1);
  const all = isOne ? [layer.apply(params, xs[0] as Any, mode)] : (layer.several?.apply(params, xs, mode) ?? []);
  const ys = all.slice(0, one.outputs.length); // a layer may give more than Keras's was asked for
  const weighted = one.cotangents.map((_, i) => sum(mul(ys[i] as Any, at(`g${i}`))));
  const loss = weighted.reduce((a, b) => add(a, b), scalar(0)) as Tensor<[], "f32">;
  const weights = leavesOf(params, tensorLeaf, "params").map(({ leaf }) => leaf as Any);
  const results: [string, Tensor][] = ys.map((y, i) => [`y${i}`, y]);
  for (const [i, wanted] of one.grad_inputs.entries())
    if (wanted !== null) results.push([`x${i}`, grad(loss, xs[i] as Any)]);
  for (const [i, wanted] of one.grad_weights.entries())
    if (wanted !== null) results.push([`w${i}`, grad(loss, weights[i] as Any)]);
  const paths = leavesOf(params, tensorLeaf, "params").map(({ path }) => path);
  for (const after of one.state_after ?? []) {
    const i = indexOf(one, after);
    const next = slots.values.get(paths[i] ?? "");
    if (next !== undefined) results.push([`after ${i}`, next]);
  }
  const given =
    masks.of(ys[0] as Any) ?? (layer.masking === "pass" && masksOf(one).length > 0 ? at("mask0") : undefined);
  if (given !== undefined) results.push(["mask0", cast(given as Tensor, "f32")]);
  return Object.fromEntries(results);
}

/** Keras's weights, in its order, as the layer's parameters. */
function paramsOf(one: LayerCase, tree: ParamTree, at: (name: string) => Any): ParamTensors {
  const leaves = leavesOf(tree, stateLeaf, one.name);
  const ours = leaves.map(({ leaf }) => `[${leaf.shape}]`);
  const theirs = one.weights.map(({ shape }) => `[${shape}]`);
  if (ours.join() !== theirs.join()) {
    throw new Error(`${one.name}: parameters ${leaves.map(({ path }) => path)} have shapes ${ours}, Keras's ${theirs}`);
  }
  let i = 0;
  return mapTree(tree, stateLeaf, one.name, () => at(`w${i++}`)) as ParamTensors;
}

export function numberOf(entry: Entry): number | boolean {
  if (typeof entry !== "string") return entry;
  return entry === "NaN" ? Number.NaN : entry === "Infinity" ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
}

/** Numbers, and what their largest element counts as at least. */
export interface Wanted extends Numbers {
  readonly least?: number;
}

/** What is wrong with ours, in words: it must be within 1e-5 of the largest element, three times what Keras's float32 and float64 differ by. */
export function differenceFrom(
  given: number | ArrayLike<number | boolean>,
  { data, least = 1e-3 }: Wanted,
  tolerance = 1e-5,
): string | null {
  const ours = typeof given === "number" ? [given] : given;
  const wanted = data.map((entry) => Number(numberOf(entry)));
  if (ours.length !== wanted.length) return `has ${ours.length} numbers, Keras ${wanted.length}`;
  const largest = Math.max(least, ...wanted.filter(Number.isFinite).map(Math.abs));
  for (const [i, value] of wanted.entries()) {
    const found = Number(ours[i]);
    if (Object.is(found, value) || found === value || (Number.isNaN(found) && Number.isNaN(value))) continue;
    if (!(Math.abs(found - value) <= tolerance * largest)) return `[${i}] is ${found}, Keras has ${value}`;
  }
  return null;
}

/** All that a case asks for, by the names that `programOf` gives its outputs. */
export function wantedOf(one: LayerCase): readonly (readonly [string, Wanted])[] {
  // The gradient of a key's bias is 0 but for rounding: it is held to what the others of the case are.
  const slopes = one.grad_weights.flatMap((it) => it?.data.map((entry) => Math.abs(Number(entry))) ?? []);
  const least = Math.max(1e-3, 0.1 * Math.max(0, ...slopes.filter(Number.isFinite)));
  const named = (prefix: string, list: readonly (Wanted | null)[]) =>
    list.flatMap((it, i) => (it === null ? [] : [[`${prefix}${i}`, it] as const]));
  return [
    ...named("y", one.outputs),
    ...named("x", one.grad_inputs),
    ...named(
      "w",
      one.grad_weights.map((it) => it && { ...it, least }),
    ),
    ...(one.state_after ?? []).map((it) => [`after ${indexOf(one, it)}`, it] as const),
    ...named("mask", (one.output_masks ?? []).slice(0, 1)),
  ];
}
