/**
 * How element types lie in GPU memory. WGSL's storage has 32-bit words only: f32, i32 and u32 are words, a bool is a word
 * that is 0 or 1, four u8 share a word and two f16 or bf16 do, the first in the lowest bits (as in an array on the CPU).
 *
 *   u8 read     extractBits(x[at >> 2u], u32(at & 3) * 8u, 8u)
 *   u8 written  atomicAnd clears the byte, atomicOr sets it: neighbours in the word stay as they are, whoever writes them
 */

import type { DType } from "../../src/core/dtype.ts";
import { UserError } from "../../src/core/errors.ts";

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

/** An array as a kernel has it: of elements, or of accesses of so many of them (wide.ts). */
export interface Stored {
  readonly element: DType;
  readonly count: number;
  readonly isWritten: boolean;
  readonly lanes?: number;
  /** Elements of f16 as such, for matrix units. */
  readonly isHalf?: boolean;
}

/** Elements that share a word are written through atomics, but where all that share it are written together. */
function isAtomic({ element, isWritten, lanes }: Stored): boolean {
  return isWritten && lanes === undefined && elementsPerWord(element) > 1;
}

const wordType = (element: DType): string => (element === "f32" || element === "i32" ? element : "u32");

/** The type of an access: a word, or a vector of them. */
export function accessType({ element, lanes }: Stored): string {
  const words = wordsOf(element, lanes);
  return words === 1 ? wordType(element) : `vec${words}<${wordType(element)}>`;
}

function wordsOf(element: DType, lanes = 1): number {
  return Math.max(1, lanes / elementsPerWord(element));
}

/** The type of the array that a buffer is bound as, or that a workgroup has. */
export function arrayType(stored: Stored): string {
  const { element, count, lanes } = stored;
  if (stored.isHalf === true) return `array<f16, ${2 * gpuWords(element, count)}>`;
  const access = accessType(stored);
  const length = lanes === undefined ? gpuWords(element, count) : Math.max(1, count / lanes);
  return `array<${isAtomic(stored) ? `atomic<${access}>` : access}, ${length}>`;
}

/** The value at `at`, an i32 expression that binds tightly. `array` is the identifier. */
export function loadText(stored: Stored, array: string, at: string, tightAt: string): string {
  const { element, lanes } = stored;
  if (stored.isHalf === true) return `f32(${array}[${at}])`;
  const shift = Math.log2(elementsPerWord(element));
  const words = wordsOf(element, lanes);
  const place = (): string => {
    const word = shift === 0 ? tightAt : `${tightAt} >> ${shift}u`;
    if (words === 1) return `${array}[${shift === 0 ? at : word}]`;
    return `${array}[${tightAt} >> ${shift + Math.log2(words)}u][${shift === 0 ? word : `(${word})`} & ${words - 1}]`;
  };
  const word = isAtomic(stored) ? `atomicLoad(&${place()})` : place();
  switch (element) {
    case "u8":
      return `extractBits(${word}, u32(${tightAt} & 3) * 8u, 8u)`;
    case "f16":
      return `unpack2x16float(${word})[${tightAt} & 1]`;
    case "bf16":
      return `bitcast<f32>((${word} >> (u32(${tightAt} & 1) * 16u)) << 16u)`;
    default:
      return word;
  }
}

/** The value in one lane of an access, which has a name. */
export function laneText({ element, lanes }: Stored, name: string, lane: number): string {
  const each = elementsPerWord(element);
  const word = wordsOf(element, lanes) === 1 ? name : `${name}.${"xyzw"[Math.floor(lane / each)]}`;
  switch (element) {
    case "u8":
      return `extractBits(${word}, ${8 * (lane % each)}u, 8u)`;
    case "f16":
      return `unpack2x16float(${word}).${"xy"[lane % each]}`;
    case "bf16":
      return `bitcast<f32>(${word} ${lane % each === 0 ? "<< 16u" : "& 0xffff0000u"})`;
    default:
      return word;
  }
}

/** An access of these elements, each as its bits lie in a word. */
export function joinedText(stored: Stored, bits: readonly string[]): string {
  const each = elementsPerWord(stored.element);
  const words = Array.from({ length: bits.length / each }, (_, n) =>
    bits
      .slice(n * each, (n + 1) * each)
      .map((text, i) => (i === 0 ? text : `(${text} << ${(32 / each) * i}u)`))
      .join(" | "),
  );
  return words.length === 1 ? (words[0] ?? "") : `${accessType(stored)}(${words.join(", ")})`;
}

/** The statements that store the elements of a shared word; `bits` is a u32 expression of the new element. */
export function packedStore({ element }: Stored, array: string, at: string, bits: string): readonly string[] {
  const [shift, width, mask] = element === "u8" ? [2, 8, "0xffu"] : [1, 16, "0xffffu"];
  const place = `${array}[${at} >> ${shift}u]`;
  const move = `(u32(${at} & ${2 ** shift - 1}) * ${width}u)`;
  return [`atomicAnd(&${place}, ~(${mask} << ${move}));`, `atomicOr(&${place}, ${bits} << ${move});`];
}
