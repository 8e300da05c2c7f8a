/**
 * prefetch: elements are made before they are asked for, while the one before is being used: files are read, workers work and
 * async functions run meanwhile.
 */
import { Cursor, type RowBlock } from "../cursor.ts";

/** Rows of a table in memory are no faster when they are copied early: such a batch is kept as its rows. */
type Read<T> = { readonly value: T } | { readonly block: RowBlock<T> } | { readonly error: unknown } | null;

export class PrefetchCursor<T> extends Cursor<T> {
  readonly #from: Cursor<T>;
  readonly #most: number;
  readonly #ready: Read<T>[] = [];
  #current: Exclude<Read<T>, { readonly error: unknown }> = null;
  #pump: Promise<void> | null = null;
  #wake: (() => void) | null = null;
  #isOver = false;
  #isClosed = false;

  constructor(from: Cursor<T>, most: number) {
    super();
    this.#from = from;
    this.#most = most;
  }

  async advance(): Promise<boolean> {
    const first = this.#ready.shift();
    this.#start();
    const read = first === undefined ? await this.#arrival() : first;
    if (read !== null && "error" in read) {
      this.#isOver = true;
      throw read.error;
    }
    this.#current = read;
    return read !== null;
  }

  value(): T {
    if (this.#current === null) throw new RangeError("the cursor stands at no element");
    return "block" in this.#current ? this.#current.block.value() : this.#current.value;
  }

  override get block(): RowBlock<T> | null {
    return this.#current !== null && "block" in this.#current ? this.#current.block : null;
  }

  /** Nothing is read ahead before it is known where to begin. */
  override async skip(count: number): Promise<void> {
    let left = count;
    if (this.#pump === null && this.#ready.length === 0 && !this.#isOver) return this.#from.skip(left);
    while (left-- > 0 && (await this.advance()));
  }

  override async close(): Promise<void> {
    this.#isClosed = true;
    await this.#pump;
    await this.#from.close();
  }

  /** Reads until enough is ready. */
  #start(): void {
    if (this.#pump !== null || this.#isOver || this.#isClosed) return;
    this.#pump = this.#read().finally(() => {
      this.#pump = null;
    });
  }

  async #read(): Promise<void> {
    while (this.#ready.length < this.#most && !this.#isClosed && !this.#isOver) {
      let read: Read<T>;
      try {
        read = (await this.#from.advance()) ? await this.#arrived() : null;
      } catch (error) {
        read = { error };
      }
      this.#isOver = read === null || "error" in read;
      this.#ready.push(read);
      this.#wake?.();
    }
  }

  async #arrived(): Promise<Read<T>> {
    const { block } = this.#from;
    return block === null ? { value: await this.#from.value() } : { block };
  }

  async #arrival(): Promise<Read<T>> {
    while (this.#ready.length === 0) {
      if (this.#isOver) return null;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        this.#start();
      });
    }
    const read = this.#ready.shift() ?? null;
    this.#start();
    return read;
  }
}
