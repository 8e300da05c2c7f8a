/**
 * Requests: what `run` of an executable is asked for, once or for many steps.
 */
import { UserError } from "../core/errors.ts";
import { checkedLater, checkOptions, type OptionTable, text } from "../core/options.ts";
import { atLine, here } from "../core/origin.ts";
import type { Program } from "../dsl/program.ts";
import type { DeclaredInput, Feeds, FeedsOf } from "./feeds.ts";

export interface RunRequest<E, Inputs = unknown> {
  readonly entry: E;
  readonly feeds?: FeedsOf<Inputs>;
}

/**
 * Many steps in one call: an epoch, say. The numbers are those of as many single calls, bit for bit.
 *
 * On a GPU steps are handed over in chunks, each of which is one submit and one readback: as many steps as have feeds and outputs of at most
 * 16 MiB each and last 50 ms, at most 64, the first and the last of a call fewer. The call's promise is settled when the outputs of all steps are back: to look at them now and then,
 * make several calls. Up to four chunks are under way, so that a GPU always has work; calls that follow at once are as good as one.
 */
export interface StepsRequest<E, Inputs = unknown> {
  readonly entry: E;
  readonly steps: number;
  /**
   * The feeds of every step, which are copied once, or a function that gives those of step 0, 1, ..., in this order; all of the same sizes.
   * It is asked for those of step 0 in the call, for any others when the step before has been handed over. They are copied before it is
   * asked again, so one array will do for all steps. What it calls on the executable takes effect between the two steps. Where it
   * throws, or its feeds are refused, the steps before have happened.
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

const requestTable: OptionTable<AnyRequest> = { entry: text, steps: checkedLater(), feeds: checkedLater() };

/** An `async` function of steps. */
export function refusePromise(feeds: unknown): void {
  if (!(feeds instanceof Promise)) return;
  feeds.catch(() => {}); // this error tells enough
  throw new UserError(
    `run: the function of feeds gave a promise: it is asked between two steps and must not be async${atLine(here("run"))}`,
  );
}

/** A request whose options are known. Feeds beside `entry`, as an entry's own function takes them, are told where they go. */
export function checkedRequest(request: AnyRequest, inputs: readonly DeclaredInput[]): Partial<AnyRequest> {
  try {
    return checkOptions("run", request, requestTable);
  } catch (error) {
    const isGiven = ({ path }: DeclaredInput) =>
      typeof request === "object" && request !== null && Object.hasOwn(request, path);
    const input = inputs.find((each) => isGiven(each) && !Object.hasOwn(requestTable, each.path));
    if (input === undefined) throw error;
    const example = `run({ entry, feeds: { ${input.path}: ... } })`;
    throw new UserError(`run: "${input.path}" is an input, and inputs go into feeds: ${example}${atLine(here("run"))}`);
  }
}

export function unknownEntry(
  call: string,
  { entries }: Pick<Program<unknown>, "entries">,
  entry: string | undefined,
): UserError {
  const names = [...entries.keys()];
  const known = names.join(", ");
  if (entry === undefined) {
    const example = `run({ entry: ${JSON.stringify(names[0])}, feeds })`;
    return new UserError(`${call}: entry is missing: ${example} (there are: ${known})${atLine(here(call))}`);
  }
  return new UserError(`${call}: the program has no entry "${entry}" (it has: ${known})`);
}
