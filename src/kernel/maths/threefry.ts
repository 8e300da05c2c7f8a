/**
 * Threefry-2x32-20 (Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", 2011) as kernel
 * expressions: the same bits as src/core/random.ts gives on the host, on every target.
 *
 *     key0, key1, counter0, counter1 (u32)  ->  let p_a1 = ..., let p_b1 = ..., ...; p_a20, p_b20 with the last keys added
 */
import { apply, convert } from "../build.ts";
import type { Expr, Routine, Stmt } from "../kernel.ts";
import { newPool } from "../pool.ts";
import { add, mul, newBlock, shiftRight, xor } from "./notation.ts";

export interface ThreefryBlock {
  readonly lets: readonly Stmt[];
  readonly word0: Expr;
  readonly word1: Expr;
}

/** One block of two words. The names of its `let`s begin with `prefix`, which must be unique where they stand. */
export function threefry2x32(prefix: string, key0: Expr, key1: Expr, counter0: Expr, counter1: Expr): ThreefryBlock {
  const block = newBlock(key0.pool, prefix);
  const keys = [block.define("key0", key0), block.define("key1", key1)];
  keys.push(block.define("key2", xor(xor(PARITY, key0), key1)));
  const key = (i: number): Expr => keys[i % 3] ?? key0;

  let a = block.define("a0", add(counter0, key(0)));
  let b = block.define("b0", add(counter1, key(1)));
  for (let round = 1; round <= 20; round++) {
    a = block.define(`a${round}`, add(a, b));
    b = block.define(`b${round}`, xor(apply("rotateLeft", b, ROTATIONS[(round - 1) % 8] ?? 0), a));
    if (round % 4 !== 0) continue;
    // After group g of four rounds the key comes in, turned by g.
    const group = round / 4;
    a = block.define(`a${round}k`, add(a, key(group)));
    b = block.define(`b${round}k`, add(b, add(key(group + 1), group)));
  }
  return { lets: block.lets, word0: a, word1: b };
}

/** The first word of a block, as a function. */
export function threefryRoutine(): Routine {
  const names = ["key0", "key1", "counter0", "counter1"] as const;
  const pool = newPool();
  const read = (label: (typeof names)[number]): Expr => pool.name("u32", label);
  const { lets, word0 } = threefry2x32("w_", read("key0"), read("key1"), read("counter0"), read("counter1"));
  const params = names.map((label) => ({ name: label, type: "u32" }) as const);
  return { name: "threefry", params, body: lets.slice(0, -1), result: word0 };
}

/** The top 24 bits of a word as an f32 in [0, 1): exact. */
export function uniformFromBits(bits: Expr): Expr {
  return mul(convert("f32", shiftRight(bits, 8)), 2 ** -24);
}

const PARITY = 0x1bd11bda;
const ROTATIONS = [13, 15, 26, 6, 17, 29, 16, 24] as const;
