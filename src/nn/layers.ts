/**
 * Layers: a model as a description. A layer tells which parameters it needs for a given input, and applies them.
 *
 *   const net = sequential([dense(512, { activation: "relu" }), dropout(0.2), dense(10, { activation: "softmax" })]);
 *   const model = net.params([784]);        { dense1: { kernel, bias }, dense2: { kernel, bias } }: state of a program
 *   net.apply(model, image)                 inside an entry, where `model` are tensors
 *
 * Nothing is stored in a layer: parameters are program state like any other, so `trainer` and a hand-written program use
 * the same layers. `config` is what a layer is made from, as JSON; `layerFrom` (from-config.ts) makes it again.
 */

import type { DType } from "../core/dtype.ts";
import { ShapeError, UserError } from "../core/errors.ts";
import {
  callable,
  checkArguments,
  checkOptions,
  checkValue,
  count,
  flag,
  type Kind,
  number,
  type OptionTable,
  oneOf,
  text,
} from "../core/options.ts";
import { atLine, here } from "../core/origin.ts";
import { dropout as dropElements, flatten as flattenTensor } from "../dsl/composites.ts";
import {
  glorotNormal,
  glorotUniform,
  heNormal,
  heUniform,
  type Initializer,
  ones,
  zeros,
} from "../dsl/initializers.ts";
import { add, dot } from "../dsl/ops.ts";
import { freeze, param, type StateSpec } from "../dsl/spec.ts";
import { Tensor } from "../dsl/tensor.ts";
import { joinPath } from "../dsl/tree.ts";
import { type Shape, sizeOf } from "../graph/shape.ts";
import { type Config, codeConfig, compactConfig } from "./config.ts";
import { type LayerDefinition, layer } from "./custom-layer.ts";
import { type ActivationName, activate, activationNames, applyLayer, type Layer, type Mode, type ParamTensors, type ParamTree, type ShapeRule } from "./layer.ts"; // biome-ignore format: names
import { configOfRegularizer, type Regularizer, regularizerKind } from "./regularizers.ts";

/** What every layer may be given. */
export interface LayerOptions {
  /** What its parameters stand under in a model, and what `watch` finds its output by. By default counted: "dense1". */
  readonly name?: string;
}

/** Options of a dense layer. */
export interface DenseOptions extends LayerOptions {
  /** "linear" by default: none. */
  readonly activation?: ActivationName;
  /** Whether a bias is added. True by default. */
  readonly useBias?: boolean;
  /** Starting weights for a shape; `glorotUniform` by default, as in Keras. The bias starts at zero. */
  readonly initializer?: (...shape: number[]) => Initializer;
  /** Whether training changes the weights. False makes them plain state: no gradients, no moments. True by default. */
  readonly trainable?: boolean;
  /** Penalties that are added to the loss: `l2(1e-4)`, or a function of the tensor. Only weights that are trained have one. */
  readonly kernelRegularizer?: Regularizer;
  /** The same for the bias. */
  readonly biasRegularizer?: Regularizer;
}

const layerTable: OptionTable<LayerOptions> = { name: text };

const activationKind: Kind<ActivationName> = oneOf(...activationNames);

const denseTable: OptionTable<DenseOptions> = {
  ...layerTable,
  activation: activationKind,
  useBias: flag,
  initializer: callable(),
  trainable: flag,
  kernelRegularizer: regularizerKind,
  biasRegularizer: regularizerKind,
};

