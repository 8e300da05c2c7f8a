/** What passes over a sequence need that make two launches of one. */
import type { Kernel } from "../../src/kernel/kernel.ts";
import type { KernelPool } from "../../src/kernel/kernel-pool.ts";
import type { TargetTraits } from "../../src/kernel/target.ts";
import type { Buffers } from "../../src/program/buffer.ts";
import type { Binding, Launch } from "../../src/program/sequence.ts";
import type { Scheduling } from "./schedule.ts";

/** What is asked of a target. */
export interface Target {
  readonly traits: TargetTraits;
  readonly scheduling: Scheduling;
}

/** Where what is new comes from. */
export interface Around {
  readonly kernels: KernelPool;
  readonly buffers: Buffers;
}

/** The kernel as the pool has it, with those of the bindings that it needs. */
export function bound(
  made: Kernel,
  bindings: readonly Binding[],
  { kernels }: Around,
): Pick<Launch, "kernel" | "bindings"> {
  const kernel = kernels.intern(made);
  const all = new Map(bindings.map(({ param, buffer }) => [param, buffer]));
  const own = made.buffers.flatMap(({ name }, i) => {
    const buffer = all.get(name);
    return buffer === undefined ? [] : [{ param: kernel.buffers[i]?.name ?? name, buffer }];
  });
  return { kernel, bindings: own };
}
