/**
 * model(): named layers and a function that connects them, for several inputs, several outputs, or layers used twice.
 *
 *   const net = model({
 *     inputs: { image: [784], size: [4] },
 *     layers: { trunk: dense(64, { activation: "relu" }), digit: dense(10, { activation: "softmax" }), odd: dense(1) },
 *     call({ image, size }, { trunk, digit, odd }) {
 *       const hidden = trunk(concat([image, size], 1));
 *       return { digit: digit(hidden), odd: odd(hidden) };
 *     },
 *   });
 *
 * `call` is run with tensors, once for each entry that is traced and once here, to find the shapes. Parameters stand under the
 * names of the layers: "trunk.kernel". A layer that is called twice has one set of weights.
 *
 *   inputs: { words: i32("batch", 20) }          whole numbers: an input as in a program
 *   attend(query, value, { mask })               a layer of several tensors, and a mask of the caller's
 *   const [all, last] = memory.all(words)        everything that a layer gives: its output first
 */

import { CompilerBug, UserError } from "../core/errors.ts";
import { checkArguments } from "../core/options.ts";
import { atLine, here, type Origin, withLine } from "../core/origin.ts";
import { full } from "../dsl/ops.ts";
import { program } from "../dsl/program.ts";
import { InputSpec, stateLeaf } from "../dsl/spec.ts";
import { Tensor } from "../dsl/tensor.ts";
import { joinPath, mapTree } from "../dsl/tree.ts";
import { fixedShape, type Shape } from "../graph/shape.ts";
import { codeConfig } from "./config.ts";
import { activate } from "./layers/activations.ts";
import {
  applyLayer,
  applyToSeveral,
  type Layer,
  type Mode,
  type ParamTensors,
  type ParamTree,
  type SampleShape,
  type SampleType,
  sampleFrom,
} from "./layers/layer.ts";
import { Masks } from "./layers/masks.ts";
import { constraintsOf, nameNodes, nodesAround, placeInside, regularizersOf, subtree } from "./layers/members.ts";
import { currentParams } from "./layers/own.ts";
import type { OutputShape, ShapeRule } from "./layers/shape-rule.ts";
import {
  type CallOptions,
  checkCall,
  checkDefinition,
  checkShared,
  type Given,
  isShape,
  type ModelInput,
  type Operands,
  outputsOf,
  type Results,
  sampleGiven,
  sampleOf,
} from "./model-checks.ts";
import type { Head, Model, OutputTensor } from "./model-contract.ts";
import { Ports } from "./ports.ts";

/** A layer inside `call`: a function of a tensor, or of several. */
export type Callable<L> = {
  /** Its output. */
  <const S extends Shape>(
    x: Tensor<S, SampleType>,
    ...others: readonly (Tensor | CallOptions)[]
  ): Tensor<L extends Layer<infer R> ? OutputShape<R, S> : Shape, "f32">;
  /** Its output, and whatever else the layer gives: the last states of a recurrent layer, the scores of attention. */
  all(
    x: Tensor<Shape, SampleType>,
    ...others: readonly (Tensor | CallOptions)[]
  ): L extends Layer<ShapeRule, infer M> ? AllOf<M> : AllOf<number>;
};

/** An output and M more. */
type AllOf<M extends number, Found extends readonly Tensor[] = readonly [Tensor<Shape, "f32">]> = number extends M
  ? Results
  : Found extends readonly [Tensor, ...infer More]
    ? More["length"] extends M
      ? Found
      : AllOf<M, readonly [...Found, Tensor<Shape, "f32">]>
    : never;

type InputTensor<I> =
  I extends InputSpec<infer S, infer D> ? Tensor<S, D> : I extends SampleShape ? Tensor<["batch", ...I], "f32"> : never;

/** The tensors of one input, or of several by name. */
export type InputTensors<I> = I extends ModelInput ? InputTensor<I> : { readonly [K in keyof I]: InputTensor<I[K]> };

/** What `model` is given. */
export interface ModelDefinition<I, L, O> {
  /** The shape of one sample, without the batch, or `i32("batch", 20)`; one for each name where there are several inputs. */
  readonly inputs: I;
  /** The layers that `call` puts together, and models inside, by name: their parameters stand under these names. */
  readonly layers: L;
  /**
   * Gives the output, or several by name. Losses on logits take the last activation off an output that comes straight from a
   * layer; anything else that is given to them must be logits already.
   */
  call(
    inputs: InputTensors<I>,
    layers: { readonly [K in keyof L]: Callable<L[K]> },
    mode: { readonly training: boolean },
  ): O;
}

/** Names, or never for one without a name. */
export type NamesIn<T> = T extends ModelInput | Tensor ? never : keyof T & string;

/** A model with several inputs or outputs, or any other way to put layers together: `call` is plain code. */
export function model<
  const I extends ModelInput | Readonly<Record<string, ModelInput>>,
  const L extends Readonly<Record<string, Layer | Model | Model<never, never>>>,
  O extends Tensor | Readonly<Record<string, Tensor>>,
>(definition: ModelDefinition<I, L, O>): Model<NamesIn<I>, NamesIn<O>> {
  checkArguments("model", arguments, 1);
  const origin = here("model");
  try {
    return connect(definition, origin) as Model<NamesIn<I>, NamesIn<O>>;
  } catch (error) {
    throw withLine(error, origin);
  }
}

