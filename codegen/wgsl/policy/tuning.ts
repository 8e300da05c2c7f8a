/** The numbers that the schedules for WGSL go by: what a GPU has, and a value (`wgslTuning`) that whoever measures may replace. */
import { longestSum } from "../../../src/kernel/target.ts";
import { cardTiles, noBlocks, softwareBlocks } from "./tile-shapes.ts";

export interface WgslLimits {
  /** Per workgroup. */
  readonly maxInvocations: number;
  /** Bytes. */
  readonly maxWorkgroupStorage: number;
  /** Invocations of a subgroup, where all are of one size and exchange values; else 0. */
  readonly subgroupSize?: number;
}

export const wgslTuning = {
  /** Invocations of a workgroup with nothing to share: a multiple of every GPU's subgroup (8 to 64). */
  mapSize: 64,
  /**
   * Maps of so many elements have several of them in an invocation, as one access of 16 bytes, and workgroups of `wideSize`: with 64
   * invocations of one element an H100 was busy starting workgroups (1,228 GB/s, where a copy by 16 bytes runs at 2,849). With fewer
   * elements there would not be enough invocations to hide how far away memory is.
   */
  wideLeast: 2 ** 17,
  /** And of so many statements at most, copies and all: drivers take their time for long kernels, and arithmetic is what those do. */
  wideMostStmts: 256,
  /** Maps that are turned in workgroup memory where they read across, in tiles of so much a side; and how long both sides are at least. */
  turnLeast: 2 ** 17,
  turnSide: 32,
  turnLeastSide: 16,
  /** The best first: more registers per invocation mean fewer loads per product, and fewer workgroups. */
  tiles: cardTiles,
  /** Blocks of outputs that an invocation computes straight from memory, where that is better than tiles; none on a card. */
  blocks: noBlocks,
  /** What a product costs of what reading a word of workgroup memory does, where four are read at once. */
  tileProductCost: 0.5,
  /** Output smaller than this in rows or columns, or less work: no tile is worth its barriers. */
  tileLeastSide: 4,
  tileLeastWork: 4096,
  /** Products of a batch that are so small that several of them share a workgroup do, where there are so many workgroups at least. */
  packLeastGroups: 32,
  /** k at least this long makes a tree of partial sums better than a tile with few workgroups. */
  tileLongInner: 128,
  /** Fewer iterations than this cost less than the barriers that sharing them needs. */
  rowLeastColumns: 32,
  /** With more rows than this one invocation per row fills a GPU: sharing rows only pays if it reads memory in order. */
  mapRows: 16384,
  /** Rows side by side where neighbours take neighbouring rows: 16 words are a 64-byte piece of memory. */
  acrossRows: 16,
  /** Columns for each lane at least: with fewer, most of the time goes into the tree. Few rows leave lanes idle anyway. */
  alongLeast: 8,
  alongFewRows: 64,
  alongLeastFew: 2,
  /** Elements of rows that an invocation holds in registers at most. */
  heldMost: 64,
  /** Few rows, much work: larger workgroups, as there are not enough of them. */
  wideMostRows: 4096,
  wideSize: 256,
  wideLeastColumns: 128,
  /** Rows that are shared out at most; and columns of a fold before the loops, which every workgroup would share out. */
  teamMostRows: Number.POSITIVE_INFINITY,
  preludeLeastColumns: 32,
  /** Whether lanes of a row exchange what they have where they can: of eight barriers of 256 invocations one is left. */
  usesSubgroups: true,
  /** Terms of a sum that an invocation adds up one after the other. */
  terms: longestSum,
  /** Elements of a row that one invocation folds side by side at least; and invocations that there must be when each takes several rows. */
  besideLeast: 64,
  besideLeastRows: 2 ** 14,
  /** Rows that folds in parts make at most, each of a workgroup: 2^18 invocations, as many as an H100 has room for. */
  partRows: 1024,
  /** The same where neighbours take neighbouring rows: as many as there may be for workgroups to be wide. */
  partRowsAcross: 4096,
  /**
   * Where so many rows or more lie side by side, an invocation folds a part of four of them by itself, and there are parts for so many
   * invocations, of so many terms at least; fewer elements than `flatLeast` are not worth another launch.
   */
  flatRows: 256,
  flatInvocations: 2 ** 17,
  flatTerms: 32,
  flatLeast: 2 ** 20,
  /** Terms of an invocation at least; and in how many parts a fold is worth a second launch. */
  partTerms: 16,
  leastParts: 16,
  /** Whether each part is a workgroup's, whose invocations join in a tree, or one invocation's. */
  partsAreShared: true,
  /**
   * A contraction with more terms is cut where its tiles are few workgroups, as many times as makes them enough for a large GPU: so are
   * the gradient of a filter, and a dense layer behind a convolution. Parts are whole iterations of the first loop, of so many terms at
   * least, and all partial sums 8 MB at most.
   */
  tileDeep: 2048,
  tileFewGroups: 512,
  tilePartTerms: 256,
  tileLeastParts: 4,
  tilePartials: 2 ** 21,
  /**
   * Launches that are joined with others into one workgroup (join.ts): of so many workgroups, and so many operations and words of
   * memory, at most, which take no longer than a launch. What is launched more often is compiled once, and would be as often as it is
   * joined; and drivers take their time for long kernels.
   */
  joinMostGroups: 4,
  joinMostWork: 2 ** 14,
  joinMostCopies: 2,
  joinMostLaunches: 16,
};

export type WgslTuning = Readonly<typeof wgslTuning>;

/**
 * A driver that computes on the CPU goes through the invocations of a workgroup in turns, and has to change between all of them at each
 * barrier: a row shared by 64 cost SwiftShader 0.5 ms, as much as 100,000 elements that nobody shares. So nothing is shared there but by
 * few rows that are very long; and what is folded in parts is so by single invocations, some for each lane of each core.
 */
export const softwareTuning: WgslTuning = {
  ...wgslTuning,
  rowLeastColumns: 4096,
  teamMostRows: 8,
  preludeLeastColumns: 4096,
  partRows: 1024,
  partRowsAcross: 1024,
  partTerms: 128,
  leastParts: 2,
  besideLeastRows: 128,
  flatRows: Number.POSITIVE_INFINITY,
  partsAreShared: false,
  usesSubgroups: false, // what so few rows share was as fast or slower with it (2048 x 2048 summed: 15.2 and 15.9 ms)
  blocks: softwareBlocks,
  packLeastGroups: Number.POSITIVE_INFINITY,
  turnLeast: Number.POSITIVE_INFINITY, // and it has caches
  heldMost: 0,
};

export interface Setting {
  readonly limits: WgslLimits;
  readonly tuning: WgslTuning;
}
