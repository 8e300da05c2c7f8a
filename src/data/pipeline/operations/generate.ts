/** Elements from a generator, or any other iterable: run anew for each pass. */
import { UserError } from "../../../core/errors.ts";
import { show } from "../../../core/options.ts";
import { Cursor, chain, type MaybePromise } from "../cursor.ts";

/** What a generator function is told. */
export interface GeneratorContext {
  readonly epoch: number;
}

export type Generator<T> = (context: GeneratorContext) => MaybePromise<Iterable<T> | AsyncIterable<T>>;

export class GeneratorCursor<T> extends Cursor<T> {
  readonly #generate: Generator<T>;
  readonly #epoch: number;
  #iterator: Iterator<T> | AsyncIterator<T> | null = null;
  #current: IteratorResult<T> | null = null;

  constructor(generate: Generator<T>, epoch: number) {
    super();
    this.#generate = generate;
    this.#epoch = epoch;
  }

  advance(): MaybePromise<boolean> {
    return chain(this.#iterator ?? this.#start(), (iterator) =>
      chain(iterator.next(), (result) => this.#stand(result)),
    );
  }

  #start(): MaybePromise<Iterator<T> | AsyncIterator<T>> {
    return chain(this.#generate({ epoch: this.#epoch }), (made) => {
      this.#iterator = iteratorOf(made);
      return this.#iterator;
    });
  }

  #stand(result: IteratorResult<T>): boolean {
    this.#current = result;
    return result.done !== true;
  }

  value(): T {
    if (this.#current === null || this.#current.done === true) throw new RangeError("the cursor stands at no element");
    return this.#current.value;
  }

  override close(): MaybePromise<void> {
    const ended = this.#current?.done === true ? undefined : this.#iterator?.return?.();
    return chain(ended, () => undefined);
  }
}

function iteratorOf<T>(made: Iterable<T> | AsyncIterable<T>): Iterator<T> | AsyncIterator<T> {
  if (typeof made === "object" && made !== null) {
    if (Symbol.asyncIterator in made) return made[Symbol.asyncIterator]();
    if (Symbol.iterator in made) return made[Symbol.iterator]();
  }
  throw new UserError(
    `dataset: the function gave ${show(made)}: it must be a generator (function*, async function*), or give something to iterate over`,
  );
}
