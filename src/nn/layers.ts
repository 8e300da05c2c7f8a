/**
 * Layers: a model as a description. A layer tells which parameters it needs for a given input, and applies them.
 *
 *   const net = sequential([dense(512, { activation: "relu" }), dropout(0.2), dense(10, { activation: "softmax" })]);
 *   const model = net.params([784]);        { dense1: { kernel, bias }, dense2: { kernel, bias } }: state of a program
 *   net.apply(model, image)                 inside an entry, where `model` are tensors
 *
 * Nothing is stored in a layer: parameters are program state like any other, so `trainer` and a hand-written program use
 * the same layers. A layer of your own is an object with the members of `Layer`.
 */
import { dropout as dropElements, flatten as flattenTensor, relu, sigmoid, softmax } from "../dsl/composites.ts";
import { glorotUniform, type Initializer, zeros } from "../dsl/initializers.ts";
import { add, dot, tanh } from "../dsl/ops.ts";
import { param, type StateSpec } from "../dsl/spec.ts";
import type { Tensor } from "../dsl/tensor.ts";
import { ShapeError, UserError } from "../errors.ts";
import type { DType } from "../graph/dtype.ts";
import { atLine, here } from "../graph/origin.ts";
import { type Dim, type Shape, sizeOf } from "../graph/shape.ts";

/** Parameters by name: state of a program. */
export interface ParamTree {
  readonly [name: string]: StateSpec | ParamTree;
}

/** The same inside an entry. */
export interface ParamTensors {
  readonly [name: string]: Tensor | ParamTensors;
}

/** What a layer does to a shape, for the editor: a number is the new last axis, a list is one after the other. */
export type ShapeRule = "same" | "flatten" | "any" | number | readonly ShapeRule[];

export type OutputShape<R, S extends Shape> = R extends "same"
  ? S
  : R extends "flatten"
    ? S extends readonly [infer Batch extends Dim, ...Shape]
      ? [Batch, number]
      : Shape
    : R extends number
      ? S extends readonly [...infer Head extends Shape, Dim]
        ? [...Head, R]
        : Shape
      : R extends readonly []
        ? S
        : R extends readonly [infer First, ...infer Rest]
          ? OutputShape<Rest, OutputShape<First, S>>
          : Shape;

export interface Mode {
  /** Dropout and the like work only while training. False by default. */
  readonly training?: boolean;
  /** Leave the last activation out: logits in place of probabilities. False by default. */
  readonly logits?: boolean;
}

/** The shape of one sample, without the batch: `[784]`. */
export type SampleShape = readonly number[];

export interface Layer<R extends ShapeRule = ShapeRule> {
  /** "dense", "dropout"... Parameters are called after it. */
  readonly name: string;
  readonly rule: R;
  /** The activation that `apply` ends with: what `logits: true` leaves out. */
  readonly activation: ActivationName;
  outputShape(sample: SampleShape): SampleShape;
  params(sample: SampleShape): ParamTree;
  apply<const S extends Shape>(
    params: ParamTensors,
    x: Tensor<S, "f32">,
    mode?: Mode,
  ): Tensor<OutputShape<R, S>, "f32">;
}

export type ActivationName = "relu" | "sigmoid" | "tanh" | "softmax" | "linear";

const activations: Readonly<Record<ActivationName, (x: Tensor<Shape, "f32">) => Tensor<Shape, "f32">>> = {
  relu,
  sigmoid,
  tanh,
  softmax: (x) => softmax(x),
  linear: (x) => x,
};

export interface DenseOptions {
  /** "linear" by default: none. */
  readonly activation?: ActivationName;
  readonly useBias?: boolean;
  /** Starting weights for a shape; `glorotUniform` by default, as in Keras. The bias starts at zero. */
  readonly initializer?: (...shape: number[]) => Initializer;
}

/** activation(x · kernel + bias), along the last axis: every input to each of `units` outputs. */
export function dense<const N extends number>(units: N, options: DenseOptions = {}): Layer<N> {
  const origin = here("dense");
  const { activation: ending = "linear", useBias = true, initializer = glorotUniform } = options;
  checkActivation("dense", ending);
  if (!Number.isSafeInteger(units) || units < 1) {
    throw new UserError(`dense: the number of units must be a whole number from 1, not ${units}${atLine(origin)}`);
  }
  return layer({
    name: "dense",
    rule: units,
    activation: ending,
    outputShape: (sample) => [...sample.slice(0, -1), units],
    params(sample) {
      const inputs = sample.at(-1);
      if (inputs === undefined) throw new ShapeError(`dense(${units}): a sample must have an axis${atLine(origin)}`);
      const kernel = param(initializer(inputs, units));
      return useBias ? { kernel, bias: param(zeros(units)) } : { kernel };
    },
    apply(params, x, { logits = false }) {
      const product = dot(x, leaf(params, "kernel"));
      const sum = useBias ? add(product, leaf(params, "bias")) : product;
      return activate(logits ? "linear" : ending, sum);
    },
  });
}

