/**
 * Random numbers that are the same on every machine: Threefry-2x32-20 (Salmon, Moraes, Dror and Shaw, "Parallel random
 * numbers: as easy as 1, 2, 3", 2011), which needs only 32-bit add, xor and rotate.
 *
 * It has no state to carry: word i is a function of a key and a counter. So an image, an epoch or a stream can be made
 * on its own, in any order, on any target, from the same bits.
 *
 *     seed, stream -> key          (key, counter) -> two words of 32 bits -> uniform, integer, permutation, normal
 *
 * All are exact everywhere: what is not in integers takes only operations that IEEE 754 rounds correctly (+ - * / sqrt), and
 * none of the functions in which engines differ.
 */
import { UserError } from "./errors.ts";
import { checkValue, seed as seedKind } from "./options.ts";
import { type ManyWords, manyWords, wordsAtOnce } from "./threefry-simd.ts";

/** Where numbers are drawn to; each is rounded to what the array holds. */
export type Floats = Float32Array | Float64Array;

/** Two words of 32 bits: a key, a counter, or what Threefry makes of them. */
export type Words = readonly [number, number];

/** One block of Threefry-2x32-20. */
export function threefry2x32(key0: number, key1: number, counter0: number, counter1: number): Words {
  const out = new Uint32Array(2);
  threefryInto(out, 1, key0 | 0, key1 | 0, counter0 | 0, counter1 | 0);
  return [out[0] ?? 0, out[1] ?? 0];
}

/**
 * `count` blocks of Threefry-2x32-20, of the counters (counter0, counter1), (counter0 + 1, counter1), ..., into the first
 * 2 * `count` elements of `out`; allocates nothing. Words come signed (`| 0`): V8 keeps those without a box, and throws its
 * optimized code away when it meets the first that it has to unbox.
 */
function threefryInto(
  out: Uint32Array,
  count: number,
  key0: number,
  key1: number,
  counter0: number,
  counter1: number,
): void {
  const key2 = PARITY ^ key0 ^ key1;
  // Twenty rounds; a round is a += b, b = rotate(b) ^ a. After every four the key comes in, turned by one. Written out: 400,000
  // numbers are drawn 4 ms sooner in a fresh process than with a loop over groups of rounds.
  for (let block = 0; block < count; block++) {
    let a = (counter0 + block + key0) | 0;
    let b = (counter1 + key1) | 0;
    a = (a + b) | 0;
    b = ((b << 13) | (b >>> 19)) ^ a;
    a = (a + b) | 0;
    b = ((b << 15) | (b >>> 17)) ^ a;
    a = (a + b) | 0;
    b = ((b << 26) | (b >>> 6)) ^ a;
    a = (a + b) | 0;
    b = ((b << 6) | (b >>> 26)) ^ a;
    a = (a + key1) | 0;
    b = (b + key2 + 1) | 0;
    a = (a + b) | 0;
    b = ((b << 17) | (b >>> 15)) ^ a;
    a = (a + b) | 0;
    b = ((b << 29) | (b >>> 3)) ^ a;
    a = (a + b) | 0;
    b = ((b << 16) | (b >>> 16)) ^ a;
    a = (a + b) | 0;
    b = ((b << 24) | (b >>> 8)) ^ a;
    a = (a + key2) | 0;
    b = (b + key0 + 2) | 0;
    a = (a + b) | 0;
    b = ((b << 13) | (b >>> 19)) ^ a;
    a = (a + b) | 0;
    b = ((b << 15) | (b >>> 17)) ^ a;
    a = (a + b) | 0;
    b = ((b << 26) | (b >>> 6)) ^ a;
    a = (a + b) | 0;
    b = ((b << 6) | (b >>> 26)) ^ a;
    a = (a + key0) | 0;
    b = (b + key1 + 3) | 0;
    a = (a + b) | 0;
    b = ((b << 17) | (b >>> 15)) ^ a;
    a = (a + b) | 0;
    b = ((b << 29) | (b >>> 3)) ^ a;
    a = (a + b) | 0;
    b = ((b << 16) | (b >>> 16)) ^ a;
    a = (a + b) | 0;
    b = ((b << 24) | (b >>> 8)) ^ a;
    a = (a + key1) | 0;
    b = (b + key2 + 4) | 0;
    a = (a + b) | 0;
    b = ((b << 13) | (b >>> 19)) ^ a;
    a = (a + b) | 0;
    b = ((b << 15) | (b >>> 17)) ^ a;
    a = (a + b) | 0;
    b = ((b << 26) | (b >>> 6)) ^ a;
    a = (a + b) | 0;
    b = ((b << 6) | (b >>> 26)) ^ a;
    a = (a + key2) | 0;
    b = (b + key0 + 5) | 0;
    out[2 * block] = a;
    out[2 * block + 1] = b;
  }
}

