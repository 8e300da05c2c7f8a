/**
 * Resume points: from where a run that failed goes on, and the error that holds one.
 */
import { messageOf, UserError } from "../core/errors.ts";
import type { Snapshot } from "../runtime/state.ts";
import type { SavedCallbacks } from "./callbacks/callback-state.ts";
import type { RunOrder } from "./checkpointing.ts";
import { NonFiniteError } from "./non-finite.ts";

/** The state after a completed epoch, on the host; or that of the checkpoint that the run began with. */
export interface ResumePoint {
  /** Epochs and steps of the run that are done. */
  readonly epoch: number;
  /** Steps of the run that are done. */
  readonly step: number;
  /** Batches that are done of the epoch under way, and the sums of its scores over them. */
  readonly batch: number;
  /** The sums of its scores over them. */
  readonly sums: ReadonlyMap<string, number>;
  /** Samples of it that are done. */
  readonly seen: number;
  /** Shuffles used, this run's and earlier ones'. */
  readonly shuffles: number;
  /** What the orders of the samples follow from. */
  readonly order: RunOrder;
  /** What the program was compiled with. */
  readonly seed: number;
  /** Every state of the program. */
  readonly state: Snapshot;
  /** What the callbacks remembered. */
  readonly callbacks: SavedCallbacks | null;
}

/**
 * A step failed (a device was lost, say), or the loss came out as no number. `resume` goes into the next `fit`; where a device was
 * lost, after `compile({ fresh: true })`.
 */
export class TrainingError extends UserError {
  override readonly name = "TrainingError";
  /** From where the next `fit` can go on. */
  readonly resume: ResumePoint;

  constructor(message: string, resume: ResumePoint, cause: unknown) {
    super(message, { cause });
    this.resume = resume;
  }
}

/** Where a run begins: behind some epochs, and behind some batches of the next. */
export type Start = Pick<ResumePoint, "epoch" | "batch" | "sums" | "callbacks"> & { readonly seen?: number };

export const freshStart: Start = { epoch: 0, batch: 0, sums: new Map(), callbacks: null };

/** Says what failed in `place`, and how to go on from the state that was kept. */
export function trainingError(error: unknown, kept: ResumePoint, place: string): TrainingError {
  const from =
    kept.step === 0
      ? "from before the first epoch"
      : kept.batch > 0
        ? `of the checkpoint that the run began with (${kept.step} steps)`
        : `after epoch ${kept.epoch} (${kept.step} steps), copied then,`;
  const why = messageOf(error);
  const [what, advice] =
    error instanceof NonFiniteError
      ? [
          why,
          "fit({ ..., resume }) goes on from there, with its learning rate. For another call " +
            "executable.state.restore(error.resume.state), setLearningRate and fit without resume. " +
            'With onNaN: "warn" or "ignore" fit trains on regardless. ' +
            "Behind compile({ debug: { nan: true } }) it names the op that made the number.",
        ]
      : [
          `training failed in ${place}: ${why}`,
          "call compile({ fresh: true }), then fit({ ..., resume }) with the same options.",
        ];
  return new TrainingError(`${what}\nThe state ${from} is in this error's \`resume\`: ${advice}`, kept, error);
}
