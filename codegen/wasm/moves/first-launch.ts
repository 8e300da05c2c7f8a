/**
 * A factor that a loop does not change is copied once before it, by a launch of its own, into the order that it is read in.
 *
 *   stage right of acc first launch 8 of j        k0_panel     parallel j_o < 32, k < 64, j_i < 8
 *                                                                panel[512*j_o + 8*k + j_i] = u[256*k + 8*j_o + j_i]
 *   loop t < 100                                  loop t < 100
 *     k0    parallel i < 32, j < 256       ->       k0         parallel i < 32, j < 256
 *             fold acc = sum over k < 64                         fold acc = sum over k < 64
 *               of h[t, i, k] * u[k, j]                            of h[t, i, k] * panel[512*(j / 8) + 8*k + j % 8]
 *
 * What lies so is read as a panel is (stage.ts), and needs none: no iteration, and no thread, fills one. Columns that are left over
 * lie in a last block, which is as wide and partly empty. Loops other than the column's that move the factor come first. Both
 * halves are kernels as `lower` writes them, each with moves of its own.
 */

import { Facts, sizeOf, storedIn } from "../../../passes/schedule/facts.ts";
import { type Halves, halfOf, type Room, scheduledBy } from "../../../passes/schedule/moves/halves.ts";
import { legal, refuse } from "../../../passes/schedule/piece.ts";
import { load, parallelLoops } from "../../../src/kernel/build.ts";
import { blockIndex, floorDivIndex, modIndex, scaleIndex } from "../../../src/kernel/index-expr.ts";
import type { BufferParam, Index, Kernel, LoopVar, Nest } from "../../../src/kernel/kernel.ts";
import type { FirstLaunch } from "../../../src/kernel/moves.ts";
import { type Fresh, freshNames } from "../../../src/kernel/names.ts";
import { declaredNames, readIn } from "../../../src/kernel/rewrite.ts";
import { checkKnown, type Factor, factorOf, readingFold, storedFactor } from "./factor.ts";

/** The halves of a kernel, or why the move is not legal. `changing`: buffers and iterations that change from launch to launch. */
export function firstLaunch(
  kernel: Kernel,
  move: FirstLaunch,
  changing: ReadonlySet<string>,
  target: Room,
): Halves | string {
  return legal(() => {
    const place = placeIn(kernel, move, changing);
    const fresh = freshNames(kernel);
    const between: BufferParam = { name: fresh("panel"), element: "f32", count: elementsOf(place), role: "write" };
    const filling = fillingNests(place, between.name, fresh);
    const read = readIn(filling.flatMap(({ body }) => body));
    const first: Kernel = {
      ...halfOf(kernel, filling, [between], target),
      name: fresh(`${kernel.name}_panel`),
      iterations: kernel.iterations.filter(({ name }) => read.has(name)),
      flops: 0,
      schedule: filling.map(() => [move]),
    };
    const reading = kernel.nests.map((nest) => (nest === place.nest ? readingNest(place, between.name, fresh) : nest));
    const rest: Kernel = {
      ...halfOf(kernel, reading, [between], target),
      schedule: scheduledBy(kernel, (nest) => (nest === place.nest ? [move] : [])),
    };
    return { first, rest, between: [between], nodes: [] };
  });
}

// ---- which factor ----------------------------------------------------------------------------------------------------

interface Place extends Factor {
  readonly nest: Nest;
  readonly column: LoopVar;
  /** Columns side by side. */
  readonly by: number;
  /** Other loops that move it, and axes of the fold that do. */
  readonly outer: readonly LoopVar[];
  readonly deep: readonly LoopVar[];
}

function placeIn({ nests }: Kernel, { of, operand, into }: FirstLaunch, changing: ReadonlySet<string>): Place {
  for (const nest of nests) {
    const fold = nest.body.find((stmt) => stmt.kind === "fold" && stmt.accumulators[0]?.name === of);
    if (fold?.kind !== "fold") continue;
    if (fold.guard.length > 0 || fold.block.length > 0) refuse("the fold is scheduled already");
    const found = factorOf(fold, operand);
    const { factor, lets } = found;
    if (factor.type !== "f32") refuse("it has no such factor of f32");
    if (lets.some(({ kind }) => kind !== "let")) refuse("it needs a fold");
    checkKnown(found, [...declaredNames([...nest.prelude, ...nest.body]), ...storedIn(nest.body), ...changing], []);
    const moving = new Facts(nest).movesWith(factor);
    const loops = nest.loops.map(({ loop }) => loop).filter(({ name }) => moving.has(name));
    const column = loops.find(({ name }) => name === into.axis) ?? refuse(`${into.axis} does not move it`);
    const outer = loops.filter((loop) => loop !== column);
    const deep = fold.axes.filter(({ name }) => moving.has(name));
    return { ...found, nest, column, by: into.by, outer, deep };
  }
  return refuse(`there is no fold ${of} at the top of a nest`);
}

