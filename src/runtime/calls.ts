/**
 * The order of calls: each takes effect after those made before it, whatever of them must be compiled or waited for first.
 *
 *   run (compiles), write, run    ->   run . . . . . . | write | run
 *
 * Most calls find nothing before them and take effect at once, inside the call, with nothing allocated.
 */
export class Calls {
  #last: Promise<unknown> | null = null;
  #isInside = false;
  readonly #assertUsable: () => void;

  /** `assertUsable` throws where nothing can be called any more; it is asked when a call's turn has come. */
  constructor(assertUsable: () => void) {
    this.#assertUsable = assertUsable;
  }

  /** Whether no call made before has still to take effect. */
  get isFree(): boolean {
    return this.#last === null || this.#isInside;
  }

  /** Whether nothing is under way at all. */
  get isIdle(): boolean {
    return this.#last === null;
  }

  /** Runs `work` when the calls before are done. Those after wait until it is done, or failed. */
  take<T>(work: () => Promise<T>): Promise<T> {
    return this.#hold(this.#behind(this.#last, work));
  }

  /** Runs `work` at once, which is for the caller to have asked (`isFree`). Those after wait for it. */
  begin<T>(work: () => Promise<T>): Promise<T> {
    let settle = (_turn: Promise<T>): void => {};
    // Held before it starts, as the work may call in turn.
    this.#hold(
      new Promise<T>((resolve) => {
        settle = resolve;
      }),
    );
    const turn = work();
    settle(turn);
    return turn;
  }

  #hold<T>(turn: Promise<T>): Promise<T> {
    // Of a turn that failed, whoever asked for it hears.
    const done = Promise.allSettled([this.#last, turn]).then(() => {
      if (this.#last === done) this.#last = null;
    });
    this.#last = done;
    return turn;
  }

  /** The same for something that is asked for now and answered later: those after wait until it is asked. */
  ask<T>(request: () => Promise<T>): Promise<T> {
    return this.isFree ? request() : this.#askLater(request);
  }

  /** Calls the user's code in the middle of a turn. What it calls in turn takes effect at once, and not behind that turn. */
  within<T>(callback: () => T): T {
    const outer = this.#isInside;
    this.#isInside = true;
    try {
      return callback();
    } finally {
      this.#isInside = outer;
    }
  }

  async #askLater<T>(request: () => Promise<T>): Promise<T> {
    const asked = await this.take(async () => {
      const answer = request();
      answer.catch(() => {}); // it is awaited below; until then no rejection is unheard
      return { answer };
    });
    return asked.answer;
  }

  /** Waits and works in one function, so that an error's stack goes back to the user's call. */
  async #behind<T>(last: Promise<unknown> | null, work: () => Promise<T>): Promise<T> {
    if (last !== null) {
      await last;
      this.#assertUsable();
    }
    return await work();
  }
}
