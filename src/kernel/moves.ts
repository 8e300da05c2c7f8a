/**
 * Schedules as data: the moves that turn the nest that `lower` wrote into a target's own, in their order.
 *
 *   split i 4 peel(split j 2; jam i_r, j_i); split j 2; jam i_i, j_i        how `js` computes 126 x 512 sums
 *
 * Moves name loops, axes of folds and accumulators as `lower` did. `split x` makes `x_o` and `x_i`; what is left over, `x_r`, is
 * a piece of its own, with a list of its own whose names are the same. A loop of one iteration is none: moves of it do nothing.
 *
 * A kernel carries the schedules of its nests (`Kernel.schedule`) for people, tests and tools to read. What each move does is in
 * passes/schedule/moves, or in codegen/<target>/moves where one target alone asks for it; what a target chooses is in its policy.
 */

/** Moves that any target may ask for, and what each is told. */
interface CommonMoves<Own extends OwnMoveName> {
  /** x -> by * x_o + x_i, of a parallel loop, or of a loop in the body. */
  readonly split: {
    readonly axis: string;
    readonly by: number;
    /** Whole blocks, all that fit where it is not given: 17 rows are 3 blocks of 4, and then 3 + 2. */
    readonly count?: number;
    readonly tail: Tail<Own>;
  };
  /** These parallel loops take, in this order, the places that they have among all. */
  readonly reorder: { readonly axes: readonly string[] };
  /** Neighbouring parallel loops become one; the last of them turns fastest. Of one iteration in all, the prelude may go inside. */
  readonly flatten: { readonly axes: readonly string[]; readonly into: string; readonly prelude?: "inside" };
  /** A parallel loop is spread over threads, workgroups or invocations; or over lanes, around the body where it is not in it. */
  readonly bind: { readonly axis: string; readonly to: "thread" | "workgroup" | "invocation" | "lane" };
  /** A parallel loop becomes the loop around the whole body. */
  readonly sink: { readonly axis: string };
  /** Parallel loops become a block of registers: they go into the folds, and around the statements between these. */
  readonly jam: { readonly axes: readonly string[]; readonly mark: "unrolled" | "interleaved" };
  /** A loop in the body becomes a copy of its body for each iteration. */
  readonly unroll: { readonly axis: string };
  /** A costly value of a row goes into a thread's own memory, from where later loops over the row take it. */
  readonly keep: { readonly value: string };
  /** Parts of a fold are folded apart, and then joined as the table of folds says. */
  readonly splitFold: { readonly of: string; readonly into: Parts };
}

// Moves that one target alone asks for. It makes them itself: codegen/<target>/moves.

interface JsMoves {
  /** Parts of a fold, of so many terms, go by one after the other outside of all the loops of the nest; the sums lie in a thread's own memory meanwhile. */
  readonly interchange: { readonly of: string; readonly terms: number };
}

interface WasmMoves {
  /** A factor of a contraction, the first or the second, is copied inside the loop `at` (in all loops where it is null), and read from the copy. */
  readonly stage: {
    readonly operand: "left" | "right";
    readonly of: string;
    readonly at: string | null;
    readonly into: Staged;
  };
  /** What follows a fold becomes a loop over `axis` of its block, which finds the accumulators in a thread's own memory. */
  readonly spill: { readonly of: string; readonly axis: string };
  /**
   * Parts of a sum, of so many terms, go by one after the other outside of all the loops of the body, which stand in this order then;
   * the sums lie in a thread's own memory meanwhile. Makes `acc_o`, the loop over parts; `x_rest` and `acc_rest` of terms that make no
   * whole part; and `x_end` of what follows.
   */
  readonly accumulate: { readonly of: string; readonly terms: number; readonly over: readonly string[] };
  /** The largest or smallest of f32 is found among their bits, as whole numbers. */
  readonly compareBits: { readonly of: string };
}

