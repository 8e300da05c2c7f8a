/**
 * Each launch of an entry: what it computes, its loops before and after every move of its schedule, and what was printed. The moves are
 * kept on the kernel as data, so they are made again here, one by one.
 */

import type { BoundTarget } from "../../../codegen/target.ts";
import { moved } from "../../../passes/schedule/schedule.ts";
import { launchesToSchedule } from "../../../passes/schedule/sequence.ts";
import type { Stages } from "../../compile.ts";
import { CompilerBug } from "../../core/errors.ts";
import type { Node } from "../../graph/node.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import type { KernelPool } from "../../kernel/kernel-pool.ts";
import { printMove } from "../../kernel/moves.ts";
import { printKernel } from "../../kernel/print.ts";
import type { Buffer } from "../../program/buffer.ts";
import { eachTime, type Launch, launchesOf } from "../../program/sequence.ts";
import type { PrintedCode } from "./code.ts";
import type { KernelView, MoveView } from "./exploration.ts";
import type { Texts } from "./texts.ts";

export interface KernelParts {
  readonly target: Pick<BoundTarget, "traits" | "scheduling">;
  /** That of the compilation. */
  readonly pool: KernelPool;
  readonly code: PrintedCode;
  readonly texts: Texts;
  readonly keyOf: ReadonlyMap<Node, string>;
  readonly numberOf: (buffer: Buffer) => number;
}

export function viewKernels(stages: Stages, parts: KernelParts): readonly KernelView[] {
  const { sequence, scheduled, lowered, ordered } = stages;
  const { target, pool, code, texts, keyOf, numberOf } = parts;
  const byId = (launches: readonly Launch[]): ReadonlyMap<number, Launch> =>
    new Map(launches.map((launch) => [launch.id, launch]));
  const before = byId(launchesOf(launchesToSchedule(lowered, target, { kernels: pool, buffers: ordered.buffers })));
  const after = byId(launchesOf(scheduled));
  const timesOf = new Map<number, number>();
  eachTime(sequence, ({ id }, times) => timesOf.set(id, times));
  const known = new Map<Kernel, number>();
  return launchesOf(sequence).map((launch, number) => {
    const { id, name, kernel, bindings, nodes } = launch;
    const [start, end] = [before.get(id)?.kernel, after.get(id)?.kernel];
    if (start === undefined || end === undefined) throw new CompilerBug(`the launch ${id} was not scheduled`);
    const sameAs = known.get(kernel) ?? null;
    if (sameAs === null) known.set(kernel, number);
    const roles = new Map(kernel.buffers.map((buffer) => [buffer.name, buffer.role]));
    const bound = (isIt: (role: string | undefined) => boolean): readonly number[] =>
      bindings.filter(({ param }) => isIt(roles.get(param))).map(({ buffer }) => numberOf(buffer));
    return {
      step: id,
      name,
      times: timesOf.get(id) ?? 1,
      nodes: nodes.flatMap((node) => keyOf.get(node) ?? []),
      flops: kernel.flops,
      bytes: kernel.bytes,
      reads: bound((role) => role !== "write"),
      writes: bound((role) => role !== "read"),
      lowered: texts.id(printKernel(start)),
      moves: replay(start, end, target, texts),
      written: texts.id(printKernel(kernel)),
      code: code.of(id),
      sameAs,
    };
  });
}

/** The kernel after each move: nest by nest, as they are made. */
function replay(start: Kernel, end: Kernel, { scheduling }: KernelParts["target"], texts: Texts): readonly MoveView[] {
  const { ownMoves = {} } = scheduling;
  // A kernel that was made of another has the moves of that before its own.
  const own = end.schedule.map((schedule, nest) => schedule.slice(start.schedule[nest]?.length ?? 0));
  return own.flatMap((schedule, nest) =>
    schedule.map((move, i) => {
      const made = own.map((moves, other) => (other < nest ? moves : other > nest ? [] : moves.slice(0, i + 1)));
      return { nest, move: printMove(move), text: texts.id(printKernel(moved(start, made, { ownMoves }))) };
    }),
  );
}
