/**
 * How element types lie in GPU memory. WGSL's storage has 32-bit words only: f32, i32 and u32 are words, a bool is a word
 * that is 0 or 1, four u8 share a word and two f16 or bf16 do, the first in the lowest bits (as in an array on the CPU).
 *
 *   u8 read     extractBits(x[at >> 2u], u32(at & 3) * 8u, 8u)
 *   u8 written  atomicAnd clears the byte, atomicOr sets it: neighbours in the word stay as they are, whoever writes them
 */

import type { DType } from "../../src/core/dtype.ts";
import { UserError } from "../../src/core/errors.ts";
import type { BufferParam } from "../../src/kernel/kernel.ts";

/** Bytes of `count` elements on the GPU, whole words, at least one. */
export function gpuBytes(dtype: DType, count: number): number {
  return 4 * gpuWords(dtype, count);
}

function gpuWords(dtype: DType, count: number): number {
  return Math.max(1, Math.ceil(count / elementsPerWord(dtype)));
}

export function elementsPerWord(dtype: DType): number {
  switch (dtype) {
    case "f32":
    case "i32":
    case "u32":
    case "bool":
      return 1;
    case "f16":
    case "bf16":
      return 2;
    case "u8":
      return 4;
    case "f64":
      throw new UserError("the wgsl target has no f64: use f32, or compile for js");
  }
}

/** Elements that share a word are written through atomics. */
function isAtomic(buffer: BufferParam): boolean {
  return buffer.role !== "read" && elementsPerWord(buffer.element) > 1;
}

/** The type of the array that a buffer is bound as. */
export function storageType(buffer: BufferParam): string {
  const { element } = buffer;
  const word = element === "f32" || element === "i32" ? element : "u32";
  return `array<${isAtomic(buffer) ? `atomic<${word}>` : word}, ${gpuWords(element, buffer.count)}>`;
}

/** The value at `at`, an i32 expression that binds tightly. `array` is the buffer's identifier. */
export function loadText(buffer: BufferParam, array: string, at: string, tightAt: string): string {
  const word = (shift: number): string => {
    const place = `${array}[${tightAt} >> ${shift}u]`;
    return isAtomic(buffer) ? `atomicLoad(&${place})` : place;
  };
  switch (buffer.element) {
    case "u8":
      return `extractBits(${word(2)}, u32(${tightAt} & 3) * 8u, 8u)`;
    case "f16":
      return `unpack2x16float(${word(1)})[${tightAt} & 1]`;
    case "bf16":
      return `bitcast<f32>((${word(1)} >> (u32(${tightAt} & 1) * 16u)) << 16u)`;
    default:
      return `${array}[${at}]`;
  }
}

/** The statements that store the elements of a shared word; `bits` is a u32 expression of the new element. */
export function packedStore(buffer: BufferParam, array: string, at: string, bits: string): readonly string[] {
  const [shift, width, mask] = buffer.element === "u8" ? [2, 8, "0xffu"] : [1, 16, "0xffffu"];
  const place = `${array}[${at} >> ${shift}u]`;
  const move = `(u32(${at} & ${2 ** shift - 1}) * ${width}u)`;
  return [`atomicAnd(&${place}, ~(${mask} << ${move}));`, `atomicOr(&${place}, ${bits} << ${move});`];
}