interface WgslMoves {
  /**
   * Both factors of a contraction are copied into workgroup memory, `depth` elements of the sum at a time, and added up in
   * registers, which take parts of at most so many terms. `rows` and `columns` were split: their parts are invocations and a block.
   * `wide`: so many neighbours are copied together. `ahead`: a tile is loaded while the one before it is multiplied. `twice`: there is
   * room for two. `slices`: so many times the invocations, each with its part of the depth. `products`: an axis of invocations, whose
   * iterations have both factors of their own: tiles of them lie beside one another.
   */
  readonly tile: {
    readonly of: string;
    readonly rows: string;
    readonly columns: string;
    readonly depth: number;
    readonly terms?: number;
    readonly wide?: number;
    readonly ahead?: boolean;
    readonly twice?: boolean;
    readonly slices?: number;
    readonly products?: string;
  };
  /**
   * Invocations of a workgroup share rows: folds over lanes joined by a tree, stores over columns spread. A lane takes `run` neighbours
   * at a time, the same ones of each fold and loop. Those of a subgroup, of so many, join what they have in registers.
   */
  readonly team: {
    readonly rows: number;
    readonly lanes: number;
    readonly layout: "along" | "across";
    readonly run?: number;
    readonly subgroup?: number;
  };
  /** Loops in the body, and folds, of at most so many iterations are written out: what is loaded in one is held for the next. */
  readonly hold: { readonly most: number };
  /**
   * A contraction of f16 by matrix units: the invocations of a workgroup, so many, compute a block of `rows` and `columns` together, and
   * then take each its elements of it.
   */
  readonly matrix: {
    readonly of: string;
    readonly rows: string;
    readonly columns: string;
    readonly invocations: number;
  };
  /**
   * What neighbours of `columns` load far apart, and neighbours of `rows` side by side, goes through workgroup memory in tiles of
   * side x side: loaded by invocations along the rows, used by invocations along the columns.
   */
  readonly turn: {
    readonly rows: string;
    readonly columns: string;
    readonly side: number;
    readonly invocations: number;
  };
}

/**
 * exact: nothing is left over. peel: see above. Of parallel loops of the nest alone: guard, where the last block is whole, and what
 * runs past the end does nothing; mask, where it folds too, as barriers will want it to, and stores nothing; lanes, where
 * it runs whole, and each load and store asks for itself whether it is inside: lanes that are not take part in a vector.
 */
export type Tail<Own extends OwnMoveName = OwnMoveName> =
  | "exact"
  | "guard"
  | "mask"
  | "lanes"
  | { readonly peel: Schedule<Move<Own>> };

export type Staged =
  /**
   * A thread's own, packed; neighbours lie along the columns or along the depth of the operand where it is copied. lines: along the
   * columns of all blocks for one depth, and then for the next, so that what lies side by side in memory is read at once.
   */
  | { readonly memory: "panel"; readonly along: Along }
  /** A buffer, before the loop around the launch, in a launch of its own: of so many iterations of `axis` beside each other. */
  | { readonly memory: "launch"; readonly axis: string; readonly by: number };

export type Along = "columns" | "depth" | "lines";

export type Parts =
  /** Of at most so many terms, one after the other: what bounds the error of a long sum. */
  | { readonly by: "serial"; readonly terms: number }
  /**
   * In the lanes of so many vectors, or registers for them; the part of each in parts of at most so many terms. `settled`: all vectors
   * do the same at once, and their sums go to a thread's own memory before they are joined.
   */
  | {
      readonly by: "lanes";
      readonly vectors: number;
      readonly terms?: number;
      readonly mark?: "lane" | "unrolled";
      readonly settled?: boolean;
    }
  /** In the invocations of a workgroup, `run` neighbours at a time, joined in halves; those of a subgroup, of so many, in registers. */
  | { readonly by: "tree"; readonly lanes: number; readonly run?: number; readonly subgroup?: number }
  /** Of so many terms, in a launch of their own before that which joins them. */
  | { readonly by: "launch"; readonly terms: number };

interface Moves<Own extends OwnMoveName> extends CommonMoves<Own>, JsMoves, WasmMoves, WgslMoves {}

export type CommonMoveName = keyof CommonMoves<never>;
export type JsMoveName = keyof JsMoves;
export type WasmMoveName = keyof WasmMoves;
export type WgslMoveName = keyof WgslMoves;
export type OwnMoveName = JsMoveName | WasmMoveName | WgslMoveName;
export type MoveName = CommonMoveName | OwnMoveName;
export type MoveOf<Name extends MoveName, Own extends OwnMoveName = OwnMoveName> = {
  readonly move: Name;
} & Moves<Own>[Name];
/** A common one, or one of those. */
export type Move<Own extends OwnMoveName = never> = {
  [Name in CommonMoveName | Own]: MoveOf<Name, Own>;
}[CommonMoveName | Own];
export type JsMove = Move<JsMoveName>;
export type WasmMove = Move<WasmMoveName>;
export type WgslMove = Move<WgslMoveName>;
export type AnyMove = Move<OwnMoveName>;