/** The top 24 bits of a word as a number in [0, 1): exact in float32, so every target gets the same one. */
export function uniformFromBits(bits: number): number {
  return (bits >>> 8) * 2 ** -24;
}

/**
 * The standard normal quantile of (bits + 1/2) / 2^32, from -6.3 to 6.3, to 7 digits: Wichura's algorithm AS 241 (PPND7; Applied
 * Statistics 37, 1988). His third range, beyond 6.6 deviations, is out of reach.
 */
export function normalFromBits(bits: number): number {
  const q = (bits - (2 ** 31 - 0.5)) * 2 ** -32;
  const r = 0.180625 - q * q;
  if (r >= 0) {
    const top = 3.3871327179 + r * (50.434271938 + r * (159.29113202 + r * 59.10937472));
    const bottom = 1 + r * (17.895169469 + r * (78.757757664 + r * 67.1875636));
    return (q * top) / bottom;
  }
  const t = Math.sqrt(33 * Math.LN2 - logOf(2 * (q < 0 ? bits : ~bits >>> 0) + 1)) - 1.6;
  const top = 1.4234372777 + t * (2.75681539 + t * (1.3067284816 + t * 0.17023821103));
  const bottom = 1 + t * (0.7370016425 + t * 0.12021132975);
  return q < 0 ? -top / bottom : top / bottom;
}

/** The natural logarithm of an integer from 1 to 2^30, to 8 digits: ln(2^e m) with m near 1, by the series of artanh. */
function logOf(n: number): number {
  const e = 31 - Math.clz32(n + (n >> 1));
  const m = n / (1 << e); // from 2/3 to 4/3
  const z = (m - 1) / (m + 1);
  const zz = z * z;
  return e * Math.LN2 + 2 * z * (1 + zz * (1 / 3 + zz * (1 / 5 + zz * (1 / 7 + zz / 9))));
}

/**
 * Where the draws of a program begin: a word of their key, and the number of the first call, which is a word of their counter.
 * Of a seed of one word it is the seed itself and call 0. No two larger seeds begin alike: Threefry is one-to-one in its counter,
 * and takes both words of the seed as that. Calls are told apart by their number, so two runs could meet only if they had one
 * key and came to the same number.
 */
export function startOfDraws(seed: number): Words {
  checkSeed(seed);
  return seed < 2 ** 32 ? [seed, 0] : threefry2x32(LARGE_SEED, 0, seed >>> 0, highWord(seed));
}

/** All 53 bits of a seed count, wherever it is used. */
function checkSeed(seed: number): void {
  checkValue("random numbers", "seed", seed, seedKind);
}