/** activation(x · kernel + bias), along the last axis: every input to each of `units` outputs. */
export function dense<const N extends number>(units: N, options: DenseOptions = {}): Layer<N> {
  checkArguments("dense", arguments, 2);
  const origin = here("dense");
  const {
    activation: ending = "linear",
    useBias = true,
    initializer = glorotUniform,
    trainable = true,
    name,
    kernelRegularizer,
    biasRegularizer,
  } = checkOptions<DenseOptions>("dense", options, denseTable, { before: "10, ", origin });
  checkValue("dense", "the number of units", units, count, origin);
  if (!useBias && biasRegularizer !== undefined) {
    throw new UserError(`dense: a biasRegularizer needs a bias: leave useBias: false out${atLine(origin)}`);
  }
  const state = (start: Initializer): StateSpec => (trainable ? param(start) : freeze(param(start)));
  const regularizers: [string, Regularizer][] = [];
  if (kernelRegularizer !== undefined) regularizers.push(["kernel", kernelRegularizer]);
  if (biasRegularizer !== undefined) regularizers.push(["bias", biasRegularizer]);
  return builtIn({
    name: "dense",
    givenName: name,
    rule: units,
    activation: ending,
    regularizers: new Map(regularizers),
    config: {
      units,
      activation: ending,
      useBias,
      initializer: configOfInitializer(initializer),
      trainable,
      kernelRegularizer: configOfRegularizer(kernelRegularizer),
      biasRegularizer: configOfRegularizer(biasRegularizer),
    },
    outputShape: (sample) => [...sample.slice(0, -1), units],
    params(sample) {
      const inputs = sample.at(-1);
      if (inputs === undefined) throw new ShapeError(`dense(${units}): a sample must have an axis${atLine(origin)}`);
      const kernel = state(initializer(inputs, units));
      return useBias ? { kernel, bias: state(zeros(units)) } : { kernel };
    },
    apply(params, x, { logits }) {
      const product = dot(x, leaf(params, "kernel"));
      const sum = useBias ? add(product, leaf(params, "bias")) : product;
      return activate(logits ? "linear" : ending, sum);
    },
  });
}

/** An activation by itself. */
export function activation(name: ActivationName, options: LayerOptions = {}): Layer<"same"> {
  checkArguments("activation", arguments, 2);
  checkValue("activation", "its name", name, activationKind);
  const { name: givenName } = checkOptions("activation", options, layerTable, { before: '"relu", ' });
  return builtIn({
    name,
    givenName,
    rule: "same",
    activation: name,
    config: { kind: "activation", activation: name },
    apply: (_, x, { logits }) => activate(logits ? "linear" : name, x),
  });
}

/** Every sample as one row: [28, 28] becomes [784]. A layer, or the function on a tensor. */
export function flatten(options?: LayerOptions): Layer<"flatten">;
export function flatten<D extends DType>(x: Tensor<Shape, D>): Tensor<Shape, D>;
export function flatten(x: Tensor | LayerOptions = {}): Layer<"flatten"> | Tensor {
  checkArguments("flatten", arguments, 1);
  if (x instanceof Tensor) return flattenTensor(x);
  return builtIn({
    name: "flatten",
    givenName: checkOptions("flatten", x, layerTable).name,
    rule: "flatten",
    outputShape: (sample) => [sizeOf(sample)],
    apply: (_, input) => flattenTensor(input),
  });
}

/**
 * Zeroes each element with probability `rate` and scales the others by 1 / (1 - rate). A layer, which does so only while
 * training, or the function on a tensor, which always does.
 */
export function dropout(rate: number, options?: LayerOptions): Layer<"same">;
export function dropout<S extends Shape>(x: Tensor<S, "f32">, rate: number): Tensor<S, "f32">;
export function dropout(first: number | Tensor<Shape, "f32">, second?: number | LayerOptions): Layer<"same"> | Tensor {
  checkArguments("dropout", arguments, 2);
  if (first instanceof Tensor) return dropElements(first, second as number);
  checkValue("dropout", "the rate", first, number({ from: 0, below: 1 }));
  return builtIn({
    name: "dropout",
    givenName: checkOptions("dropout", second as LayerOptions, layerTable, { before: "0.5, " }).name,
    rule: "same",
    config: { rate: first },
    apply: (_, x, { training }) => (training && first > 0 ? dropElements(x, first) : x),
  });
}

export type RulesOf<L extends readonly Layer[]> = { readonly [K in keyof L]: L[K] extends Layer<infer R> ? R : "any" };