/** The moves of a kernel, in place of a nest: they make two launches of one. */
export type SecondLaunch = MoveOf<"splitFold"> & { readonly into: Parts & { readonly by: "launch" } };
export type FirstLaunch = MoveOf<"stage"> & { readonly into: Staged & { readonly memory: "launch" } };

/** Of one nest. */
export type Schedule<Of = Move> = readonly Of[];

/** One line. */
export function printSchedule(schedule: Schedule<AnyMove>): string {
  return schedule.map(printMove).join("; ");
}

/** Each nest's, where it has any; alike ones once. */
export function printSchedules(schedules: readonly Schedule<AnyMove>[]): string {
  return [...new Set(schedules.map(printSchedule))].filter((line) => line !== "").join(" | ");
}

export function printMove(move: AnyMove): string {
  switch (move.move) {
    case "split": {
      const count = move.count === undefined ? "" : ` count ${move.count}`;
      return `split ${move.axis} ${move.by}${count}${printTail(move.tail)}`;
    }
    case "reorder":
      return `reorder ${move.axes.join(", ")}`;
    case "flatten":
      return `flatten ${move.axes.join(", ") || "no loops"}${move.prelude === undefined ? "" : " and prelude"} into ${move.into}`;
    case "bind":
      return `bind ${move.axis} ${move.to}`;
    case "sink":
    case "unroll":
      return `${move.move} ${move.axis}`;
    case "jam":
      return `jam ${move.axes.join(", ")}${printMark(move.mark)}`;
    case "keep":
      return `keep ${move.value}`;
    case "compareBits":
      return `compareBits ${move.of}`;
    case "stage":
      return `stage ${move.operand} of ${move.of}${move.at === null ? "" : ` at ${move.at}`} ${printStaged(move.into)}`;
    case "spill":
      return `spill ${move.of} over ${move.axis}`;
    case "accumulate":
      return `accumulate ${move.of} ${move.terms} over ${move.over.join(", ")}`;
    case "interchange":
      return `interchange ${move.of} ${move.terms}`;
    case "splitFold":
      return `splitFold ${move.of} ${printParts(move.into)}`;
    case "tile": {
      const parts = move.terms === undefined ? "" : ` serial ${move.terms}`;
      const each = move.products === undefined ? "" : ` of each ${move.products}`;
      return `tile ${move.of} over ${move.rows}, ${move.columns}${each} ${move.depth} deep${printStaging(move)}${parts}`;
    }
    case "matrix":
      return `matrix ${move.of} over ${move.rows}, ${move.columns} by ${move.invocations}`;
    case "team":
      return `team ${move.rows} rows x ${move.lanes} lanes ${move.layout}${printRun(move)}`;
    case "hold":
      return `hold ${move.most}`;
    case "turn":
      return `turn ${move.rows}, ${move.columns} in tiles of ${move.side} by ${move.invocations} invocations`;
  }
}

function printStaging({ wide = 1, ahead = false, twice = false, slices = 1 }: MoveOf<"tile">): string {
  const words = [wide > 1 && `${wide} wide`, ahead && "ahead", twice && "twice", slices > 1 && `sliced ${slices}`];
  return words.map((word) => (word === false ? "" : ` ${word}`)).join("");
}

function printTail(tail: Tail): string {
  if (tail === "exact") return "";
  if (tail === "guard" || tail === "mask" || tail === "lanes") return ` ${tail}`;
  return tail.peel.length === 0 ? " peel" : ` peel(${printSchedule(tail.peel)})`;
}

function printStaged(into: Staged): string {
  return into.memory === "panel" ? `into panel along ${into.along}` : `first launch ${into.by} of ${into.axis}`;
}

const printMark = (mark: string): string => (mark === "unrolled" ? "" : ` ${mark}`);

function printRun({ run = 1, subgroup }: { readonly run?: number; readonly subgroup?: number }): string {
  return `${run === 1 ? "" : ` by ${run}`}${subgroup === undefined ? "" : ` in subgroups of ${subgroup}`}`;
}

function printParts(parts: Parts): string {
  switch (parts.by) {
    case "serial":
      return `serial ${parts.terms}`;
    case "lanes": {
      const mark = parts.mark === "unrolled" ? " unrolled" : parts.settled === true ? " settled" : "";
      return `lanes x ${parts.vectors}${mark}${parts.terms === undefined ? "" : ` serial ${parts.terms}`}`;
    }
    case "tree":
      return `tree ${parts.lanes}${printRun(parts)}`;
    case "launch":
      return `second launch ${parts.terms}`;
  }
}
