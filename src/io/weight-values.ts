/**
 * A tensor's values as a weight's: laid out as here, of its shape, and in its type.
 *
 * Floats become the weight's float type: f16 and bf16 are exact in f32; f64 is rounded to the nearest, where a number that is too
 * large is refused. Whole numbers of other widths come in where every one is exact. Between floats, whole numbers and truth values
 * nothing is converted: a file that has them the other way about holds something else.
 */
import { type DType, heldIn, isFloat, isInteger, roundTo, valueIn } from "../core/dtype.ts";
import { printShape, type Shape, sameShape } from "../graph/shape.ts";
import { arrayTypeOf, type TypedArray } from "../runtime/typed-arrays.ts";
import type { StateType } from "./checkpoint.ts";
import type { StoredTensor } from "./safetensors.ts";
import { fromTorch, shapeFromTorch, splitChannels } from "./weight-layout.ts";
import type { LoadWeightsOptions } from "./weight-options.ts";

interface Pairing {
  /** Of the weight. */
  readonly name: string;
  /** Of the tensor. */
  readonly from: string;
  readonly transpose: LoadWeightsOptions["transpose"];
}

/** The tensor's values in the weight's type; or in words why not. */
export function valuesFor(
  weight: StateType,
  stored: StoredTensor,
  { name, from, transpose }: Pairing,
): TypedArray | string {
  const isTorch =
    typeof transpose === "function" ? transpose(name) : transpose === true && !/(?:^|\.)embeddings$/.test(name);
  const tensor = isTorch ? splitChannels(fromTorch(stored), weight.shape) : stored;
  if (transpose === undefined && isAmbiguous(stored, weight, name, from)) {
    return `its name is one of PyTorch's, and it fits as it is and transposed: say { transpose: true }, or false`;
  }
  const { dtype, shape, data } = tensor;
  const wanted = `${weight.dtype}${printShape(weight.shape)}`;
  const found = `${stored.dtype}${printShape(stored.shape)}${isTorch && shape.length > 1 ? ` (${printShape(shape)} as it is laid out here)` : ""}`;
  if (!sameShape(shape, weight.shape)) {
    const turned = isTorch ? stored.shape : shapeFromTorch(shape);
    const isTurned = turned !== null && sameShape(turned, weight.shape);
    const advice = isTurned ? adviceFor(isTorch, shape.length) : isOtherGru(shape, weight.shape) ? ": a gru's bias has two rows with resetAfter: true, as Keras's has by default, and one with false" : ""; // biome-ignore format: short
    return `the weight is ${wanted}, the tensor ${found}${advice}`;
  }
  if (dtype === weight.dtype) return data;
  const isAlike = (isFloat(dtype) && isFloat(weight.dtype)) || (isInteger(dtype) && isInteger(weight.dtype));
  if (!isAlike) return `the weight is ${wanted}, the tensor ${found}, which is not converted`;
  return convert(data, dtype, weight.dtype);
}

/** A bias for each of the two products, and one for both. */
function isOtherGru(stored: Shape, wanted: Shape): boolean {
  const [one, two] = stored.length < wanted.length ? [stored, wanted] : [wanted, stored];
  return sameShape([2, ...one], two) && one.length === 1 && Number(one[0]) % 3 === 0;
}

/** A square weight of a PyTorch module: nothing but the user can say which way it lies. */
function isAmbiguous({ shape }: StoredTensor, weight: StateType, name: string, from: string): boolean {
  const turned = shapeFromTorch(shape);
  const isOfTorch = /(?:^|\.)weight$/.test(from) && /kernel$/i.test(name);
  return isOfTorch && turned !== null && sameShape(shape, weight.shape) && sameShape(turned, shape);
}

function adviceFor(isTorch: boolean, rank: number): string {
  if (isTorch) return ", which fits as it is: { transpose: (name) => ... } says which are to be turned";
  const layout = rank === 2 ? "[out, in]" : "[out, in, sizes..]";
  return `, which fits transposed: { transpose: true } turns weights that are ${layout}, as PyTorch keeps them`;
}

function convert(data: TypedArray, from: DType, to: DType): TypedArray | string {
  const converted = new (arrayTypeOf(to))(data.length);
  for (let i = 0; i < data.length; i++) {
    const value = valueIn(from, data[i] ?? 0);
    const rounded = roundTo(to, value);
    const isKept = isFloat(to) ? Number.isFinite(rounded) || !Number.isFinite(value) : rounded === value;
    if (!isKept) return `the tensor has ${value} at position ${i}, which is no ${to}`;
    converted[i] = heldIn(to, rounded);
  }
  return converted;
}