// ---- where an element lies -------------------------------------------------------------------------------------------

/** The loops that move it, at these indexes: the block of columns, and the column in it. */
interface Element {
  readonly outer: readonly Index[];
  readonly block: Index;
  readonly deep: readonly Index[];
  readonly inside: Index;
}

const blocksOf = ({ column, by }: Place): number => Math.ceil(column.extent / by);
const elementsOf = (place: Place): number => sizeOf(place.outer) * blocksOf(place) * sizeOf(place.deep) * place.by;

function placeOfElement(place: Place, { outer, block, deep, inside }: Element): Index {
  const extents = [
    ...place.outer.map(({ extent }) => extent),
    blocksOf(place),
    ...place.deep.map(({ extent }) => extent),
  ];
  const at = [...outer, block, ...deep].reduce((whole, index, i) => blockIndex(extents[i] ?? 1, whole, index));
  return blockIndex(place.by, at, inside);
}

/** The nest, whose fold finds the factor in the panel. */
function readingNest(place: Place, panel: string, { pool }: Fresh): Nest {
  const { nest, fold, column, by } = place;
  const indexes = (loops: readonly LoopVar[]): readonly Index[] => loops.map((loop) => pool.loop(loop));
  const at = pool.loop(column);
  const read = load(
    "f32",
    panel,
    placeOfElement(place, {
      outer: indexes(place.outer),
      block: floorDivIndex(at, by),
      deep: indexes(place.deep),
      inside: modIndex(at, by),
    }),
  );
  const reading = readingFold(place, read);
  return { ...nest, body: nest.body.map((stmt) => (stmt === fold ? reading : stmt)) };
}

// ---- the copy --------------------------------------------------------------------------------------------------------

/** Whole blocks of columns, and those that are left over. */
function fillingNests(place: Place, panel: string, fresh: Fresh): readonly Nest[] {
  const { column, by } = place;
  const [whole, rest] = [Math.floor(column.extent / by), column.extent % by];
  return [
    ...(whole > 0 ? [fillingNest(place, panel, { first: 0, blocks: whole, width: by }, fresh)] : []),
    ...(rest > 0 ? [fillingNest(place, panel, { first: whole, blocks: 1, width: rest }, fresh)] : []),
  ];
}

interface Blocks {
  readonly first: number;
  readonly blocks: number;
  readonly width: number;
}

function fillingNest(place: Place, panel: string, { first, blocks, width }: Blocks, fresh: Fresh): Nest {
  const { column, by } = place;
  const { pool } = fresh;
  const copyOf = ({ name, extent }: LoopVar): LoopVar => ({ name: fresh(name), extent });
  const [outer, deep] = [place.outer.map(copyOf), place.deep.map(copyOf)];
  const block: LoopVar = { name: fresh(`${column.name}_o`), extent: blocks };
  const inner: LoopVar = { name: fresh(`${column.name}_i`), extent: width };
  const indexes = (loops: readonly LoopVar[]): readonly Index[] => loops.map((loop) => pool.loop(loop));
  const element: Element = {
    outer: indexes(outer),
    block: scaleIndex(pool.loop(block), 1, first),
    deep: indexes(deep),
    inside: pool.loop(inner),
  };
  const at = new Map<string, Index>([[column.name, blockIndex(by, element.block, element.inside)]]);
  [...place.outer, ...place.deep].forEach(({ name }, i) => {
    const index = [...element.outer, ...element.deep][i];
    if (index !== undefined) at.set(name, index);
  });
  return {
    loops: parallelLoops([...outer, block, ...deep, inner]),
    prelude: [],
    body: storedFactor(place, panel, placeOfElement(place, element), at, fresh),
  };
}
