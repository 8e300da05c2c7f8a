/**
 * Layers against those of Keras: outputs, gradients of inputs and weights, next values of slots, and masks, as the fixtures in
 * test/fixtures/keras have them. All cases of a file are one program a target.
 *
 *   layersLikeKeras("layers-core", { Dense: ({ units, activation }) => dense(units, { activation }), ... })
 *
 * A case whose class has no line fails; one that is refused or answered otherwise on purpose stands in `otherwise`, with why, and
 * in docs/from-keras.md.
 */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { stateLeaf } from "../src/dsl/spec.ts";
import { tensorLeaf } from "../src/dsl/tensor.ts";
import { leavesOf, mapTree } from "../src/dsl/tree.ts";
import { add, bool, cast, compile, f32, grad, type InputSpec, i32, type Layer, mul, type ParamTensors, program, type Shape, slotUpdates, sum, type Tensor } from "../src/index.ts"; // biome-ignore format: names
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
    readonly mask?: Numbers | null;
    readonly attention_mask?: Numbers;
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
  return (JSON.parse(text) as { cases: readonly LayerCase[] }).cases;
}

type Any = Tensor<Shape, "f32">;
type Found = Readonly<Record<string, ArrayLike<number>>>;

/** Tests for each case of a file on `js` and `wasm`. */
export function layersLikeKeras(file: string, table: LayerTable, otherwise: Otherwise = {}): void {
  const all = layerCases(file);
  const cases = all.filter(({ name }) => !Object.hasOwn(otherwise, name));
  test("every case has a layer, or says why not", () => {
    expect(cases.filter((one) => table[one.class] === undefined).map(({ name }) => name)).toEqual([]);
    expect(Object.keys(otherwise).filter((name) => !all.some((one) => one.name === name))).toEqual([]);
  });
  const known = cases.filter((one) => table[one.class] !== undefined);

  describe.each(["js", "wasm"] as const)(`${file} on %s`, (target) => {
    let found: Readonly<Record<string, Found>>;
    let dispose: () => void = () => {};
    beforeAll(async () => {
      const executable = await compile(programOf(known, table), { target });
      dispose = () => executable.dispose();
      found = (await executable.run({ entry: "step", feeds: feedsOf(known) as never })) as never;
    }, 60_000);
    afterAll(() => dispose());

    test.each(known.map((one, n) => [one.name, one, n] as const))("%s", (_name, one, n) => {
      const results = found[`c${n}`] ?? {};
      const close = (name: string, wanted: Numbers): void => {
        const ours = results[name];
        expect(ours, `${name} is there`).toBeDefined();
        expectClose(`${one.name}: ${name}`, ours ?? [], wanted);
      };
      for (const [i, wanted] of one.outputs.entries()) close(`y${i}`, wanted);
      for (const [i, wanted] of one.grad_inputs.entries()) if (wanted !== null) close(`x${i}`, wanted);
      for (const [i, wanted] of one.grad_weights.entries()) if (wanted !== null) close(`w${i}`, wanted);
      for (const wanted of one.state_after ?? []) close(`after ${indexOf(one, wanted)}`, wanted);
      for (const [i, wanted] of (one.output_masks ?? []).entries()) {
        if (wanted !== null && i === 0) close(`mask${i}`, wanted);
      }
    });
  });
}

function indexOf({ weights }: LayerCase, { name }: Numbers): number {
  return weights.findIndex((weight) => weight.name === name);
}

const specOf = ({ shape, dtype }: Numbers): InputSpec =>
  dtype === "bool" ? bool(...shape) : dtype?.startsWith("int") ? i32(...shape) : f32(...shape);

/** A case's inputs in order: x, weights, cotangents, masks. */
function partsOf(one: LayerCase): readonly (readonly [string, Numbers])[] {
  const named = (prefix: string, list: readonly Numbers[]) => list.map((it, i) => [`${prefix}${i}`, it] as const);
  const { mask, attention_mask } = one.call ?? {};
  return [
    ...named("x", one.inputs),
    ...named("w", one.weights),
    ...named("g", one.cotangents),
    ...(mask ? [["mask", mask] as const] : []),
    ...(attention_mask ? [["attention", attention_mask] as const] : []),
  ];
}

function feedsOf(cases: readonly LayerCase[]): Readonly<Record<string, readonly unknown[]>> {
  return Object.fromEntries(
    cases.flatMap((one, n) => partsOf(one).map(([name, { data }]) => [`c${n}${name}`, data.map(numberOf)] as const)),
  );
}

function programOf(cases: readonly LayerCase[], table: LayerTable) {
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
  const { training = false, mask, attention_mask: attention } = one.call ?? {};
  const masks = new Masks();
  if (mask) masks.give(xs[0] as Any, at("mask") as never);
  const slots = slotUpdates(params);
  const mode = { training, masks, slots, ...(attention ? { mask: at("attention") as never } : {}) };
  const isOne = layer.several === undefined || (xs.length === 1 && one.outputs.length === 1);
  const ys = isOne ? [layer.apply(params, xs[0] as Any, mode)] : (layer.several?.apply(params, xs, mode) ?? []);
  const loss = ys.map((y, i) => sum(mul(y, at(`g${i}`)))).reduce((a, b) => add(a, b)) as Tensor<[], "f32">;
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
  const given = masks.of(ys[0] as Any) ?? (layer.masking === "pass" && mask ? at("mask") : undefined);
  if (given !== undefined) results.push(["mask0", cast(given as Tensor, "f32")]);
  return Object.fromEntries(results);
}

/** Keras's weights, in its order, as the layer's parameters. */
function paramsOf(one: LayerCase, tree: ParamTree, at: (name: string) => Any): ParamTensors {
  const leaves = leavesOf(tree, stateLeaf, one.name);
  const ours = leaves.map(({ leaf }) => `[${leaf.shape}]`);
  expect(ours, `${one.name}: shapes of the parameters ${leaves.map(({ path }) => path)}`).toEqual(
    one.weights.map(({ shape }) => `[${shape}]`),
  );
  let i = 0;
  return mapTree(tree, stateLeaf, one.name, () => at(`w${i++}`)) as ParamTensors;
}

export function numberOf(entry: Entry): number | boolean {
  if (typeof entry !== "string") return entry;
  return entry === "NaN" ? Number.NaN : entry === "Infinity" ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
}

/** Within 1e-5 of the largest element, which is three times what Keras's own float32 and float64 differ by. */
export function expectClose(
  what: string,
  ours: ArrayLike<number | boolean>,
  { data }: Numbers,
  tolerance = 1e-5,
): void {
  const wanted = data.map((entry) => Number(numberOf(entry)));
  expect(ours.length, `${what}: length`).toBe(wanted.length);
  const largest = Math.max(1e-3, ...wanted.filter(Number.isFinite).map(Math.abs));
  for (const [i, value] of wanted.entries()) {
    const found = Number(ours[i]);
    if (Object.is(found, value) || found === value || (Number.isNaN(found) && Number.isNaN(value))) continue;
    expect(Math.abs(found - value), `${what}[${i}]: ${found}, Keras has ${value}`).toBeLessThanOrEqual(
      tolerance * largest,
    );
  }
}
