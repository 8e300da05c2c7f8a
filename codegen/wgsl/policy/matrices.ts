/**
 * Which contractions matrix units compute: those of two f16 operands as they lie in memory, whose sides are whole blocks.
 *
 * A subgroup a workgroup computes a block of 64 x 64 straight from memory: on an H100 28 TFLOP/s at 1024, 74 at 4096, where tiles of f32
 * reach 16 and 20. Smaller blocks where these would be too few for the card. A matrix unit adds up 16 products at a time, so a sum of
 * 8,192 is 512 additions: within the bound of a sum of 1,024.
 */
import { type Facts, sizeOf } from "../../../passes/schedule/facts.ts";
import type { Expr, LoopVar, Stmt } from "../../../src/kernel/kernel.ts";
import type { Schedule, WgslMove } from "../../../src/kernel/moves.ts";
import { strideAlong } from "../../../src/kernel/stride.ts";
import { loadIn, matrixSide } from "../moves/matrix.ts";
import type { MapSetting } from "./lanes.ts";
import { nameOf } from "./registers.ts";
import { contractionOf } from "./tiles.ts";

const blocks = [
  { side: 64, leastGroups: 128 },
  { side: 32, leastGroups: 32 },
] as const;
const mostTerms = 8192;

/** The moves, or undefined where it is none for matrix units. `invocations` of a workgroup: those of a subgroup. */
export function matrixMoves(
  facts: Facts,
  { limits, buffers }: MapSetting,
  invocations: number,
): Schedule<WgslMove> | undefined {
  const found = contractionOf(facts);
  if (found === undefined || facts.nest.prelude.some(({ kind }) => kind !== "let")) return undefined;
  const [m, n, k] = [found.rows, found.columns, found.inner].map(([only, ...others]) =>
    others.length > 0 ? undefined : only,
  );
  if (m === undefined || n === undefined || k === undefined || k.extent % matrixSide !== 0 || k.extent > mostTerms)
    return undefined;
  const halves = new Set(
    buffers.flatMap(({ name, element, role }) => (element === "f16" && role === "read" ? [name] : [])),
  );
  if (![found.left, found.right].every((factor) => isLoadOf(factor, found.fold.body, halves, [m, n, k])))
    return undefined;
  const block = blocks.find(({ side, leastGroups }) => {
    const groups = (sizeOf(found.batch) * m.extent * n.extent) / side ** 2;
    const fits = m.extent % side === 0 && n.extent % side === 0 && 4 * side ** 2 <= limits.maxWorkgroupStorage;
    return fits && groups >= leastGroups;
  });
  if (block === undefined) return undefined;
  const { side } = block;
  const groups = [...found.batch.map(({ name }) => name), `${m.name}_o`, `${n.name}_o`];
  return [
    { move: "split", axis: m.name, by: side, tail: "exact" },
    { move: "split", axis: n.name, by: side, tail: "exact" },
    { move: "reorder", axes: [...groups, `${m.name}_i`, `${n.name}_i`] },
    {
      move: "matrix",
      of: nameOf(found.fold),
      rows: `${m.name}_i`,
      columns: `${n.name}_i`,
      invocations,
    },
    { move: "flatten", axes: groups, into: "group" },
    { move: "bind", axis: "group", to: "workgroup" },
  ];
}

/** Whether the factor is a matrix as it lies in one of the buffers: whole rows or columns of it, without borders. */
function isLoadOf(
  factor: Expr,
  body: readonly Stmt[],
  buffers: ReadonlySet<string>,
  loops: readonly LoopVar[],
): boolean {
  const found = loadIn(factor, body);
  if (found === undefined || found.guard !== undefined || !buffers.has(found.buffer)) return false;
  const growth = loops.map(({ name, extent }) => strideAlong(found.at, name, extent, () => true));
  const moving = growth.filter((each) => each !== 0);
  return moving.length === 2 && moving.includes(1) && moving.every((each) => each !== null && each > 0);
}
