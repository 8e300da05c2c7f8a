/**
 * Turns: steps of a training loop and checkpoints exclude each other.
 *
 *   step, step, [checkpoint waits for the step under way] checkpoint, [the next step waits for it] step
 *
 * Callbacks run between turns, so a callback may ask for a checkpoint, and need not wait for it.
 */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  /** Runs `work` when everything that was asked for before is done. */
  async take<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work);
    this.#last = turn.catch(() => {}); // whoever asked for it hears of it
    return turn;
  }
}
