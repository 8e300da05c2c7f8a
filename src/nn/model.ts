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
 */

import { CompilerBug, ShapeError, UserError } from "../core/errors.ts";
import {
  callable,
  checkArguments,
  checkedLater,
  checkOptions,
  type OptionTable,
  object,
  show,
} from "../core/options.ts";
import { atLine, here, type Origin } from "../core/origin.ts";
import { refusePromise } from "../dsl/check.ts";
import { full } from "../dsl/ops.ts";
import { program } from "../dsl/program.ts";
import { f32, type InputSpec, stateLeaf } from "../dsl/spec.ts";
import { Tensor } from "../dsl/tensor.ts";
import { joinPath, leavesOf, mapTree } from "../dsl/tree.ts";
import { fixedShape, printShape, type Shape } from "../graph/shape.ts";
import { type Config, codeConfig } from "./config.ts";
import { type ActivationName, activate } from "./layers/activations.ts";
import {
  applyLayer,
  floatsFrom,
  isLayer,
  isSampleShape,
  type Layer,
  type Mode,
  type ParamTensors,
  type ParamTree,
  type SampleShape,
} from "./layers/layer.ts";
import { regularizersOf, subtree, watchInside } from "./layers/members.ts";
import { currentParams } from "./layers/own.ts";
import type { OutputShape } from "./layers/shape-rule.ts";
import { isPlainObject, Ports } from "./ports.ts";
import type { Regularizer } from "./regularizers/regularizer.ts";

/** A layer inside `call`: a function of a tensor. */
export type Callable<L> =
  L extends Layer<infer R>
    ? <const S extends Shape>(x: Tensor<S, "f32">) => Tensor<OutputShape<R, S>, "f32">
    : (x: Tensor<Shape, "f32">) => Tensor<Shape, "f32">;

/** The tensors of one input, or of several by name. */
export type InputTensors<I> = I extends SampleShape
  ? Tensor<["batch", ...I], "f32">
  : { readonly [K in keyof I]: I[K] extends SampleShape ? Tensor<["batch", ...I[K]], "f32"> : never };