/** An activation by itself. */
export function activation(name: ActivationName): Layer<"same"> {
  checkActivation("activation", name);
  return layer({
    name,
    rule: "same",
    activation: name,
    apply: (_, x, { logits = false }) => activate(logits ? "linear" : name, x),
  });
}

/** Every sample as one row: [28, 28] becomes [784]. A layer, or the function on a tensor. */
export function flatten(): Layer<"flatten">;
export function flatten<D extends DType>(x: Tensor<Shape, D>): Tensor<Shape, D>;
export function flatten(x?: Tensor): Layer<"flatten"> | Tensor {
  if (x !== undefined) return flattenTensor(x);
  return layer({
    name: "flatten",
    rule: "flatten",
    outputShape: (sample) => [sizeOf(sample)],
    apply: (_, input) => flattenTensor(input),
  });
}

/**
 * Zeroes each element with probability `rate` and scales the others by 1 / (1 - rate). A layer, which does so only while
 * training, or the function on a tensor, which always does.
 */
export function dropout(rate: number): Layer<"same">;
export function dropout<S extends Shape>(x: Tensor<S, "f32">, rate: number): Tensor<S, "f32">;
export function dropout(first: number | Tensor<Shape, "f32">, given?: number): Layer<"same"> | Tensor {
  if (typeof first !== "number") return dropElements(first, given ?? 0);
  if (!(first >= 0 && first < 1)) throw new UserError(`dropout: the rate must be from 0 to below 1, not ${first}`);
  return layer({
    name: "dropout",
    rule: "same",
    apply: (_, x, { training = false }) => (training && first > 0 ? dropElements(x, first) : x),
  });
}

type RulesOf<L extends readonly Layer[]> = { readonly [K in keyof L]: L[K] extends Layer<infer R> ? R : "any" };

/** Layers one after the other. Its parameters stand under the layers' names, counted: dense1, dense2. */
export function sequential<const L extends readonly Layer[]>(layers: L): Layer<RulesOf<L>> {
  const last = layers.at(-1);
  if (last === undefined) throw new UserError(`sequential: a model needs a layer${atLine(here("sequential"))}`);
  const seen = new Map<string, number>();
  const named = layers.map((member) => {
    const ordinal = (seen.get(member.name) ?? 0) + 1;
    seen.set(member.name, ordinal);
    return { member, key: `${member.name}${ordinal}` };
  });
  return layer({
    name: "sequential",
    rule: layers.map(({ rule }) => rule) as unknown as RulesOf<L>,
    activation: last.activation,
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
    apply(params, x, { training = false, logits = false }) {
      const end = named.length - 1;
      const step = (value: Tensor<Shape, "f32">, { member, key }: (typeof named)[number], i: number) =>
        member.apply(subtree(params, key), value, { training, logits: logits && i === end }) as Tensor<Shape, "f32">;
      return named.reduce(step, x);
    },
  });
}

// ---- inside --------------------------------------------------------------------------------------------------------

interface Definition<R extends ShapeRule> {
  readonly name: string;
  readonly rule: R;
  readonly activation?: ActivationName;
  readonly outputShape?: (sample: SampleShape) => SampleShape;
  readonly params?: (sample: SampleShape) => ParamTree;
  readonly apply: (params: ParamTensors, x: Tensor<Shape, "f32">, mode: Mode) => Tensor<Shape, "f32">;
}

/** Fills in what most layers do not care about: no parameters, the same shape, no activation. */
function layer<R extends ShapeRule>(definition: Definition<R>): Layer<R> {
  const { name, rule, activation: ending = "linear", outputShape, params, apply } = definition;
  return {
    name,
    rule,
    activation: ending,
    outputShape: outputShape ?? ((sample) => sample),
    params: params ?? (() => ({})),
    apply: (tensors, x, mode = {}) => apply(tensors, x as unknown as Tensor<Shape, "f32">, mode) as never,
  };
}

function activate(name: ActivationName, x: Tensor<Shape, "f32">): Tensor<Shape, "f32"> {
  return activations[name](x);
}

function checkActivation(call: string, name: string): void {
  if (Object.hasOwn(activations, name)) return;
  throw new UserError(
    `${call}: there is no activation "${name}" (there are: ${Object.keys(activations).join(", ")})${atLine(here(call))}`,
  );
}

function leaf(params: ParamTensors, name: string): Tensor<Shape, "f32"> {
  const found = params[name];
  if (found === undefined || !("dtype" in found)) {
    throw new UserError(`dense: the parameters have no tensor "${name}": give those that params() described`);
  }
  return found as Tensor<Shape, "f32">;
}

function subtree(params: ParamTensors, name: string): ParamTensors {
  const found = params[name];
  return found === undefined ? {} : (found as ParamTensors);
}
