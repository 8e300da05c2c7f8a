/**
 * The callbacks of one run: who is called when, in the order in which they were given, and what of it a checkpoint keeps.
 */
import type { EpochRecord, History } from "../history.ts";
import type { BatchRecord, Callback, EpochBegin, FitControl, TrainBegin } from "./callback.ts";
import { type CallbackRound, restoreCallbacks, type SavedCallbacks, saveCallbacks } from "./callback-state.ts";
import type { RunEnds } from "./control.ts";

export class CallbackCalls {
  readonly #callbacks: readonly Callback[];
  readonly #control: FitControl;
  #round: Omit<CallbackRound, "stop"> | null = null;
  /** Whether one of them has asked for the end of the training. */
  stopAsked = false;
  #isOver = false;
  /** What they remembered when the run ended. */
  #kept: SavedCallbacks | null = null;

  /** `controlled` makes what they can do with the run, of what ends it. */
  constructor(callbacks: readonly Callback[], controlled: (ends: RunEnds) => FitControl) {
    this.#callbacks = callbacks;
    const stop = (): void => {
      this.stopAsked = true;
    };
    this.#control = controlled({ stop, isOver: () => this.#isOver });
  }

  /** Whether any of them is called then. */
  has(hook: "onBatchEnd" | "onEpochEnd"): boolean {
    return this.#callbacks.some((callback) => callback[hook] !== undefined);
  }

  /** Where the run goes on: with what they remembered, and the end of the epoch for those that had not been told of it. */
  async begin(run: TrainBegin, saved: SavedCallbacks | null): Promise<void> {
    for (const callback of this.#callbacks) await callback.onTrainBegin?.(run, this.#control);
    if (saved === null) return;
    restoreCallbacks(this.#callbacks, saved);
    const { round } = saved;
    if (round?.hook === "onEpochBegin") this.#round = round;
    if (round?.hook !== "onEpochEnd" || round.record === null) return;
    this.stopAsked = round.stop;
    await this.#tellEnd(round.record, round.step, round.told);
  }

  async epochBegin(epoch: EpochBegin): Promise<void> {
    const told = this.#round?.told ?? 0;
    for (const [i, callback] of this.#callbacks.entries()) {
      if (i < told) continue;
      this.#round = { hook: "onEpochBegin", told: i + 1, record: null, step: 0 };
      await callback.onEpochBegin?.(epoch, this.#control);
    }
  }

  /** After a step: the epoch has begun for all of them. */
  stepped(): void {
    this.#round = null;
  }

  async batchEnd(record: BatchRecord): Promise<void> {
    for (const callback of this.#callbacks) await callback.onBatchEnd?.(record, this.#control);
  }

  async epochEnd(record: EpochRecord, step: number): Promise<void> {
    await this.#tellEnd(record, step, 0);
  }

  async end(history: History): Promise<void> {
    for (const callback of this.#callbacks) await callback.onTrainEnd?.(history, this.#control);
  }

  /** The run has ended, and the next may have the same callbacks: a checkpoint of this one keeps what they remember now. */
  over(): void {
    try {
      this.#kept = this.save();
    } catch {
      // whoever asks for a checkpoint is told
    }
    this.#isOver = true;
  }

  /** For a checkpoint. */
  save(): SavedCallbacks {
    if (this.#kept !== null) return this.#kept;
    return saveCallbacks(this.#callbacks, this.#round === null ? null : { ...this.#round, stop: this.stopAsked });
  }

  async #tellEnd(record: EpochRecord, step: number, told: number): Promise<void> {
    for (const [i, callback] of this.#callbacks.entries()) {
      if (i < told) continue;
      this.#round = { hook: "onEpochEnd", told: i + 1, record, step };
      await callback.onEpochEnd?.(record, this.#control);
    }
    this.#round = null;
  }
}
