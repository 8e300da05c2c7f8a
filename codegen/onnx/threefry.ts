/**
 * Threefry-2x32-20 (Salmon, Moraes, Dror and Shaw, 2011) in ONNX's ops on u32: the same bits as on our targets (src/core/random.ts).
 */
import type { Onnx, Value } from "./builder.ts";

type Pair = readonly [Value, Value];

/** By how many bits the second word is rotated in each of eight rounds. */
const rotations = [13, 15, 26, 6, 17, 29, 16, 24];
const parity = 0x1bd11bda;
const groups = 5;

/** The first word of each block. Keys and counters are u32 of one shape. */
export function threefry(onnx: Onnx, [key0, key1]: Pair, [counter0, counter1]: Pair): Value {
  const xor = (x: Value, y: Value): Value => onnx.each("BitwiseXor", [x, y]);
  const add = (x: Value, y: Value): Value => onnx.each("Add", [x, y]);
  const key2 = xor(xor(onnx.like(key0, parity), key0), key1);
  const keys = [key0, key1, key2];
  const key = (i: number): Value => keys[i % keys.length] ?? key0;
  let [a, b] = [add(counter0, key0), add(counter1, key1)];
  for (let group = 0; group < groups; group++) {
    for (let round = 0; round < 4; round++) {
      a = add(a, b);
      b = xor(rotated(onnx, b, rotations[(4 * group + round) % rotations.length] ?? 0), a);
    }
    a = add(a, key(group + 1));
    b = add(add(b, key(group + 2)), onnx.like(b, group + 1));
  }
  return a;
}

function rotated(onnx: Onnx, x: Value, bits: number): Value {
  const shift = (direction: "LEFT" | "RIGHT", by: number): Value =>
    onnx.each("BitShift", [x, onnx.like(x, by)], "u32", { direction });
  return onnx.each("BitwiseOr", [shift("LEFT", bits), shift("RIGHT", 32 - bits)]);
}
