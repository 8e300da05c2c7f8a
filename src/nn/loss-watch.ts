/**
 * The watch over a run's loss: where it comes out as NaN or infinite, `fit` stops, or tells it once. It looks at numbers that are
 * read anyway, so it costs nothing until there is something to tell.
 */
import type { Snapshot } from "../runtime/state.ts";
import type { BatchSource, FedBatch } from "./batches.ts";
import type { RunningMeans, Scores } from "./history.ts";
import { besideData, causeOf, NonFiniteError, nonFiniteWeights } from "./non-finite.ts";
import type { OnNaN } from "./on-nan.ts";
import { type EpochPlan, formatScore } from "./progress.ts";
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
  readonly #data: BatchSource;
  readonly #onNaN: OnNaN;
  #isOn: boolean;
  #lastLoss: number | null = null;

  constructor(session: Session, data: BatchSource, onNaN: OnNaN) {
    this.#session = session;
    this.#data = data;
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

  /** Tells why. In a turn. `last` is the batch that was trained last. */
  async explain(work: WatchedEpoch, last: FedBatch, latest: Scores): Promise<void> {
    const { plan, seen, done } = work;
    const stretch = last.stretch(seen);
    const { why, at } = await causeOf(this.#session, stretch, latest);
    const step = at === null ? done : stretch.stepOf(at);
    const place = at === null && done - seen > 1 ? `in steps ${seen + 1} to ${done}` : `at step ${step}`;
    const before = this.#lastLoss === null ? "" : ` (the loss before was ${formatScore(this.#lastLoss)})`;
    this.#tell(`the loss is ${lossSoFar(work, latest)} in epoch ${plan.epoch} of ${plan.epochs}, ${place}${ofSteps(plan)}: ${why}${before}`); // biome-ignore format: short
  }

  /** Looks into a step whose loss is finite: what it made of the weights may not be. In a turn. */
  async lookInto({ plan, done }: WatchedEpoch): Promise<void> {
    const found = this.#isOn ? await this.#session.executable.nonFinite() : null;
    if (found !== null) this.#tell(`in epoch ${plan.epoch} of ${plan.epochs}, at step ${done}${ofSteps(plan)}, whose loss is finite: ${found}`); // biome-ignore format: short
  }

  /** Weights may be lost by the last step of an epoch, whose loss is not; `epoch` is null before the first step. */
  checkWeights(state: Snapshot, epoch: number | null): void {
    const weights = this.#isOn ? nonFiniteWeights(this.#session, state) : null;
    if (weights === null) return;
    if (epoch === null) this.#tell(`before the first step ${weights}`);
    else {
      const all = this.#data.all();
      this.#tell(`after epoch ${epoch}, whose loss was finite, ${all === null ? weights : besideData(weights, all)}`);
    }
  }

  #tell(message: string): void {
    if (this.#onNaN === "stop") throw new NonFiniteError(`fit: ${message}`);
    this.#session.warn(`fit: ${message}`);
    this.#isOn = false; // once is enough
  }
}

/** " of 12", where it is known how many there are. */
export function ofSteps({ steps }: EpochPlan): string {
  return steps === null ? "" : ` of ${steps}`;
}

/** A checkpoint may have read some of the sums since the reading before: theirs are in the means. */
function lossSoFar({ beganFinite, means }: WatchedEpoch, latest: Scores): number {
  return beganFinite ? means.firstMean : latest.loss;
}
