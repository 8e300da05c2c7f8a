/**
 * The watch over a run's loss: where it comes out as NaN or infinite, `fit` stops, or tells it once. It looks at numbers that are
 * read anyway, so it costs nothing until there is something to tell.
 */
import type { Snapshot } from "../runtime/state.ts";
import type { RunningMeans, Scores } from "./history.ts";
import { besideData, causeOf, NonFiniteError, nonFiniteWeights, type OnNaN } from "./non-finite.ts";
import { type EpochPlan, formatScore } from "./progress.ts";
import type { Batcher } from "./samples.ts";
import type { Session } from "./session.ts";

/** An epoch under way. */
export interface WatchedEpoch {
  readonly plan: EpochPlan;
  readonly means: RunningMeans;
  /** Steps of the epoch, those before a restored checkpoint too. */
  done: number;
  /** How many of them were looked at for a loss that is no number. */
  seen: number;
  /** Whether what was summed before this run was one. */
  readonly beganFinite: boolean;
}

export class LossWatch {
  readonly #session: Session;
  readonly #data: Batcher;
  readonly #batch: number;
  readonly #onNaN: OnNaN;
  #isOn: boolean;
  #lastLoss: number | null = null;

  constructor(session: Session, data: Batcher, batch: number, onNaN: OnNaN) {
    this.#session = session;
    this.#data = data;
    this.#batch = batch;
    this.#onNaN = onNaN;
    this.#isOn = onNaN !== "ignore";
  }

  /** Whether the loss of the steps since the last look is none; where it is one they count as seen. `latest` are the means read last. */
  isOdd(work: WatchedEpoch, latest: Scores): boolean {
    if (!this.#isOn || work.seen === work.done) return false;
    if (!Number.isFinite(lossSoFar(work, latest))) return true;
    this.#lastLoss = latest.loss;
    work.seen = work.done;
    return false;
  }

  /** Tells why. In a turn. */
  async explain(work: WatchedEpoch, order: Uint32Array, latest: Scores): Promise<void> {
    const { plan, seen, done } = work;
    const stretch = { order, from: seen * this.#batch, to: Math.min(done * this.#batch, this.#data.count) };
    const { why, at } = await causeOf(this.#session, this.#data, stretch, latest);
    const step = at === null ? done : Math.floor(at / this.#batch) + 1;
    const place = at === null && done - seen > 1 ? `in steps ${seen + 1} to ${done}` : `at step ${step}`;
    const before = this.#lastLoss === null ? "" : ` (the loss before was ${formatScore(this.#lastLoss)})`;
    this.#tell(`the loss is ${lossSoFar(work, latest)} in epoch ${plan.epoch} of ${plan.epochs}, ${place} of ${plan.steps}: ${why}${before}`); // biome-ignore format: short
  }

  /** Weights may be lost by the last step of an epoch, whose loss is not; `epoch` is null before the first step. */
  checkWeights(state: Snapshot, epoch: number | null): void {
    const weights = this.#isOn ? nonFiniteWeights(this.#session, state) : null;
    if (weights === null) return;
    if (epoch === null) this.#tell(`before the first step ${weights}`);
    else {
      const order = Uint32Array.from({ length: this.#data.count }, (_, i) => i);
      this.#tell(`after epoch ${epoch}, whose loss was finite, ${besideData(weights, this.#data, order)}`);
    }
  }

  #tell(message: string): void {
    if (this.#onNaN === "stop") throw new NonFiniteError(`fit: ${message}`);
    this.#session.warn(`fit: ${message}`);
    this.#isOn = false; // once is enough
  }
}

/** A checkpoint may have read some of the sums since the reading before: theirs are in the means. */
function lossSoFar({ beganFinite, means }: WatchedEpoch, latest: Scores): number {
  return beganFinite ? means.firstMean : latest.loss;
}