/** Layers one after the other. Its parameters stand under the layers' names, which are counted: dense1, dense2. */
export function sequential<const L extends readonly Layer[]>(layers: L, options: LayerOptions = {}): Layer<RulesOf<L>> {
  checkArguments("sequential", arguments, 2);
  if (!Array.isArray(layers) || !layers.every(isLayer)) {
    throw new UserError(
      `sequential takes a list of layers: sequential([dense(64, { activation: "relu" }), dense(10)])${atLine(here("sequential"))}`,
    );
  }
  const last = layers.at(-1);
  if (last === undefined) throw new UserError(`sequential: a model needs a layer${atLine(here("sequential"))}`);
  const named = keyed(layers);
  return builtIn({
    name: "sequential",
    givenName: checkOptions("sequential", options, layerTable, { before: "layers, " }).name,
    rule: layers.map(({ rule }) => rule) as unknown as RulesOf<L>,
    activation: last.activation,
    regularizers: new Map(
      named.flatMap(({ member, key }) =>
        [...(member.regularizers ?? [])].map(([path, regularizer]) => [`${joinPath("", key)}.${path}`, regularizer]),
      ),
    ),
    config: { layers: layers.map((member) => member.config ?? codeConfig(member.name)) },
    outputShape: (sample) => layers.reduce((shape, member) => member.outputShape(shape), sample),
    params(sample) {
      const found: [string, ParamTree][] = [];
      let shape = sample;
      for (const { member, key } of named) {
        const params = member.params(shape);
        if (Object.keys(params).length > 0) found.push([key, params]);
        shape = member.outputShape(shape);
      }
      return Object.fromEntries(found);
    },
    apply(params, x, { logits, onOutput, ...mode }) {
      const end = named.length - 1;
      return named.reduce((value, { member, key }, i) => {
        const withoutEnding = logits && i === end;
        const inside: Mode = { ...mode, logits: withoutEnding, ...watchInside(key, onOutput) };
        const output = applyLayer(member, subtree(params, key), value, inside);
        onOutput?.(joinPath("", key), withoutEnding ? activate(member.activation, output) : output);
        return output;
      }, x);
    },
  });
}

/** Tells of the layers inside the one called `key`. */
export function watchInside(key: string, onOutput: Mode["onOutput"]): Pick<Mode, "onOutput"> {
  if (onOutput === undefined) return {};
  return { onOutput: (path, output) => onOutput(`${joinPath("", key)}.${path}`, output) };
}

/** The part of a tree of parameters that belongs to one layer. */
export function subtree(params: ParamTensors, name: string): ParamTensors {
  return Object.hasOwn(params, name) ? (params[name] as ParamTensors) : {};
}

// ---- inside --------------------------------------------------------------------------------------------------------

/** Initializers that a config can name. */
export const initializers = { glorotUniform, glorotNormal, heUniform, heNormal, zeros, ones } as const;

function configOfInitializer(initializer: (...shape: number[]) => Initializer): Config {
  const known = Object.entries(initializers).find(([, made]) => made === initializer);
  return known === undefined ? codeConfig(initializer.name) : known[0];
}

/** It has what a layer must have. */
export function isLayer(given: unknown): boolean {
  return typeof given === "object" && given !== null && "apply" in given && "params" in given;
}

interface Keyed {
  readonly member: Layer;
  readonly key: string;
}

function keyed(layers: readonly Layer[]): readonly Keyed[] {
  const seen = new Map<string, number>();
  const taken = new Set<string>();
  return layers.map((member) => {
    const ordinal = (seen.get(member.name) ?? 0) + 1;
    if (member.givenName === undefined) seen.set(member.name, ordinal);
    const key = member.givenName ?? `${member.name}${ordinal}`;
    if (taken.has(key)) {
      throw new UserError(
        `sequential: two layers are called "${key}": give one another name${atLine(here("sequential"))}`,
      );
    }
    taken.add(key);
    return { member, key };
  });
}

interface Definition<R extends ShapeRule> extends Omit<LayerDefinition<ParamTree, R>, "config"> {
  readonly rule: R;
  /** Without kind and name where these are the layer's own. */
  readonly config?: Readonly<Record<string, Config | undefined>>;
}

/** A layer with the config that its kind and options make. */
function builtIn<R extends ShapeRule>({ config, ...definition }: Definition<R>): Layer<R> {
  const { name, givenName } = definition;
  return layer<ParamTree, R>({ ...definition, config: compactConfig({ kind: name, name: givenName, ...config }) });
}

function leaf(params: ParamTensors, name: string): Tensor<Shape, "f32"> {
  const found = params[name];
  if (found === undefined || !("dtype" in found)) {
    throw new UserError(`dense: the parameters have no tensor "${name}": give those that params() described`);
  }
  return found as Tensor<Shape, "f32">;
}