/** The key of a stream. Equal seeds with different streams, and a name and a number, give unrelated keys. */
function streamKey(seed: number, stream: string | number): Words {
  checkSeed(seed);
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
  readonly #words = new Uint32Array(2 * mostBlocks);
  #draw = 0;
  #part = 0;
  /** Blocks that are made next: more and more, as most streams are either very short or very long. */
  #blocks = 1;
  #next = 0;
  #end = 0;

  constructor(seed: number, stream: string | number) {
    this.#key = streamKey(seed, stream);
  }

  /** Jumps to the start of a part: image 7 gets the same numbers whether or not the six before it were made. */
  restart(part = 0): void {
    this.#part = part;
    this.#draw = 0;
    this.#blocks = 1;
    this.#next = this.#end = 0;
  }

  /** The next 32 bits, as a number from 0 to 2^32 - 1. */
  bits(): number {
    if (this.#next === this.#end) this.#refill();
    return this.#words[this.#next++] ?? 0;
  }

  #refill(): void {
    const count = Math.min(this.#blocks, 2 ** 32 - this.#draw);
    threefryInto(this.#words, count, this.#key[0] | 0, this.#key[1] | 0, this.#draw | 0, this.#part | 0);
    this.#blocks = Math.min(2 * this.#blocks, mostBlocks);
    this.#next = 0;
    this.#end = 2 * count;
    this.#draw += count;
    if (this.#draw === 2 ** 32) {
      this.#draw = 0;
      this.#part += 1;
    }
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

  /** Normal with mean 0 and deviation 1: the quantile of one word. */
  normal(): number {
    return normalFromBits(this.bits());
  }

  /** Fills `out` with what as many calls of `uniform` give. */
  fillUniform(out: Floats, low: number, high: number): void {
    this.#fill(out, uniformsOf, low, high - low);
  }

  /** Fills `out` with what as many calls of `normal` give, times `deviation`, plus `mean`. */
  fillNormal(out: Floats, mean: number, deviation: number): void {
    this.#fill(out, normalsOf, mean, deviation);
  }

  #fill(out: Floats, numbersOf: NumbersOf, offset: number, scale: number): void {
    const many = out.length < manyNumbers ? null : manyWords();
    for (let at = 0; at < out.length; ) {
      let count = Math.min(out.length - at, this.#end - this.#next);
      if (count > 0) {
        numbersOf(this.#words, this.#next, out, at, count, offset, scale);
        this.#next += count;
      } else if (many !== null) count = this.#fillMany(many, out, at, numbersOf, offset, scale);
      if (count === 0) this.#refill();
      at += count;
    }
  }

  /** How many numbers it wrote: whole blocks, and none beyond the last counter of a part. */
  #fillMany(many: ManyWords, out: Floats, at: number, numbersOf: NumbersOf, offset: number, scale: number): number {
    const blocks = Math.min((out.length - at) >> 1, wordsAtOnce / 2);
    if (blocks === 0 || this.#draw + wordsAtOnce / 2 >= 2 ** 32) return 0;
    many.draw(this.#key[0] | 0, this.#key[1] | 0, this.#draw | 0, this.#part | 0);
    this.#draw += blocks;
    if (numbersOf === uniformsOf && out instanceof Float32Array) {
      many.toUniforms(offset, scale);
      out.set(blocks === wordsAtOnce / 2 ? many.floats : many.floats.subarray(0, 2 * blocks), at);
    } else numbersOf(many.words, 0, out, at, 2 * blocks, offset, scale);
    return 2 * blocks;
  }
}

/**
 * Writes `count` numbers, `offset` + `scale` times what each word stands for, from `at` on. Functions of their own and not of the
 * stream: so little is optimized within the first thousands of numbers, and stays so for the next stream.
 */
type NumbersOf = (
  words: Uint32Array,
  next: number,
  out: Floats,
  at: number,
  count: number,
  offset: number,
  scale: number,
) => void;

const uniformsOf: NumbersOf = (words, next, out, at, count, offset, scale) => {
  for (let i = 0; i < count; i++) out[at + i] = offset + scale * uniformFromBits(words[next + i] ?? 0);
};

const normalsOf: NumbersOf = (words, next, out, at, count, offset, scale) => {
  for (let i = 0; i < count; i++) out[at + i] = offset + scale * normalFromBits(words[next + i] ?? 0);
};

/** Skein's key-schedule constant, as Threefry takes it for words of 32 bits. */
const PARITY = 0x1bd11bda;
/** Blocks that a stream makes at once, at most. */
const mostBlocks = 128;
/** From how many on what draws many pays: it takes a fresh process as long to make as 3,000 numbers one after the other. */
const manyNumbers = 2 ** 12;
/** Set apart the keys of numbered and of named streams, and the start of what programs draw from large seeds. */
const NUMBERED = 1;
const NAMED = 0x80000000;
const LARGE_SEED = 2;

function highWord(value: number): number {
  return Math.floor(value / 2 ** 32) >>> 0;
}

function checkSafeInteger(what: string, value: number): void {
  if (!Number.isSafeInteger(value)) throw new UserError(`the ${what} must be a safe integer; found ${value}`);
}
