/**
 * Random numbers that are the same on every machine: Threefry-2x32-20 (Salmon, Moraes, Dror and Shaw, "Parallel random
 * numbers: as easy as 1, 2, 3", 2011), which needs only 32-bit add, xor and rotate.
 *
 * It has no state to carry: word i is a function of a key and a counter. So an image, an epoch or a stream can be made
 * on its own, in any order, on any target, from the same bits.
 *
 *     seed, stream -> key          (key, counter) -> two words of 32 bits -> uniform, integer, permutation, normal
 *
 * Bits, uniforms, integers and permutations are exact everywhere. `normal` is not: it uses the engine's own Math.log,
 * Math.cos and Math.sin, which may differ in the last bit from one JavaScript engine to another.
 */
import { UserError } from "./errors.ts";

/** Two words of 32 bits: a key, a counter, or what Threefry makes of them. */
export type Words = readonly [number, number];

/** One block of Threefry-2x32-20. */
export function threefry2x32(key0: number, key1: number, counter0: number, counter1: number): Words {
  const out = new Uint32Array(2);
  threefryInto(out, 0, key0, key1, counter0, counter1);
  return [out[0] ?? 0, out[1] ?? 0];
}

/** One block of Threefry-2x32-20 into `out[at]` and `out[at + 1]`; allocates nothing. */
export function threefryInto(
  out: Uint32Array,
  at: number,
  key0: number,
  key1: number,
  counter0: number,
  counter1: number,
): void {
  const key2 = PARITY ^ key0 ^ key1;
  let a = (counter0 + key0) | 0;
  let b = (counter1 + key1) | 0;
  // Five groups of four rounds; a round is a += b, b = rotate(b) ^ a. After group g the key comes in, turned by g.
  for (let group = 1; group <= 5; group++) {
    if (group & 1) {
      a = (a + b) | 0;
      b = ((b << 13) | (b >>> 19)) ^ a;
      a = (a + b) | 0;
      b = ((b << 15) | (b >>> 17)) ^ a;
      a = (a + b) | 0;
      b = ((b << 26) | (b >>> 6)) ^ a;
      a = (a + b) | 0;
      b = ((b << 6) | (b >>> 26)) ^ a;
    } else {
      a = (a + b) | 0;
      b = ((b << 17) | (b >>> 15)) ^ a;
      a = (a + b) | 0;
      b = ((b << 29) | (b >>> 3)) ^ a;
      a = (a + b) | 0;
      b = ((b << 16) | (b >>> 16)) ^ a;
      a = (a + b) | 0;
      b = ((b << 24) | (b >>> 8)) ^ a;
    }
    const turn = group % 3;
    a = (a + (turn === 0 ? key0 : turn === 1 ? key1 : key2)) | 0;
    b = (b + (turn === 0 ? key1 : turn === 1 ? key2 : key0) + group) | 0;
  }
  out[at] = a;
  out[at + 1] = b;
}

/** The top 24 bits of a word as a number in [0, 1): exact in float32, so every target gets the same one. */
export function uniformFromBits(bits: number): number {
  return (bits >>> 8) * 2 ** -24;
}

/** The key of a stream. Equal seeds with different streams, and a name and a number, give unrelated keys. */
export function streamKey(seed: number, stream: string | number): Words {
  checkSafeInteger("seed", seed);
  if (typeof stream === "number") {
    checkSafeInteger("stream", stream);
    const inner = threefry2x32(seed >>> 0, highWord(seed), stream >>> 0, highWord(stream));
    return threefry2x32(inner[0], inner[1], 0, NUMBERED);
  }
  let key = threefry2x32(seed >>> 0, highWord(seed), stream.length, NAMED);
  for (let i = 0; i < stream.length; i++) key = threefry2x32(key[0], key[1], stream.charCodeAt(i), i);
  return key;
}

/** The order of `n` samples in one epoch: a Fisher-Yates shuffle, the same on every machine. */
export function permutation(n: number, seed: number, epoch: number): Uint32Array {
  if (!Number.isInteger(n) || n < 0 || n > 2 ** 32) {
    throw new UserError(`permutation: the count must be an integer from 0 to 2^32; found ${n}`);
  }
  checkSafeInteger("epoch", epoch);
  const stream = new RandomStream(seed, `permutation of epoch ${epoch}`);
  const order = new Uint32Array(n);
  for (let i = 0; i < n; i++) order[i] = i;
  for (let i = n - 1; i > 0; i--) {
    const j = stream.integer(i + 1);
    const kept = order[i] ?? 0;
    order[i] = order[j] ?? 0;
    order[j] = kept;
  }
  return order;
}

/** Random numbers one after the other. Two streams of one seed share nothing. */
export class RandomStream {
  readonly #key: Words;
  readonly #words = new Uint32Array(2);
  #draw = 0;
  #part = 0;
  #left = 0;
  #spare: number | undefined;

  constructor(seed: number, stream: string | number) {
    this.#key = streamKey(seed, stream);
  }

  /** Jumps to the start of a part: image 7 gets the same numbers whether or not the six before it were made. */
  restart(part = 0): void {
    this.#part = part;
    this.#draw = 0;
    this.#left = 0;
    this.#spare = undefined;
  }

  /** The next 32 bits, as a number from 0 to 2^32 - 1. */
  bits(): number {
    if (this.#left === 0) {
      threefryInto(this.#words, 0, this.#key[0], this.#key[1], this.#draw, this.#part);
      this.#draw += 1;
      this.#left = 2;
      if (this.#draw === 2 ** 32) {
        this.#draw = 0;
        this.#part += 1;
      }
    }
    this.#left -= 1;
    return this.#words[1 - this.#left] ?? 0;
  }

  /** Uniform in [0, 1) on a grid of 2^-24, or in [low, high). */
  uniform(low = 0, high = 1): number {
    return low + (high - low) * uniformFromBits(this.bits());
  }

  /** Uniform in 0 .. n-1, without bias: words beyond the last whole multiple of n are drawn again. */
  integer(n: number): number {
    if (!Number.isInteger(n) || n < 1 || n > 2 ** 32) {
      throw new UserError(`a random integer below n needs an integer n from 1 to 2^32; found ${n}`);
    }
    const limit = 2 ** 32 - (2 ** 32 % n);
    let word = this.bits();
    while (word >= limit) word = this.bits();
    return word % n;
  }

  /** Normal with mean 0 and deviation 1 (Box-Muller; both values are used). See the header on engines. */
  normal(): number {
    const spare = this.#spare;
    if (spare !== undefined) {
      this.#spare = undefined;
      return spare;
    }
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    const angle = 2 * Math.PI * this.uniform();
    this.#spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  }
}

/** Skein's key-schedule constant, as Threefry takes it for words of 32 bits. */
const PARITY = 0x1bd11bda;
/** Set apart the keys of numbered and of named streams. */
const NUMBERED = 1;
const NAMED = 0x80000000;

function highWord(value: number): number {
  return Math.floor(value / 2 ** 32) >>> 0;
}

function checkSafeInteger(what: string, value: number): void {
  if (!Number.isSafeInteger(value)) throw new UserError(`the ${what} must be a safe integer; found ${value}`);
}
