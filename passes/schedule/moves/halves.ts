/** A kernel that becomes two, of two launches: what both halves of it are made with. */
import type { BufferParam, Kernel, Nest } from "../../../src/kernel/kernel.ts";
import type { AnyMove, Schedule } from "../../../src/kernel/moves.ts";
import { readIn } from "../../../src/kernel/rewrite.ts";
import { type TargetTraits, trafficOf } from "../../../src/kernel/target.ts";
import { storedIn } from "../facts.ts";
import { refuse } from "../piece.ts";

export interface Halves {
  readonly first: Kernel;
  readonly rest: Kernel;
  /** What one writes and the other reads. */
  readonly between: readonly BufferParam[];
  /** The nodes that the first computes, by their places in the launch's list. */
  readonly nodes: readonly number[];
}

/** What is asked of a target. */
export type Room = Pick<TargetTraits, "maxBuffers" | "bytesOf">;

/** The kernel with these nests alone, and those of its buffers, and of those between the halves, that they touch. */
export function halfOf(kernel: Kernel, nests: readonly Nest[], between: readonly BufferParam[], target: Room): Kernel {
  const buffers = touchedBy(nests, [...kernel.buffers, ...between]);
  if (buffers.length > target.maxBuffers) {
    refuse(`a half touches ${buffers.length} buffers, of ${target.maxBuffers}`);
  }
  return { ...kernel, nests, buffers, bytes: buffers.reduce((bytes, param) => bytes + trafficOf(param, target), 0) };
}

/** The schedule of each nest of the kernel, with these moves behind it. */
export function scheduledBy(kernel: Kernel, moves: (nest: Nest) => Schedule<AnyMove>): Kernel["schedule"] {
  return kernel.nests.map((nest, i) => [...(kernel.schedule[i] ?? []), ...moves(nest)]);
}

/** Those of the parameters that the nests touch, each with the role that it has in them. */
function touchedBy(nests: readonly Nest[], params: readonly BufferParam[]): readonly BufferParam[] {
  const stmts = nests.flatMap(({ prelude, body }) => [...prelude, ...body]);
  const [read, stored] = [readIn(stmts), storedIn(stmts)];
  return params.flatMap((param): readonly BufferParam[] => {
    if (!stored.has(param.name)) return read.has(param.name) ? [{ ...param, role: "read" }] : [];
    return [{ ...param, role: read.has(param.name) ? "update" : "write" }];
  });
}
