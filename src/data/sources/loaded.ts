/** Datasets of files that are read as a whole, when the first pass asks for them. */
import { Cursor, chain, type MaybePromise, type Pass } from "../pipeline/cursor.ts";
import { Dataset } from "../pipeline/dataset.ts";
import type { Table } from "../pipeline/table.ts";

/** The elements of what `load` gives, which is kept. */
export function loaded<T>(load: () => Promise<Dataset<T>>): Dataset<T> {
  let kept: Promise<Dataset<T>> | null = null;
  const once = (): Promise<Dataset<T>> => {
    kept ??= load().catch((error: unknown) => {
      kept = null; // the file may be there the next time
      throw error;
    });
    return kept;
  };
  return new Dataset<T>({ open: (pass) => new LoadedCursor(once, pass), size: null });
}

class LoadedCursor<T> extends Cursor<T> {
  readonly #load: () => Promise<Dataset<T>>;
  readonly #pass: Pass;
  #from: Cursor<T> | null = null;

  constructor(load: () => Promise<Dataset<T>>, pass: Pass) {
    super();
    this.#load = load;
    this.#pass = pass;
  }

  advance(): MaybePromise<boolean> {
    return chain(this.#opened(), (from) => from.advance());
  }

  #opened(): MaybePromise<Cursor<T>> {
    if (this.#from !== null) return this.#from;
    return this.#load().then((data) => {
      this.#from = data.open(this.#pass);
      return this.#from;
    });
  }

  get #standing(): Cursor<T> {
    if (this.#from === null) throw new RangeError("the cursor stands at no element");
    return this.#from;
  }

  value(): MaybePromise<T> {
    return this.#standing.value();
  }

  override get table(): Table<T> | null {
    return this.#standing.table;
  }

  override get row(): number {
    return this.#standing.row;
  }

  override skip(count: number): MaybePromise<void> {
    return chain(this.#opened(), (from) => from.skip(count));
  }

  override close(): MaybePromise<void> {
    return this.#from?.close();
  }
}
