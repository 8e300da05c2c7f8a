/**
 * interleave: a dataset of each element, several of them open at a time, a block of elements from one after the other.
 *
 *   files.interleave((file) => datasets.csv(file), { cycle: 2, block: 4 })
 *
 * One that has ended is replaced by that of the next element, when its turn comes.
 */
import { Cursor, chain, loop, type MaybePromise, type Pass, type Stage } from "../cursor.ts";
import type { Table } from "../table.ts";

export interface InterleavePlan<T, U> {
  readonly make: (value: T) => MaybePromise<Stage<U>>;
  /** How many are open at a time. */
  readonly cycle: number;
  /** How many elements one gives in a row. */
  readonly block: number;
}

export class InterleaveCursor<T, U> extends Cursor<U> {
  readonly #from: Cursor<T>;
  readonly #plan: InterleavePlan<T, U>;
  readonly #pass: Pass;
  readonly #open: (Cursor<U> | null)[];
  #turn = 0;
  #given = 0;
  #isOver = false;

  constructor(from: Cursor<T>, plan: InterleavePlan<T, U>, pass: Pass) {
    super();
    this.#from = from;
    this.#plan = plan;
    this.#pass = { epoch: pass.epoch, reuse: 0 };
    this.#open = new Array<Cursor<U> | null>(plan.cycle).fill(null);
  }

  advance(): MaybePromise<boolean> {
    return loop(() => chain(this.#tryTurn(), (more) => (more ? true : this.#isDone ? false : undefined)));
  }

  get #isDone(): boolean {
    return this.#isOver && this.#open.every((open) => open === null);
  }

  /** Whether the one whose turn it is gave an element; otherwise the turn is the next one's. */
  #tryTurn(): MaybePromise<boolean> {
    if (this.#given === this.#plan.block) this.#next();
    return chain(this.#current(), (current) =>
      current === null
        ? this.#passOn()
        : chain(current.advance(), (more) => (more ? this.#give() : this.#end(current))),
    );
  }

  #give(): boolean {
    this.#given++;
    return true;
  }

  #passOn(): boolean {
    this.#next();
    return false;
  }

  #end(ended: Cursor<U>): MaybePromise<boolean> {
    this.#open[this.#turn] = null;
    return chain(ended.close(), () => this.#passOn());
  }

  #next(): void {
    this.#turn = (this.#turn + 1) % this.#plan.cycle;
    this.#given = 0;
  }

  /** The one whose turn it is; a new one where there is none and elements are left. */
  #current(): MaybePromise<Cursor<U> | null> {
    const open = this.#open[this.#turn] ?? null;
    if (open !== null || this.#isOver) return open;
    return chain(this.#from.advance(), (more) => {
      if (!more) {
        this.#isOver = true;
        return null;
      }
      return chain(this.#from.value(), (value) =>
        chain(this.#plan.make(value), (stage) => {
          const made = stage.open(this.#pass);
          this.#open[this.#turn] = made;
          return made;
        }),
      );
    });
  }

  get #standing(): Cursor<U> {
    const standing = this.#open[this.#turn] ?? null;
    if (standing === null) throw new RangeError("the cursor stands at no element");
    return standing;
  }

  value(): MaybePromise<U> {
    return this.#standing.value();
  }

  override get table(): Table<U> | null {
    return this.#standing.table;
  }

  override get row(): number {
    return this.#standing.row;
  }

  override async close(): Promise<void> {
    for (const open of this.#open) await open?.close();
    await this.#from.close();
  }
}
