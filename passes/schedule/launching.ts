/** What passes over a sequence share that make two launches of one. */
import type { KernelPool } from "../../src/kernel/kernel-pool.ts";
import type { TargetTraits } from "../../src/kernel/target.ts";
import type { Buffers } from "../../src/program/buffer.ts";
import type { Launch } from "../../src/program/sequence.ts";
import type { Halves } from "./moves/halves.ts";
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
  readonly nextId: () => number;
}

/** For people: what a launch is called that is cut off another, the n-th of them, and what it leaves for the rest. */
interface Words {
  readonly suffix: string;
  readonly contents: (nodes: Launch["nodes"], n: number) => string;
}

/** What stands before a launch as long as halves of it are found, each with a launch of its own; and, last, what is left. */
export function cutLaunch(
  step: Launch,
  halvesOf: (rest: Launch) => Halves | undefined,
  { suffix, contents }: Words,
  around: Around,
): readonly Launch[] {
  const before: Launch[] = [];
  for (let launch = step; ; ) {
    const halves = halvesOf(launch);
    if (halves === undefined) return [...before, launch];
    const { kernel, iterations, bindings } = launch;
    const { first, rest, between } = halves;
    const n = before.length + 1;
    const nodes = halves.nodes.flatMap((place) => launch.nodes[place] ?? []);
    const of = contents(nodes, n);
    const buffers = new Map(bindings.map(({ param, buffer }) => [param, buffer]));
    for (const { name, element, count } of between) {
      const held = between.length === 1 ? of : `${of} as ${element}`;
      buffers.set(name, around.buffers.scratch(held, { dtype: element, shape: [count] }));
    }
    const kept = kernel.iterations.map((loop) => first.iterations.includes(loop));
    before.push({
      ...launch,
      id: around.nextId(),
      name: `${step.name}${suffix}${n === 1 ? "" : `_${n}`}`,
      ...bound(first, buffers, around),
      iterations: iterations.filter((_, i) => kept[i]),
      nodes,
    });
    launch = { ...launch, ...bound(rest, buffers, around) };
  }
}

/** The kernel as the pool has it, with those of the buffers that it needs. */
function bound(
  made: Halves["rest"],
  buffers: ReadonlyMap<string, Launch["bindings"][number]["buffer"]>,
  { kernels }: Around,
): Pick<Launch, "kernel" | "bindings"> {
  const kernel = kernels.intern(made);
  const bindings = made.buffers.flatMap(({ name }, i) => {
    const buffer = buffers.get(name);
    return buffer === undefined ? [] : [{ param: kernel.buffers[i]?.name ?? name, buffer }];
  });
  return { kernel, bindings };
}