/** A layer as a model of one input and one output. */
export function modelOfLayer(layer: Layer, input: SampleShape): Model {
  return {
    inputs: Ports.single(input),
    takes: Ports.single(layer.takes ?? "f32"),
    outputs: Ports.single({ shape: layer.outputShape(input), activation: layer.activation }),
    params: layer.params(input),
    regularizers: layer.regularizers ?? new Map(),
    constraints: layer.constraints ?? new Map(),
    config: layer.config ?? codeConfig(layer.name),
    apply(params, inputs, mode) {
      const masks = mode.masks ?? new Masks();
      return inputs.map((x) => {
        const logits = applyLayer(layer, params, x, { ...mode, masks, logits: true });
        return { logits, activation: layer.activation, mask: masks.of(logits) };
      });
    },
  };
}

// ---- inside --------------------------------------------------------------------------------------------------------

function connect(given: object, origin: Origin): Model {
  const definition = checkDefinition(given, origin);
  const ports = Ports.from(definition.inputs, isShape);
  if (ports.names.length === 0) throw new UserError(`model: a model needs an input${atLine(origin)}`);
  const inputs = ports.map((given, name) => sampleGiven(ports.path("inputs", name), given, origin));
  const takes = ports.map((given) => (given instanceof InputSpec ? given.dtype : "f32"));
  const layers = new Map(Object.entries(definition.layers));

  /** Runs `call`; `parametersOf` gives a layer's parameters as tensors. */
  const run = (
    tensors: Ports<Tensor<Shape, SampleType>>,
    given: Omit<Mode, "logits">,
    parametersOf: ParametersOf,
  ): Ports<OutputTensor> => {
    const masks = given.masks ?? new Masks();
    const mode = { ...given, masks };
    const made = new Map<Tensor, OutputTensor>();
    const callables = [...layers].map(([name, layer]) => {
      const all = (...args: Given): Results => {
        const { xs, mask } = checkCall(name, layer, args, origin);
        const place = placeInside(name, mode);
        const inside: Mode = { ...mode, logits: true, ...(mask && { mask }), ...place };
        const before = nodesAround(xs[0]);
        const params = currentParams(parametersOf(name, layer, xs), mode); // of an earlier call in this step
        const [logits, ...others] = resultsOf(layer, params, xs, inside);
        const { activation } = layer;
        const output = new Tensor<Shape, "f32">(activate(activation, logits).value); // one for each call
        nameNodes(place.path, xs[0], before);
        made.set(output, { logits, activation });
        masks.copy(logits, output);
        mode.onOutput?.(joinPath("", name), output, layer);
        return [output, ...others];
      };
      return [name, Object.assign((...args: Given) => all(...args)[0], { all })] as const;
    });
    const training = mode.training === true;
    const found = definition.call(tensors.tree(), Object.fromEntries(callables), { training });
    return outputsOf(found, origin).map((output) => ({
      ...(made.get(output) ?? { logits: output, activation: "linear" }),
      mask: masks.of(output),
    }));
  };

  const { params, outputs } = trace(inputs, takes, layers, run, origin);
  const members = [...layers].map(([key, layer]) => ({ key, layer }));
  return {
    inputs,
    takes,
    outputs,
    params,
    regularizers: regularizersOf(members),
    constraints: constraintsOf(members),
    config: codeConfig("call"),
    apply: (tensors, given, mode) => run(given, mode, (name) => subtree(tensors, name)),
  };
}

/** Gives a layer's parameters as tensors. */
type ParametersOf = (name: string, layer: Layer, xs: Operands) => ParamTensors;

/** What a layer gives of one tensor, or of several. */
function resultsOf(layer: Layer, params: ParamTensors, xs: Operands, mode: Mode): Results {
  const { several } = layer;
  return several === undefined
    ? [applyLayer(layer, params, xs[0], mode)]
    : applyToSeveral({ ...layer, several }, params, xs, mode);
}

/** The parameters that it needs for them. */
function paramsOf({ several, params }: Layer, xs: Operands): ParamTree {
  const samples = xs.map(({ shape }) => fixedShape(shape.slice(1)));
  return several === undefined ? params(samples[0] ?? []) : several.params(samples);
}

/** Runs `call` in a program that is thrown away, to see which parameters layers need and what comes out. */
function trace(
  inputs: Ports<SampleShape>,
  takes: Ports<SampleType>,
  layers: ReadonlyMap<string, Layer>,
  run: (tensors: Ports<Tensor<Shape, SampleType>>, mode: Mode, parametersOf: ParametersOf) => Ports<OutputTensor>,
  origin: Origin,
): { readonly params: ParamTree; readonly outputs: Ports<Head> } {
  const found = new Map<string, ParamTree>();
  const heads: Ports<Head>[] = [];
  program({
    inputs: { x: inputs.map((shape, name): InputSpec => new InputSpec(["batch", ...shape], takes.get(name))).tree() },
    step({ x }) {
      const tensors = inputs.match(x, "model").map((it) => sampleFrom("an input", it));
      const results = run(tensors, {}, (name, layer, operands) => {
        const params = paramsOf(layer, operands);
        checkShared(name, found.get(name), params, origin);
        found.set(name, params);
        return mapTree(params, stateLeaf, "model", ({ shape, dtype }) => full(shape, 0, dtype));
      });
      heads.push(
        results.map(({ logits, activation }, name) => ({ shape: sampleOf(logits, name, origin), activation })),
      );
      return { outputs: {} };
    },
  });
  const idle = [...layers.keys()].find((name) => !found.has(name));
  if (idle !== undefined) {
    throw new UserError(`model: call never uses the layer "${idle}": use it, or leave it out${atLine(origin)}`);
  }
  const [outputs] = heads;
  if (outputs === undefined) throw new CompilerBug("a model's call was not traced");
  const params = [...layers.keys()].map((name) => [name, found.get(name) ?? {}] as const);
  return {
    params: Object.fromEntries(params.filter(([, tree]) => Object.keys(tree).length > 0)),
    outputs,
  };
}
