/** Which contractions are tiled, and in tiles of which shape. */
import { type Contraction, type Facts, sizeOf } from "../../../passes/schedule/facts.ts";
import { choosePack } from "./packs.ts";
import { invocationsOf, type TileShape, tileBytes } from "./tile-shapes.ts";
import type { Setting, WgslTuning } from "./tuning.ts";

/** The first fold of the body, where only `let`s stand before it, no other fold after it, and its elements are but products. */
export function contractionOf(facts: Facts): Contraction | undefined {
  const { body } = facts.nest;
  const at = body.findIndex(({ kind }) => kind === "fold");
  const fold = body[at];
  if (fold?.kind !== "fold" || body.slice(0, at).some(({ kind }) => kind !== "let")) return undefined;
  if (body.slice(at + 1).some(({ kind }) => kind !== "let" && kind !== "store")) return undefined;
  if (fold.guard.length > 0 || fold.values[0]?.type !== "f32" || fold.body.some(({ kind }) => kind !== "let"))
    return undefined;
  return facts.contraction(fold);
}

/** Workgroups that a contraction is in tiles of the best shape, however few they are. */
export function tileGroups(found: Contraction, setting: Setting): number {
  const shape = thriftiest(found, fittingTiles(found, setting), setting.tuning);
  return shape === undefined ? 0 : groupsOf(found, shape);
}

/** The first tile of the table that leaves enough workgroups, and most of it not empty; of one size of workgroup, when that is given. */
export function chooseTile(
  found: Contraction,
  setting: Setting,
  alternative: boolean,
  size?: number,
): TileShape | undefined {
  const fitting = fittingTiles(found, setting, size);
  const enough = fitting.filter((shape) => {
    const groups = groupsOf(found, shape);
    return groups >= shape.least && groups <= (shape.most ?? groups);
  });
  const chosen = thriftiest(found, enough, setting.tuning);
  const packed = chosen?.slices === undefined ? choosePack(found, setting, size) : undefined;
  if (packed !== undefined) return packed;
  if (chosen?.least === 1 && alternative) return undefined;
  return chosen ?? (size === undefined ? undefined : fitting.at(-1));
}

function fittingTiles(found: Contraction, { limits, tuning }: Setting, size?: number): readonly TileShape[] {
  const [m, n, k] = [sizeOf(found.rows), sizeOf(found.columns), sizeOf(found.inner)];
  if (Math.min(m, n) < tuning.tileLeastSide || m * n * k < tuning.tileLeastWork) return [];
  return tuning.tiles
    .map((shape) => (tileBytes(shape) <= limits.maxWorkgroupStorage ? shape : { ...shape, twice: false }))
    .filter(
      (shape) =>
        k >= (shape.leastTerms ?? 0) &&
        invocationsOf(shape) <= limits.maxInvocations &&
        tileBytes(shape) <= limits.maxWorkgroupStorage &&
        (size === undefined || invocationsOf(shape) === size),
    );
}

function groupsOf({ batch, rows, columns }: Contraction, { ny, nx, rm, rn }: TileShape): number {
  return sizeOf(batch) * Math.ceil(sizeOf(rows) / (ny * rm)) * Math.ceil(sizeOf(columns) / (nx * rn));
}

/** How much more than the least a tile may take, for being higher in the table. */
const spare = 1.25;

/** The first that costs about as little as any: 32 filters in tiles of 64 would be as many zeros beside them. */
function thriftiest(found: Contraction, shapes: readonly TileShape[], tuning: WgslTuning): TileShape | undefined {
  const cost = (shape: TileShape): number => costIn(found, shape, tuning);
  const least = Math.min(...shapes.map(cost));
  return shapes.find((shape) => cost(shape) <= spare * least);
}

/**
 * For each k, of the products beyond the edges too: words that are read of workgroup memory, of which a register block of rm x rn takes
 * rm + rn, and what its rm * rn products cost beside that.
 */
function costIn(found: Contraction, shape: TileShape, { tileProductCost }: WgslTuning): number {
  const { ny, nx, rm, rn } = shape;
  return groupsOf(found, shape) * ny * nx * (rm + rn + tileProductCost * rm * rn);
}
