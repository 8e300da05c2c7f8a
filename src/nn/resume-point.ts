/**
 * Resume points: from where a run that failed goes on, and the error that holds one.
 */
import { UserError } from "../errors.ts";
import type { Snapshot } from "../runtime/state.ts";
import type { RunOrder } from "./checkpointing.ts";

/** The state after a completed epoch, on the host; or that of the checkpoint that the run began with. */
export interface ResumePoint {
  /** Epochs and steps of the run that are done. */
  readonly epoch: number;
  readonly step: number;
  /** Batches that are done of the epoch under way, and the sums of its scores over them. */
  readonly batch: number;
  readonly sums: ReadonlyMap<string, number>;
  /** Shuffles used, this run's and earlier ones'. */
  readonly shuffles: number;
  /** What the orders of the samples follow from. */
  readonly order: RunOrder;
  /** What the program was compiled with. */
  readonly seed: number;
  readonly state: Snapshot;
}

/** A step failed (a device was lost, say). `resume` goes into the next `fit`, after `compile({ fresh: true })`. */
export class TrainingError extends UserError {
  override readonly name = "TrainingError";
  readonly resume: ResumePoint;

  constructor(message: string, resume: ResumePoint, cause: unknown) {
    super(message, { cause });
    this.resume = resume;
  }
}
