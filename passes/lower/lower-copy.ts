/**
 * Copies that a target's memory cannot make, as kernels: WebGPU copies whole words, and rows of narrow elements begin and end between.
 */
import { load, store } from "../../src/kernel/build.ts";
import { addIndex, sumIndex } from "../../src/kernel/index-expr.ts";
import { type BufferParam, type Index, type LoopVar, valueTypeOf } from "../../src/kernel/kernel.ts";
import type { KernelPool } from "../../src/kernel/kernel-pool.ts";
import { type TargetTraits, trafficOf } from "../../src/kernel/target.ts";
import type { Copy, Launch, Row } from "../../src/program/sequence.ts";

/** The copy itself where the target makes it, else a launch that does the same. */
export function lowerCopy(step: Copy, target: TargetTraits, kernels: KernelPool): Copy | Launch {
  const { id, from, to, fromRow, toRow } = step;
  const rows = [fromRow, toRow].filter((row) => row !== undefined);
  const width = target.bytesOf(from.dtype, target.copied) / target.copied;
  const isWhole = (elements: number): boolean => (elements * width) % target.copied === 0;
  const isMade = rows.every(({ count, offset, strides }) =>
    [count, offset, ...strides.map(({ by }) => by)].every(isWhole),
  );
  if (isMade || from === to) return step;
  const pool = kernels.exprs;
  const loops = [...new Set(rows.flatMap(({ strides }) => strides.map(({ loop }) => loop)))].filter(
    ({ extent }) => extent > 1,
  );
  const iterations = loops.map(({ extent }, i): LoopVar => ({ name: `t${i}`, extent }));
  const loop: LoopVar = { name: "i", extent: (fromRow ?? from).count };
  const at = (row: Row | undefined): Index => {
    const moving = (row?.strides ?? []).flatMap(({ loop, by }) => {
      const around = iterations[loops.indexOf(loop)];
      return around === undefined ? [] : [{ factor: by, index: pool.loop(around) }];
    });
    return addIndex(pool.loop(loop), sumIndex(moving, row?.offset ?? 0, pool));
  };
  const param = (name: string, role: "read" | "write", count: number): BufferParam => ({
    name,
    element: from.dtype,
    count,
    role,
  });
  const [source, place] = [param("from", "read", from.count), param("to", "write", to.count)];
  const value = load(valueTypeOf(from.dtype), source.name, at(fromRow));
  const name = `k${id}_copy`;
  const kernel = kernels.intern({
    name,
    buffers: [source, place],
    shared: [],
    iterations,
    nests: [{ loops: [{ loop, mark: "parallel" }], prelude: [], body: [store(place.name, at(toRow), value)] }],
    flops: 0,
    bytes: 2 * trafficOf({ ...source, count: loop.extent }, target),
    schedule: [],
  });
  const bindings = [from, to].map((buffer, i) => ({ param: kernel.buffers[i]?.name ?? "", buffer }));
  return { kind: "launch", id, name, kernel, bindings, iterations: loops, nodes: [] };
}
