/** Buffers for tests that make sequences by hand. */
import type { DType } from "../src/core/dtype.ts";
import type { Buffer, Segment } from "../src/program/buffer.ts";

let made = 0;

export function bufferOf(name: string, count: number, segment: Segment = "arena", dtype: DType = "f32"): Buffer {
  return { id: made++, segment, name, dtype, shape: [count], count };
}
