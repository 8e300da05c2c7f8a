/**
 * Kernel in, kernel out: a policy chooses moves for each nest, `apply` makes them, and what is left is written out for printers.
 *
 *   facts -> policy -> moves -> apply -> expandFolds -> unroll -> cse          the moves stay on the kernel, as data
 *
 * What comes out is checked once. Where it is not sound, the moves are made again with a check after each.
 */
import { CompilerBug } from "../../src/core/errors.ts";
import { checkKernel } from "../../src/kernel/check.ts";
import type { Kernel, Nest, SharedArray } from "../../src/kernel/kernel.ts";
import type { AnyMove, Move, OwnMoveName, Schedule, SecondLaunch } from "../../src/kernel/moves.ts";
import { type Fresh, freshNames } from "../../src/kernel/names.ts";
import { printKernel } from "../../src/kernel/print.ts";
import { cse } from "../kernel/cse.ts";
import { expandFolds } from "../kernel/expand-folds.ts";
import { unroll } from "../kernel/unroll.ts";
import { type Applying, apply, type MovesOf } from "./apply.ts";
import { Facts } from "./facts.ts";
import type { Halves } from "./moves/halves.ts";

/** The moves for each nest of a kernel. What a target has and how it is tuned the policy knows by itself. */
export type Policy<Of = Move> = (facts: readonly Facts[], kernel: Kernel) => readonly Schedule<Of>[];

/** How a target's kernels are scheduled. */
export interface Scheduling {
  readonly policy: Policy<AnyMove>;
  /** How the moves are made that only this target asks for. */
  readonly ownMoves?: Applying["ownMoves"];
  /** Folds that a launch of their own is to fold in parts, none of which needs another: of most kernels none. */
  readonly secondLaunches?: (kernel: Kernel) => readonly SecondLaunch[];
  /** What a launch before a loop is to copy, and the rest: nothing that reads these names, which change in the loop. */
  readonly firstLaunch?: (kernel: Kernel, changing: ReadonlySet<string>) => Halves | undefined;
  /** Whoever compiles what is printed finds what is computed twice; elsewhere it gets a name. */
  readonly findsCommon?: boolean;
  /** How a kernel is scheduled that was measured on this machine; undefined where that is as usual. */
  readonly tuned?: (kernel: Kernel) => Tuned | undefined;
}

/** Another way for one kernel. It comes from a file, so its moves may be refused: that is told, and the usual ones are made. */
export interface Tuned {
  readonly scheduling: Scheduling;
  refused(reason: string): void;
}

/** A policy with how the moves are made that it asks for beside the common ones. */
export interface OwnMoves<Own extends OwnMoveName> {
  readonly policy: Policy<Move<Own>>;
  readonly ownMoves: MovesOf<Own>;
}

/** The kernel as the target runs it, by the moves that were measured to be best, if any; else by those of the policy. */
export function scheduleKernel(kernel: Kernel, scheduling: Scheduling): Kernel {
  const tuned = scheduling.tuned?.(kernel);
  if (tuned === undefined) return scheduled(kernel, scheduling);
  try {
    return scheduled(kernel, tuned.scheduling);
  } catch (error) {
    if (!(error instanceof CompilerBug)) throw error;
    tuned.refused(error.message);
    return scheduled(kernel, scheduling);
  }
}

/** The kernel, when nothing is wrong with it; else the first move that broke it is named. */
function scheduled(kernel: Kernel, scheduling: Scheduling): Kernel {
  const schedules = scheduling.policy(
    kernel.nests.map((nest) => new Facts(nest, kernel.iterations.length > 0)),
    kernel,
  );
  const made = writtenOut(kernel, schedules, scheduling);
  const broken = checkKernel(made);
  if (broken === null) return made;
  moved(kernel, schedules, { ...scheduling, careful: true });
  throw new CompilerBug(`pass "schedule" broke: ${broken}\n${printKernel(made)}`);
}

function writtenOut(kernel: Kernel, schedules: readonly Schedule<AnyMove>[], scheduling: Scheduling): Kernel {
  if (schedules.every((schedule) => schedule.length === 0)) return expandFolds(kernel);
  const fresh = freshNames(kernel);
  const loops = unroll(expandFolds(moved(kernel, schedules, { ...scheduling, fresh }), fresh), fresh);
  return scheduling.findsCommon === true ? loops : cse(loops, fresh);
}

interface Moving extends Partial<Pick<Applying, "ownMoves">> {
  /** Checked after each. */
  readonly careful?: boolean;
  readonly fresh?: Fresh;
}

/** The kernel after its moves, with folds. */
export function moved(
  kernel: Kernel,
  schedules: readonly Schedule<AnyMove>[],
  { ownMoves = {}, careful = false, fresh = freshNames(kernel) }: Moving = {},
): Kernel {
  const shared: SharedArray[] = [...kernel.shared];
  const buffers = new Map(kernel.buffers.map((buffer) => [buffer.name, buffer]));
  const around: Applying = { fresh, shared, partials: [], buffers, ownMoves };
  const verify = (nest: Nest): string | null => checkKernel({ ...kernel, shared, nests: [nest] });
  const nests = kernel.nests.flatMap((nest, i) => {
    return apply(nest, schedules[i] ?? [], careful ? { ...around, verify } : around);
  });
  // Behind those that made two kernels of one.
  const schedule = schedules.map((own, i) => [...(kernel.schedule[i] ?? []), ...own]);
  return { ...kernel, shared, nests, schedule };
}
