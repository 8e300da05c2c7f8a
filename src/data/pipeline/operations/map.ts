/**
 * map: each element becomes another, made when it is asked for. What is random in it follows from seed, epoch and place, so a pass
 * that begins in the middle makes the same.
 */
import { RandomStream } from "../../../core/random.ts";
import { Cursor, chain, type MaybePromise, type Pass } from "../cursor.ts";

/** Random numbers of one element. */
export interface MapRandom {
  /** Uniform in [0, 1), or in [low, high). */
  uniform(low?: number, high?: number): number;
  /** Uniform in 0 .. n-1. */
  integer(n: number): number;
  /** Normal with mean 0 and deviation 1. */
  normal(): number;
}

/** What a function of `map` is told beside the element. */
export interface MapContext {
  readonly epoch: number;
  /** The element's place in the pass, from 0. */
  readonly index: number;
  /** Random numbers for this element: the same in each run, others in each epoch. */
  readonly random: MapRandom;
}

export type Mapper<T, U> = (value: T, context: MapContext) => MaybePromise<U>;

const nothing = Symbol("nothing");

export class MapCursor<T, U> extends Cursor<U> {
  readonly #from: Cursor<T>;
  readonly #mapper: Mapper<T, U>;
  readonly #pass: Pass;
  readonly #seed: number;
  #index = -1;
  #random: RandomStream | null = null;
  /** Of the element it stands at, once it was made. */
  #made: MaybePromise<U> | typeof nothing = nothing;

  constructor(from: Cursor<T>, mapper: Mapper<T, U>, pass: Pass, seed: number) {
    super();
    this.#from = from;
    this.#mapper = mapper;
    this.#pass = pass;
    this.#seed = seed;
  }

  advance(): MaybePromise<boolean> {
    this.#made = nothing;
    this.#index++;
    return this.#from.advance();
  }

  value(): MaybePromise<U> {
    if (this.#made === nothing) this.#made = chain(this.#from.value(), (value) => this.#mapper(value, this.#context()));
    return this.#made;
  }

  override skip(count: number): MaybePromise<void> {
    this.#made = nothing;
    this.#index += count;
    return this.#from.skip(count);
  }

  override close(): MaybePromise<void> {
    return this.#from.close();
  }

  #context(): MapContext {
    const index = this.#index;
    const randomFor = (): RandomStream => {
      this.#random ??= new RandomStream(this.#seed, `map of epoch ${this.#pass.epoch}`);
      this.#random.restart(index);
      return this.#random;
    };
    let random: RandomStream | undefined;
    return {
      epoch: this.#pass.epoch,
      index,
      get random() {
        random ??= randomFor();
        return random;
      },
    };
  }
}
