/**
 * Kernel in, kernel out: a policy chooses moves for each nest, `apply` makes them, and what is left is written out for printers.
 *
 *   facts -> policy -> moves -> apply -> expandFolds -> unroll -> cse          the moves stay on the kernel, as data
 *
 * What comes out is checked once (`soundly`). Where it is not sound, the moves are made again with a check after each.
 */
import { CompilerBug } from "../../src/core/errors.ts";
import { checkKernel } from "../../src/kernel/check.ts";
import type { Kernel, Nest, SharedArray } from "../../src/kernel/kernel.ts";
import type { Schedule } from "../../src/kernel/moves.ts";
import { printKernel } from "../../src/kernel/print.ts";
import { cse } from "../kernel/cse.ts";
import { expandFolds } from "../kernel/expand-folds.ts";
import { freshNames } from "../kernel/names.ts";
import { unroll } from "../kernel/unroll.ts";
import { type Applying, apply } from "./apply.ts";
import { Facts } from "./facts.ts";

/** The moves for each nest of a kernel. What a target has and how it is tuned the policy knows by itself. */
export type Policy = (facts: readonly Facts[], kernel: Kernel) => readonly Schedule[];

/** `namesCommon`: what is computed twice gets a name, where nothing behind the printer finds it. */
export function scheduleKernel(kernel: Kernel, policy: Policy, { namesCommon = true } = {}): Kernel {
  const schedules = policy(
    kernel.nests.map((nest) => new Facts(nest)),
    kernel,
  );
  if (schedules.every((schedule) => schedule.length === 0)) return expandFolds(kernel);
  const fresh = freshNames(kernel);
  const loops = unroll(expandFolds(moved(kernel, schedules, { fresh }), fresh), fresh);
  return namesCommon ? cse(loops, fresh) : loops;
}

/** What a schedule made, when nothing is wrong with it; else the first move that broke it is named. */
export function soundly(kernel: Kernel, made: Kernel): Kernel {
  const broken = checkKernel(made);
  if (broken === null) return made;
  const own = made.schedule.map((schedule, i) => schedule.slice(kernel.schedule[i]?.length ?? 0));
  moved(kernel, own, { careful: true });
  throw new CompilerBug(`pass "schedule" broke: ${broken}\n${printKernel(made)}`);
}

/** The kernel after its moves, with folds. `careful`: checked after each. */
export function moved(
  kernel: Kernel,
  schedules: readonly Schedule[],
  { careful = false, fresh = freshNames(kernel) } = {},
): Kernel {
  const shared: SharedArray[] = [...kernel.shared];
  const buffers = new Map(kernel.buffers.map((buffer) => [buffer.name, buffer]));
  const around: Applying = { fresh, shared, partials: [], buffers };
  const verify = (nest: Nest): string | null => checkKernel({ ...kernel, shared, nests: [nest] });
  const nests = kernel.nests.flatMap((nest, i) => {
    return apply(nest, schedules[i] ?? [], careful ? { ...around, verify } : around);
  });
  // Behind those that made two kernels of one.
  const schedule = schedules.map((own, i) => [...(kernel.schedule[i] ?? []), ...own]);
  return { ...kernel, shared, nests, schedule };
}