/** What `model` is given. */
export interface ModelDefinition<I, L, O> {
  /** The shape of one sample, without the batch; one for each name where there are several inputs. */
  readonly inputs: I;
  /** The layers that `call` puts together, by name: their parameters stand under these names. */
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
export type NamesIn<T> = T extends SampleShape | Tensor ? never : keyof T & string;

/** What one output is like: one sample's shape, and the activation it ends with, as far as layers made it. */
export interface Head {
  readonly shape: SampleShape;
  readonly activation: ActivationName;
}

/** An output before its last activation. `activate(activation, logits)` is the output. */
export interface OutputTensor {
  readonly logits: Tensor<Shape, "f32">;
  readonly activation: ActivationName;
}

/** What `trainer` asks of a model, be it a layer or made by `model`. The type parameters are the names of its ports. */
export interface Model<In extends string = string, Out extends string = string> {
  /** The shape of a sample of each input, without the batch. */
  readonly inputs: Ports<SampleShape>;
  /** The shape of a sample of each output, and the activation it ends with. */
  readonly outputs: Ports<Head>;
  /** Its parameters by name: a part of a program's state. */
  readonly params: ParamTree;
  /** Penalties on parameters, by path: "trunk.kernel". */
  readonly regularizers: ReadonlyMap<string, Regularizer>;
  /** What `layerFrom` and saved trainers make it from again. */
  readonly config: Config;
  /** Its outputs for a batch, inside an entry, each before its last activation. */
  apply(params: ParamTensors, inputs: Ports<Tensor<Shape, "f32">>, mode: Omit<Mode, "logits">): Ports<OutputTensor>;
  /** Never there: for types. */
  readonly types?: { readonly inputs: In; readonly outputs: Out };
}

/** A model with several inputs or outputs, or any other way to put layers together: `call` is plain code. */
export function model<
  const I extends SampleShape | Readonly<Record<string, SampleShape>>,
  const L extends Readonly<Record<string, Layer>>,
  O extends Tensor | Readonly<Record<string, Tensor>>,
>(definition: ModelDefinition<I, L, O>): Model<NamesIn<I>, NamesIn<O>> {
  checkArguments("model", arguments, 1);
  return connect(definition, here("model")) as Model<NamesIn<I>, NamesIn<O>>;
}

/** A layer as a model of one input and one output. */
export function modelOfLayer(layer: Layer, input: SampleShape): Model {
  return {
    inputs: Ports.single(input),
    outputs: Ports.single({ shape: layer.outputShape(input), activation: layer.activation }),
    params: layer.params(input),
    regularizers: layer.regularizers ?? new Map(),
    config: layer.config ?? codeConfig(layer.name),
    apply(params, inputs, mode) {
      return inputs.map((x) => ({
        logits: applyLayer(layer, params, x, { ...mode, logits: true }),
        activation: layer.activation,
      }));
    },
  };
}

// ---- inside --------------------------------------------------------------------------------------------------------

type AnyCallable = (x: Tensor<Shape, "f32">) => Tensor<Shape, "f32">;

interface LooseDefinition {
  readonly inputs: SampleShape | Readonly<Record<string, SampleShape>>;
  readonly layers: Readonly<Record<string, Layer>>;
  call(inputs: unknown, layers: Readonly<Record<string, AnyCallable>>, mode: { readonly training: boolean }): unknown;
}

const isShape = (value: unknown): value is SampleShape => Array.isArray(value);
const isTensor = (value: unknown): value is Tensor<Shape, "f32"> => value instanceof Tensor;

const optionTable: OptionTable<LooseDefinition> = {
  inputs: checkedLater(),
  layers: object("an object of layers by name"),
  call: callable(),
};

function connect(given: object, origin: Origin): Model {
  const definition = checkDefinition(given, origin);
  const inputs = Ports.from(definition.inputs, isShape);
  if (inputs.names.length === 0) throw new UserError(`model: a model needs an input${atLine(origin)}`);
  for (const [name, shape] of inputs.entries()) {
    if (isSampleShape(shape)) continue;
    const what = inputs.path("inputs", name);
    throw new UserError(
      `model: ${what} must be the shape of one sample, without the batch: [784], say${atLine(origin)}`,
    );
  }
  const layers = new Map(Object.entries(definition.layers));

  /** Runs `call`; `parametersOf` gives a layer's parameters as tensors. */
  const run = (
    tensors: Ports<Tensor<Shape, "f32">>,
    mode: Omit<Mode, "logits">,
    parametersOf: (name: string, layer: Layer, x: Tensor<Shape, "f32">) => ParamTensors,
  ): Ports<OutputTensor> => {
    const made = new Map<Tensor, OutputTensor>();
    const callables = [...layers].map(([name, layer]) => {
      const callable = (x: Tensor<Shape, "f32">, ...more: unknown[]): Tensor<Shape, "f32"> => {
        checkArguments(`the layer "${name}"`, [x, ...more], 1);
        checkOperand(name, x, origin);
        const inside: Mode = { ...mode, logits: true, ...watchInside(name, mode.onOutput) };
        const params = currentParams(parametersOf(name, layer, x), mode); // of an earlier call in this step
        const logits = applyLayer(layer, params, x, inside);
        const { activation } = layer;
        const output = new Tensor<Shape, "f32">(activate(activation, logits).value); // one for each call
        made.set(output, { logits, activation });
        mode.onOutput?.(joinPath("", name), output);
        return output;
      };
      return [name, callable] as const;
    });
    const training = mode.training === true;
    const found = definition.call(tensors.tree(), Object.fromEntries(callables), { training });
    return outputsOf(found, origin).map((output) => made.get(output) ?? { logits: output, activation: "linear" });
  };

  const { params, outputs } = trace(inputs, layers, run, origin);
  const members = [...layers].map(([key, layer]) => ({ key, layer }));
  return {
    inputs,
    outputs,
    params,
    regularizers: regularizersOf(members),
    config: codeConfig("call"),
    apply: (tensors, given, mode) => run(given, mode, (name) => subtree(tensors, name)),
  };
}

/** Runs `call` in a program that is thrown away, to see which parameters layers need and what comes out. */
function trace(
  inputs: Ports<SampleShape>,
  layers: ReadonlyMap<string, Layer>,
  run: (
    tensors: Ports<Tensor<Shape, "f32">>,
    mode: Mode,
    parametersOf: (name: string, layer: Layer, x: Tensor<Shape, "f32">) => ParamTensors,
  ) => Ports<OutputTensor>,
  origin: Origin,
): { readonly params: ParamTree; readonly outputs: Ports<Head> } {
  const found = new Map<string, ParamTree>();
  const heads: Ports<Head>[] = [];
  program({
    inputs: { x: inputs.map((shape): InputSpec => f32("batch", ...shape)).tree() },
    step({ x }) {
      const tensors = inputs.match(x, "model").map((it) => floatsFrom("an input", it));
      const results = run(tensors, {}, (name, layer, operand) => {
        const params = layer.params(fixedShape(operand.shape.slice(1)));
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

function checkDefinition(given: object, origin: Origin): LooseDefinition {
  const { inputs, layers, call } = checkOptions("model", given, optionTable, { origin });
  if (inputs === undefined || layers === undefined || call === undefined) {
    const missing = Object.entries({ inputs, layers, call }).find(([, part]) => part === undefined)?.[0];
    throw new UserError(`model takes { inputs, layers, call }: ${missing} is missing${atLine(origin)}`);
  }
  if (!isShape(inputs) && !isPlainObject(inputs)) {
    const wanted = "the shape of one sample, [784] say, or an object of those by name";
    throw new UserError(`model: inputs must be ${wanted}, not ${show(inputs)}${atLine(origin)}`);
  }
  for (const [name, layer] of Object.entries(layers)) {
    if (isLayer(layer)) continue;
    throw new UserError(`model: layers.${name} must be a layer, dense(10) say, not ${show(layer)}${atLine(origin)}`);
  }
  return { inputs, layers, call };
}

function outputsOf(found: unknown, origin: Origin): Ports<Tensor<Shape, "f32">> {
  refusePromise("model: call", found, origin);
  if (isTensor(found)) return Ports.single(found);
  const parts = isPlainObject(found) ? Object.entries(found) : [];
  const tensors = parts.flatMap(([name, part]) => (isTensor(part) ? [[name, part] as const] : []));
  if (parts.length > 0 && tensors.length === parts.length) return Ports.named(tensors);
  throw new UserError(`model: call must give a tensor, or an object of tensors by name${atLine(origin)}`);
}

function sampleOf({ shape, dtype }: Tensor<Shape>, name: string, origin: Origin): SampleShape {
  const [batch, ...sample] = shape;
  const numbers = sample.filter((dim) => typeof dim === "number");
  if (batch === "batch" && numbers.length === sample.length && dtype === "f32") return numbers;
  throw new ShapeError(
    `model: the output${name === "" ? "" : ` "${name}"`} is ${dtype}${printShape(shape)}; it must be f32 with "batch" as ` +
      `its first dimension${atLine(origin)}`,
  );
}

function checkOperand(name: string, x: unknown, origin: Origin): void {
  if (isTensor(x) && x.shape.length > 0) return;
  throw new UserError(`model: the layer "${name}" takes one tensor with the batch in front${atLine(origin)}`);
}

/** A layer called twice has one set of weights, which must fit both inputs. */
function checkShared(name: string, before: ParamTree | undefined, now: ParamTree, origin: Origin): void {
  if (before === undefined) return;
  const print = (params: ParamTree): string =>
    leavesOf(params, stateLeaf, "model")
      .map(({ path, leaf }) => `${path} ${printShape(leaf.shape)}`)
      .join(", ");
  if (print(before) === print(now)) return;
  throw new ShapeError(
    `model: the layer "${name}" is called on inputs of different sizes, which need ${print(before)} and ${print(now)}: ` +
      `make two layers${atLine(origin)}`,
  );
}
