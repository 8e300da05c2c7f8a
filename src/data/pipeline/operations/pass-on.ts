/** Operations that choose which elements come, and leave them where they lie: filter, take, skip, repeat. */
import {
  Cursor,
  chain,
  loop,
  type MaybePromise,
  type Pass,
  type RowBlock,
  type RowWalk,
  type Stage,
} from "../cursor.ts";
import type { Table } from "../table.ts";

/** Stands where another cursor stands. */
abstract class Following<T> extends Cursor<T> {
  protected abstract get current(): Cursor<T> | null;

  value(): MaybePromise<T> {
    const { current } = this;
    if (current === null) throw new RangeError("the cursor stands at no element");
    return current.value();
  }

  override get table(): Table<T> | null {
    return this.current?.table ?? null;
  }

  override get row(): number {
    return this.current?.row ?? 0;
  }

  override get block(): RowBlock<T> | null {
    return this.current?.block ?? null;
  }

  override close(): MaybePromise<void> {
    return this.current?.close();
  }
}

export class FilterCursor<T> extends Following<T> {
  protected readonly current: Cursor<T>;
  readonly #keeps: (value: T) => MaybePromise<boolean>;

  constructor(from: Cursor<T>, keeps: (value: T) => MaybePromise<boolean>) {
    super();
    this.current = from;
    this.#keeps = keeps;
  }

  advance(): MaybePromise<boolean> {
    return loop(() => chain(this.current.advance(), (more) => (more ? this.#look() : false)));
  }

  #look(): MaybePromise<true | undefined> {
    return chain(chain(this.current.value(), this.#keeps), (keep) => (keep ? true : undefined));
  }
}

export class TakeCursor<T> extends Following<T> {
  protected readonly current: Cursor<T>;
  #left: number;

  constructor(from: Cursor<T>, count: number) {
    super();
    this.current = from;
    this.#left = count;
  }

  advance(): MaybePromise<boolean> {
    if (this.#left === 0) return false;
    this.#left--;
    return this.current.advance();
  }

  override get walk(): RowWalk<T> | null {
    const { walk } = this.current;
    if (walk === null) return null;
    const left = (): number => Math.min(this.#left, walk.left);
    return {
      table: walk.table,
      get left() {
        return left();
      },
      next: (out, at, count) => {
        const found = walk.next(out, at, Math.min(count, this.#left));
        this.#left -= found;
        return found;
      },
    };
  }

  override skip(count: number): MaybePromise<void> {
    const passed = Math.min(count, this.#left);
    this.#left -= passed;
    return this.current.skip(passed);
  }
}

export class SkipCursor<T> extends Following<T> {
  protected readonly current: Cursor<T>;
  #ahead: number;

  constructor(from: Cursor<T>, count: number) {
    super();
    this.current = from;
    this.#ahead = count;
  }

  advance(): MaybePromise<boolean> {
    if (this.#ahead === 0) return this.current.advance();
    return chain(this.skip(0), () => this.current.advance());
  }

  override get walk(): RowWalk<T> | null {
    const { walk } = this.current;
    if (walk !== null && this.#ahead > 0) this.skip(0); // of rows, which nobody has to wait for
    return walk;
  }

  override skip(count: number): MaybePromise<void> {
    const passed = this.#ahead + count;
    this.#ahead = 0;
    return this.current.skip(passed);
  }
}

/** The passes of a dataset one after the other, each an epoch of its own. */
export class RepeatCursor<T> extends Following<T> {
  protected current: Cursor<T> | null = null;
  readonly #stage: Stage<T>;
  readonly #pass: Pass;
  readonly #times: number;
  #opened = 0;
  #isEmpty = true;

  constructor(stage: Stage<T>, pass: Pass, times: number) {
    super();
    this.#stage = stage;
    this.#pass = pass;
    this.#times = times;
  }

  advance(): MaybePromise<boolean> {
    return loop(() => chain(this.current?.advance() ?? false, (more) => (more ? this.#give() : this.#openNext())));
  }

  #give(): boolean {
    this.#isEmpty = false;
    return true;
  }

  #openNext(): MaybePromise<false | undefined> {
    if (this.#opened === this.#times || (this.#opened > 0 && this.#isEmpty)) return false; // nothing, again and again
    return chain(this.current?.close(), () => {
      this.current = this.#stage.open({ ...this.#pass, epoch: this.#epoch(this.#opened++) });
      return undefined;
    });
  }

  /** Whole passes are passed over without being read where it is known how long they are. */
  override skip(count: number): MaybePromise<void> {
    const { size } = this.#stage;
    if (this.current !== null || size === null || size === 0 || !Number.isFinite(size)) return super.skip(count);
    const whole = Math.min(Math.floor(count / size), this.#times);
    if (whole === 0) return super.skip(count);
    this.#opened = whole;
    this.#isEmpty = false;
    return super.skip(count - whole * size);
  }

  /** Every pass of every epoch is one of its own; the first epoch's are numbered as they come. */
  #epoch(pass: number): number {
    const { epoch } = this.#pass;
    return Number.isFinite(this.#times) ? epoch * this.#times + pass : epoch * 2 ** 32 + pass;
  }
}
