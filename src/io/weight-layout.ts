/**
 * PyTorch's layouts of weights, and ours:
 *
 *     Linear               [out, in]              [in, out]
 *     Conv                 [out, in, sizes..]     [sizes.., in, out]
 *     ConvTranspose        [in, out, sizes..]     [sizes.., out, in]
 *     Conv, a group each   [in * n, 1, sizes..]   [sizes.., in, n]        depthwise
 *
 * All are one move: the sizes to the front, the other two the other way round.
 */
import { sameShape } from "../graph/shape.ts";
import { arrayTypeOf } from "../runtime/typed-arrays.ts";
import type { StoredTensor } from "./safetensors.ts";

/** The shape that a tensor of PyTorch's has here; null where it has less than two dimensions. */
export function shapeFromTorch([out, inside, ...sizes]: readonly number[]): readonly number[] | null {
  return out === undefined || inside === undefined ? null : [...sizes, inside, out];
}

/** A tensor of PyTorch's as it is laid out here. */
export function fromTorch(tensor: StoredTensor): StoredTensor {
  const shape = shapeFromTorch(tensor.shape);
  if (shape === null) return tensor;
  const { dtype, data } = tensor;
  const [out = 1, inside = 1] = tensor.shape;
  const size = out * inside === 0 ? 0 : data.length / (out * inside);
  const moved = new (arrayTypeOf(dtype))(data.length);
  for (let o = 0, from = 0; o < out; o++) {
    for (let i = 0; i < inside; i++) {
      for (let s = 0; s < size; s++, from++) moved[(s * inside + i) * out + o] = data[from] ?? 0;
    }
  }
  return { dtype, shape, data: moved };
}

/** A depthwise kernel [sizes.., 1, in * n] is [sizes.., in, n] in the same order. */
export function splitChannels(tensor: StoredTensor, shape: readonly number[]): StoredTensor {
  const [channels = 0, multiplier = 0] = shape.slice(-2);
  const joined = [...shape.slice(0, -2), 1, channels * multiplier];
  return sameShape(tensor.shape, joined) ? { ...tensor, shape } : tensor;
}
