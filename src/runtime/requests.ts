/**
 * Requests: what `run` of an executable is asked for, once or for many steps.
 */
import { UserError } from "../core/errors.ts";
import { checkedLater, type OptionTable, text } from "../core/options.ts";
import { atLine, here } from "../core/origin.ts";
import type { Feeds, FeedsOf } from "./feeds.ts";

export interface RunRequest<E, Inputs = unknown> {
  readonly entry: E;
  readonly feeds?: FeedsOf<Inputs>;
}

/** Many steps in one call: an epoch, say. */
export interface StepsRequest<E, Inputs = unknown> {
  readonly entry: E;
  readonly steps: number;
  /**
   * The feeds of every step, or a function that gives those of step 0, 1, ...; all of the same sizes. It is asked for those
   * of step 0 in the call, for any others just before the step.
   */
  readonly feeds?: FeedsOf<Inputs> | ((step: number) => FeedsOf<Inputs>);
}

export type FeedsOfStep = (step: number) => Feeds;

/** What `run` was asked for: so many steps, and the feeds of the first, and of any other where they are not the same. */
export interface Job {
  readonly count: number;
  readonly first: Feeds;
  readonly feedsOf: FeedsOfStep | null;
  /** Whether outputs come back as those of every step. */
  readonly isSeries: boolean;
}

/** A request of either kind, untyped. */
export interface AnyRequest {
  readonly entry: string;
  readonly steps?: number;
  readonly feeds?: Feeds | FeedsOfStep;
}

export const requestTable: OptionTable<AnyRequest> = { entry: text, steps: checkedLater(), feeds: checkedLater() };

/** An `async` function of steps. */
export function refusePromise(feeds: unknown): void {
  if (!(feeds instanceof Promise)) return;
  feeds.catch(() => {}); // this error tells enough
  throw new UserError(
    `run: the function of feeds gave a promise: it is asked between two steps and must not be async${atLine(here("run"))}`,
  );
}
