/**
 * Threefry-2x32-20 (Salmon, Moraes, Dror and Shaw, 2011) written out in another language's ops on u32: the same bits as on our targets
 * (src/core/random.ts).
 */

/** Ops on u32 of one shape, which wrap. */
export interface BitOps<V> {
  add(x: V, y: V): V;
  xor(x: V, y: V): V;
  /** To the left. */
  rotated(x: V, bits: number): V;
  /** The number in every place. */
  like(x: V, number: number): V;
}

type Pair<V> = readonly [V, V];

/** By how many bits the second word is rotated in each of eight rounds. */
const rotations = [13, 15, 26, 6, 17, 29, 16, 24];
const parity = 0x1bd11bda;
const groups = 5;

/** The first word of each block. Keys and counters are u32 of one shape. */
export function threefry<V>(
  { add, xor, rotated, like }: BitOps<V>,
  [key0, key1]: Pair<V>,
  [counter0, counter1]: Pair<V>,
): V {
  const key2 = xor(xor(like(key0, parity), key0), key1);
  const keys = [key0, key1, key2];
  const key = (i: number): V => keys[i % keys.length] ?? key0;
  let [a, b] = [add(counter0, key0), add(counter1, key1)];
  for (let group = 0; group < groups; group++) {
    for (let round = 0; round < 4; round++) {
      a = add(a, b);
      b = xor(rotated(b, rotations[(4 * group + round) % rotations.length] ?? 0), a);
    }
    a = add(a, key(group + 1));
    b = add(add(b, key(group + 2)), like(b, group + 1));
  }
  return a;
}
