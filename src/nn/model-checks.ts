/** What a user may have done wrong in `model`: its definition, and each call of a layer in it. */
import { ShapeError, UserError } from "../core/errors.ts";
import {
  callable,
  checkArguments,
  checkedLater,
  checkOptions,
  type Kind,
  type OptionTable,
  object,
  show,
} from "../core/options.ts";
import { atLine, type Origin } from "../core/origin.ts";
import { isPlainObject } from "../core/records.ts";
import { refusePromise } from "../dsl/check.ts";
import { InputSpec, stateLeaf } from "../dsl/spec.ts";
import { isTensor as isTensorOf, type Mask, Tensor } from "../dsl/tensor.ts";
import { leavesOf } from "../dsl/tree.ts";
import { printShape, type Shape } from "../graph/shape.ts";
import {
  isLayer,
  isSampleShape,
  type Layer,
  type LayerResults,
  type ParamTree,
  type SampleShape,
  type SampleType,
} from "./layers/layer.ts";
import { isModel, layerOf } from "./nested-model.ts";
import { Ports } from "./ports.ts";

/** What a call of a layer may be given behind its tensors. */
export interface CallOptions {
  /** In place of the mask that the first tensor has: which steps count, or for attention which keys each query sees. */
  readonly mask?: Mask;
}

/** What one input is: the shape of a sample of f32, or an input as a program has it, with the batch in front. */
export type ModelInput = SampleShape | InputSpec<Shape, SampleType>;

/** The tensors that a layer is called on. */
export type Operands = readonly [Tensor<Shape, SampleType>, ...Tensor<Shape, SampleType>[]];

export type Given = readonly (Tensor | CallOptions | undefined)[];
export type Results = LayerResults;
export type AnyCallable = ((...given: Given) => Tensor<Shape, "f32">) & { all(...given: Given): Results };

export interface LooseDefinition {
  readonly inputs: ModelInput | Readonly<Record<string, ModelInput>>;
  readonly layers: Readonly<Record<string, Layer>>;
  call(inputs: unknown, layers: Readonly<Record<string, AnyCallable>>, mode: { readonly training: boolean }): unknown;
}

export const isShape = (value: unknown): value is ModelInput => Array.isArray(value) || value instanceof InputSpec;
const isTensor = (value: unknown): value is Tensor<Shape, "f32"> => value instanceof Tensor;

const optionTable: OptionTable<LooseDefinition> = {
  inputs: checkedLater(),
  layers: object("an object of layers by name"),
  call: callable(),
};

export function sampleGiven(what: string, given: ModelInput, origin: Origin): SampleShape {
  const isSpec = given instanceof InputSpec;
  const sample = isSpec ? given.shape.slice(1) : given;
  const isWhole = !isSpec || (given.shape[0] === "batch" && (given.dtype === "f32" || given.dtype === "i32"));
  if (isSampleShape(sample) && isWhole) return sample;
  throw new UserError(
    `model: ${what} must be the shape of one sample, without the batch: [784], say, or of whole numbers i32("batch", 20)${atLine(origin)}`,
  );
}

export function checkDefinition(given: object, origin: Origin): LooseDefinition {
  const { inputs, layers, call } = checkOptions("model", given, optionTable, { origin });
  if (inputs === undefined || layers === undefined || call === undefined) {
    const missing = Object.entries({ inputs, layers, call }).find(([, part]) => part === undefined)?.[0];
    throw new UserError(`model takes { inputs, layers, call }: ${missing} is missing${atLine(origin)}`);
  }
  if (!isShape(inputs) && !isPlainObject(inputs)) {
    const wanted = "the shape of one sample, [784] say, or an object of those by name";
    throw new UserError(`model: inputs must be ${wanted}, not ${show(inputs)}${atLine(origin)}`);
  }
  const members = Object.entries<unknown>(layers).map(([name, layer]): [string, Layer] => {
    if (isModel(layer)) return [name, layerOf(layer, name)];
    if (isLayer(layer)) return [name, layer];
    throw new UserError(`model: layers.${name} must be a layer, dense(10) say, not ${show(layer)}${atLine(origin)}`);
  });
  return { inputs, layers: Object.fromEntries(members), call };
}

export function outputsOf(found: unknown, origin: Origin): Ports<Tensor<Shape, "f32">> {
  refusePromise("model: call", found, origin);
  if (isTensor(found)) return Ports.single(found);
  const parts = isPlainObject(found) ? Object.entries(found) : [];
  const tensors = parts.flatMap(([name, part]) => (isTensor(part) ? [[name, part] as const] : []));
  if (parts.length > 0 && tensors.length === parts.length) return Ports.named(tensors);
  throw new UserError(`model: call must give a tensor, or an object of tensors by name${atLine(origin)}`);
}

export function sampleOf({ shape, dtype }: Tensor<Shape>, name: string, origin: Origin): SampleShape {
  const [batch, ...sample] = shape;
  const numbers = sample.filter((dim) => typeof dim === "number");
  if (batch === "batch" && numbers.length === sample.length && dtype === "f32") return numbers;
  throw new ShapeError(
    `model: the output${name === "" ? "" : ` "${name}"`} is ${dtype}${printShape(shape)}; it must be f32 with "batch" as ` +
      `its first dimension${atLine(origin)}`,
  );
}

const maskKind: Kind<Mask> = {
  wanted: "a tensor of bool",
  accepts: (value): value is Mask => isTensorOf(value) && value.dtype === "bool",
};

const callTable: OptionTable<CallOptions> = { mask: maskKind };

/** The tensors of a call, and what stands behind them. */
export function checkCall(
  name: string,
  { several }: Layer,
  given: Given,
  origin: Origin,
): { readonly xs: Operands; readonly mask?: Mask } {
  const last = given.at(-1);
  const options = given.length > 1 && !(last instanceof Tensor) ? last : undefined;
  const [x, ...others] = (options === undefined ? given : given.slice(0, -1)).filter(isOperand);
  const count = given.length - (options === undefined ? 0 : 1);
  const most = several === undefined ? 1 : count;
  if (x === undefined || others.length + 1 !== count || count > most) {
    if (several === undefined) checkArguments(`the layer "${name}"`, given, 1);
    const wanted = several === undefined ? "one tensor" : "tensors";
    const hint =
      several !== undefined && given.some(Array.isArray) ? `, one after the other and in no list: ${name}(a, b)` : "";
    throw new UserError(`model: the layer "${name}" takes ${wanted} with the batch in front${hint}${atLine(origin)}`);
  }
  const { mask } = checkOptions(`model: the layer "${name}"`, options, callTable, { origin });
  return { xs: [x, ...others], ...(mask && { mask }) };
}

function isOperand(x: unknown): x is Tensor<Shape, SampleType> {
  return x instanceof Tensor && x.shape.length > 0 && (x.dtype === "f32" || x.dtype === "i32");
}

/** A layer called twice has one set of weights, which must fit both inputs. */
export function checkShared(name: string, before: ParamTree | undefined, now: ParamTree, origin: Origin): void {
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
