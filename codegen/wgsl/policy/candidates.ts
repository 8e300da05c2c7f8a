/**
 * Other numbers than the usual, by name, for who measures which is best on a GPU. The table in tuning.ts was measured on one card;
 * each of these puts one of its decisions otherwise, wherever that is legal: a tile that would leave too few workgroups, say.
 */
import { cardTiles, noBlocks, softwareBlocks, type TileShape } from "./tile-shapes.ts";
import type { WgslTuning } from "./tuning.ts";

type WgslCandidate = readonly [name: string, tuning: Partial<WgslTuning>];

/** Staged as they lie, and not ahead. */
const plainTiles: readonly TileShape[] = [8, 16].map((side) => ({
  ny: side,
  nx: side,
  rm: 4,
  rn: 4,
  depth: 16,
  least: 1,
  why: "",
}));

export const wgslCandidates: readonly WgslCandidate[] = [
  ...[32, 128, 256].map((mapSize): WgslCandidate => [`maps of ${mapSize}`, { mapSize }]),
  ["one element an invocation", { wideLeast: Infinity }],
  ["several elements an invocation", { wideLeast: 2 ** 13 }],
  ["not turned", { turnLeast: Infinity }],
  ["turned by 16", { turnLeast: 2 ** 12, turnSide: 16 }],
  ["turned by 32", { turnLeast: 2 ** 12, turnSide: 32 }],
  ...tileCandidates(),
  ["no tiles", { tileLeastSide: Infinity }],
  ["small products together", { packLeastGroups: 1 }],
  ["small products by themselves", { packLeastGroups: Infinity }],
  ["blocks from memory", { blocks: softwareBlocks }],
  ["tiles for long sums", { tileLongInner: Infinity }],
  ["tiles whole", { tileDeep: Infinity }],
  ["tiles in parts from 256", { tileDeep: 256, tilePartTerms: 64, tileLeastParts: 2 }],
  ...[64, 128, 512].map((wideSize): WgslCandidate => [`rows by ${wideSize}`, { wideSize, wideLeastColumns: 32 }]),
  ["rows not shared", { rowLeastColumns: Infinity }],
  ["rows shared", { rowLeastColumns: 32, teamMostRows: Infinity, preludeLeastColumns: 32 }],
  ["rows side by side", { besideLeast: 16, besideLeastRows: 64 }],
  ["rows by themselves", { flatRows: 64, flatLeast: 2 ** 16, flatTerms: 16 }],
  ["rows together", { flatRows: Infinity }],
  ["few rows shared by fewer", { alongLeastFew: 8 }],
  ["rows shared by more", { alongLeast: 2 }],
  ["rows shared by fewer", { alongLeast: 32 }],
  ...[4, 8, 32].map((acrossRows): WgslCandidate => [`${acrossRows} rows across`, { acrossRows }]),
  ["lanes joined in registers", { usesSubgroups: true }],
  ["lanes joined in memory", { usesSubgroups: false }],
  ["folds whole", { partTerms: Infinity }],
  ["folds in more parts", { partTerms: 4, leastParts: 4 }],
  ["folds in fewer parts", { partTerms: 64, leastParts: 4 }],
];

/** Each tile of the table alone, for any number of workgroups; and each deeper, less deep, in more slices, and staged otherwise. */
function tileCandidates(): readonly WgslCandidate[] {
  const shapes = new Map<string, TileShape>();
  for (const { most: _, leastTerms: __, ...tile } of [...cardTiles, ...plainTiles]) {
    const { depth, ahead = false, slices = 1 } = tile;
    const others: readonly TileShape[] = [
      { ...tile, depth: depth / 2 },
      { ...tile, depth: 2 * depth },
      { ...tile, wide: 4, ahead: !ahead, twice: true },
      { ...tile, slices: slices === 1 ? 2 : 1 },
    ];
    for (const shape of [tile, ...others]) shapes.set(nameOf(shape), { ...shape, least: 1 });
  }
  return [...shapes].map(([name, shape]) => [name, { tiles: [shape], blocks: noBlocks, tileLongInner: Infinity }]);
}

function nameOf({ ny, nx, rm, rn, depth, wide = 1, ahead, twice, slices = 1 }: TileShape): string {
  const words = [
    `tiles ${ny * rm}x${nx * rn} by ${ny}x${nx}`,
    `${depth} deep`,
    wide > 1 ? `by ${wide}` : "",
    ahead === true ? "ahead" : "",
    twice === true ? "twice" : "",
    slices > 1 ? `${slices} slices` : "",
  ];
  return words.filter((word) => word !== "").join(", ");
}
