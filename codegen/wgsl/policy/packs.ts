/**
 * Tiles for batches of small products: several of them in a workgroup, which one would leave mostly idle.
 *
 *   8 x 8 of 8 terms      4 invocations of 4 x 4 outputs each, 16 products in a workgroup of 64
 *   12 x 12               16 of 3 x 3, 4 products
 *   16 x 16               16 of 4 x 4, 4 products
 *
 * They are no rows of the table: the tile follows from the sides.
 */
import { type Contraction, sizeOf } from "../../../passes/schedule/facts.ts";
import { invocationsOf, type TileShape, tileBytes } from "./tile-shapes.ts";
import type { Setting, WgslTuning } from "./tuning.ts";

/** So many invocations, each with a block of so many, along a side. */
interface Cut {
  readonly lanes: number;
  readonly block: number;
}

/** Elements that are copied together: sides of a tile are whole fours. */
const wide = 4;
const cuts: readonly Cut[] = [2, 4, 8, 16].flatMap((lanes) =>
  [4, 3, 2].flatMap((block) => ((lanes * block) % wide === 0 ? [{ lanes, block }] : [])),
);
const depths = [16, 8, 4];
/** Of workgroup memory: as much as leaves room for twenty workgroups where a card has 228 KB for them. */
const mostBytes = 10_240;

/** The tile for workgroups of so many invocations, or undefined where a product fills one or there are too few of them. */
export function choosePack(
  found: Contraction,
  { limits, tuning }: Setting,
  size: number = tuning.mapSize,
): TileShape | undefined {
  const [m, n, k] = [sizeOf(found.rows), sizeOf(found.columns), sizeOf(found.inner)];
  const isSmall = Math.min(m, n, k) >= tuning.tileLeastSide && size <= limits.maxInvocations;
  if (!isSmall || sizeOf(found.batch) * m * n * k < tuning.tileLeastWork) return undefined;
  let best: TileShape | undefined;
  for (const down of cuts.filter((cut) => covers(cut, m))) {
    for (const across of cuts.filter((cut) => covers(cut, n))) {
      const products = size / (down.lanes * across.lanes);
      const sides = { ny: down.lanes, nx: across.lanes, rm: down.block, rn: across.block };
      const shape = products > 1 && Number.isInteger(products) ? inDepth({ ...sides, products }, k) : undefined;
      if (shape === undefined || tileBytes(shape) > limits.maxWorkgroupStorage) continue;
      if (best === undefined || costOf(shape, tuning) < costOf(best, tuning)) best = shape;
    }
  }
  if (best === undefined || sizeOf(found.batch) / (best.products ?? 1) < tuning.packLeastGroups) return undefined;
  return best;
}

const covers = ({ lanes, block }: Cut, side: number): boolean => lanes * block >= side;

/** As deep as there are terms, if that fits and all invocations copy as much of it. */
function inDepth(sides: Pick<TileShape, "ny" | "nx" | "rm" | "rn" | "products">, terms: number): TileShape | undefined {
  const shapes = depths.map((depth): TileShape => ({ ...sides, depth, wide, least: 1, why: "" }));
  const fitting = shapes.filter(
    (shape) => isEven(shape) && tileBytes(shape) <= mostBytes * (invocationsOf(shape) / 64),
  );
  return fitting.findLast(({ depth }) => depth >= terms) ?? fitting[0];
}

function isEven(shape: TileShape): boolean {
  const { ny, nx, rm, rn, depth, products = 1 } = shape;
  return [ny * rm, nx * rn].every((side) => ((products * side * depth) / wide) % invocationsOf(shape) === 0);
}

/** Of one product, for each k: what `costIn` of tiles.ts counts. */
function costOf({ ny, nx, rm, rn }: TileShape, { tileProductCost }: WgslTuning): number {
  return ny * nx * (rm + rn + tileProductCost * rm * rn);
}
