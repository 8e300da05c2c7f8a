/**
 * How the tiles of a contraction come into workgroup memory (tile.ts).
 *
 * All invocations copy, whoever's rows and columns they are. Neighbours copy what lies side by side in the buffer: along k, or along
 * the rows or columns. Where it is `wide` or `ahead` they load into registers first:
 *
 *   a_next[0][0 .. 3] = x[...]                     four rows of one k: one wide store, and four loads that neighbours along k
 *   a_tile[68*k + 4*r + 0 .. 3] = a_next[0][0 .. 3]          share; one load where it is the rows that lie side by side
 *
 * What products of their own read along k is turned in those registers: four of k of each of four rows, as many wide loads and stores.
 */
import { guardLoads, isBelow, openBounds } from "../../../passes/kernel/bounds.ts";
import { neighboursAlong, sizeOf } from "../../../passes/schedule/facts.ts";
import { recover } from "../../../passes/schedule/moves/loops.ts";
import type { Around } from "../../../passes/schedule/piece.ts";
import { apply, assign, forLoop, letValue, store, variable } from "../../../src/kernel/build.ts";
import { copyStmts } from "../../../src/kernel/copies.ts";
import { blockIndex, floorDivIndex, modIndex } from "../../../src/kernel/index-expr.ts";
import type { Bound, Expr, FoldStmt, Index, LoopVar, SharedArray, Stmt } from "../../../src/kernel/kernel.ts";
import type { MoveOf } from "../../../src/kernel/moves.ts";
import { letsFor } from "../../../src/kernel/names.ts";
import { mapStmts, rewriting } from "../../../src/kernel/rewrite.ts";

/** A factor, and the split axis that it moves with: `by * outer + inner`. One of the two is a block of registers. */
export interface Side {
  readonly value: Expr;
  readonly outer: LoopVar;
  readonly inner: LoopVar;
  readonly block: LoopVar;
  readonly array: SharedArray;
  /** Where invocations have products of their own: which of them. Their parts of a tile lie one behind the other. */
  readonly product: LoopVar | undefined;
  /** Elements of the axis in a tile of one product; of all products; and words from one k to the next. */
  readonly size: number;
  readonly width: number;
  readonly pitch: number;
}

export interface Found {
  readonly fold: FoldStmt;
  readonly rows: Side;
  readonly columns: Side;
  readonly invocation: Index;
  readonly invocations: number;
  /** Which of those that add up the same outputs; 0 where there is one. */
  readonly slice: Index;
}

/** Where row `deep` of tile number `step` begins. */
export function placeIn({ pitch }: Side, { depth, twice = false }: MoveOf<"tile">, step: Index, deep: Index): Index {
  const row = twice ? blockIndex(depth, modIndex(step, 2), deep) : deep;
  return blockIndex(pitch, row, row.pool.integer(0));
}

/** What copies the tiles of a run: `load` and then `store`, which is all of it where nothing waits in registers. */
export class Staging {
  readonly registers: readonly Stmt[];
  readonly #found: Found;
  readonly #move: MoveOf<"tile">;
  readonly #around: Around;
  readonly #sides: readonly { readonly side: Side; readonly held: string }[];
  readonly #isHeld: boolean;

  constructor(found: Found, move: MoveOf<"tile">, around: Around) {
    const { fresh } = around;
    this.#found = found;
    this.#move = move;
    this.#around = around;
    this.#isHeld = move.ahead === true || this.#wide > 1;
    this.#sides = [found.rows, found.columns].map((side, n) => {
      return { side, held: this.#isHeld ? fresh(n === 0 ? "a_next" : "b_next") : "" };
    });
    this.registers = this.#sides.flatMap(({ side, held }) => {
      const shape = [this.#tripsOf(side), ...(this.#isTurned(side) ? [this.#wide] : []), this.#wide];
      return this.#isHeld ? [variable(held, fresh.pool.constant("f32", 0), shape)] : [];
    });
  }

  get #wide(): number {
    return this.#move.wide ?? 1;
  }

  #tripsOf(side: Side): number {
    return this.#copiesOf(side) / (this.#isTurned(side) ? this.#wide : 1);
  }

  /** Runs of neighbours that each invocation copies. */
  #copiesOf({ width }: Side): number {
    return ((width / this.#wide) * this.#move.depth) / this.#found.invocations;
  }

  /** Whether an invocation copies as many neighbours along k as along the side. */
  #isTurned(side: Side): boolean {
    const wide = this.#wide;
    const isEven = this.#move.depth % wide === 0 && this.#copiesOf(side) % wide === 0;
    return wide > 1 && side.product !== undefined && isEven && this.#isDeep(side);
  }

  /** Tile number `step`, into registers. */
  load(step: Index): readonly Stmt[] {
    if (!this.#isHeld) return [];
    return this.#sides.map(({ side, held }) => {
      return this.#copies(side, ({ deep, across, at }) =>
        this.#valueAt(side, step, { deep, across }, (value) => assign(held, value, at)),
      );
    });
  }

  /** The same into workgroup memory. */
  store(step: Index): readonly Stmt[] {
    const { pool } = this.#around.fresh;
    return this.#sides.map(({ side, held }) =>
      this.#copies(side, ({ deep, across, at }) => {
        const place = blockIndex(1, placeIn(side, this.#move, step, deep), across);
        if (this.#isHeld) return [store(side.array.name, place, pool.name("f32", held, at))];
        return this.#valueAt(side, step, { deep, across }, (value) => store(side.array.name, place, value));
      }),
    );
  }

  /** For each element that an invocation copies. */
  #copies(side: Side, make: Copied): Stmt {
    const { fresh } = this.#around;
    const { invocation, invocations } = this.#found;
    const { depth } = this.#move;
    const wide = this.#wide;
    const trips: LoopVar = { name: fresh("fill"), extent: this.#tripsOf(side) };
    const each: LoopVar = { name: fresh("near"), extent: wide };
    if (this.#isTurned(side)) return this.#turned(trips, each, make);
    const at = [fresh.pool.loop(trips), fresh.pool.loop(each)];
    const flat = blockIndex(invocations, fresh.pool.loop(trips), invocation);
    const isDeep = this.#isDeep(side);
    const deep = isDeep ? modIndex(flat, depth) : floorDivIndex(flat, side.width / wide);
    const first = isDeep ? floorDivIndex(flat, depth) : modIndex(flat, side.width / wide);
    const body = make({ deep, across: blockIndex(wide, first, fresh.pool.loop(each)), at });
    if (!this.#isHeld) return forLoop(trips, body);
    return forLoop(trips, [forLoop(each, body, "unrolled")], "unrolled");
  }

  /** The same in squares of neighbours along k and along the side, of which an array in registers has the rows along the side. */
  #turned(trips: LoopVar, each: LoopVar, make: Copied): Stmt {
    const { fresh } = this.#around;
    const { pool } = fresh;
    const wide = this.#wide;
    const down: LoopVar = { name: fresh("near"), extent: wide };
    const flat = blockIndex(this.#found.invocations, pool.loop(trips), this.#found.invocation);
    const groups = this.#move.depth / wide;
    const body = make({
      deep: blockIndex(wide, modIndex(flat, groups), pool.loop(down)),
      across: blockIndex(wide, floorDivIndex(flat, groups), pool.loop(each)),
      at: [trips, down, each].map((loop) => pool.loop(loop)),
    });
    return forLoop(trips, [forLoop(down, [forLoop(each, body, "unrolled")], "unrolled")], "unrolled");
  }

  /** What an element of the factor needs. */
  #needed({ value }: Side): readonly Stmt[] {
    return [...letsFor([letValue("", value)], this.#found.fold.body), letValue("staged", value)];
  }

  /** Whether neighbours in k lie closer together in memory than neighbours in the row or column. */
  #isDeep(side: Side): boolean {
    const needed = this.#needed(side);
    const { axes } = this.#found.fold;
    const last = axes[axes.length - 1];
    return last !== undefined && neighboursAlong(needed, last) > neighboursAlong(needed, side.inner);
  }

  /** The element, 0 beyond the last k, and what is done with it. */
  #valueAt(side: Side, step: Index, { deep, across }: Place, use: (value: Expr) => Stmt): readonly Stmt[] {
    const { fresh, buffers } = this.#around;
    const { axes } = this.#found.fold;
    const k = blockIndex(this.#move.depth, step, deep);
    const bound: Bound = { index: k, extent: sizeOf(axes) };
    const sides = [...(side.product === undefined ? [] : [side.product]), side.outer, side.inner];
    const loops = new Map([...recover(sides, across), ...recover(axes, k)]);
    const copies = copyStmts(this.#needed(side), { loops }, fresh);
    const guarded = mapStmts(copies, rewriting(guardLoads([bound], buffers)));
    return guarded.map((stmt, n): Stmt => {
      if (stmt.kind !== "let" || n < guarded.length - 1) return stmt;
      return use(zeroBeyond(bound, stmt.value));
    });
  }
}

type Copied = (place: Place & { readonly at: readonly Index[] }) => readonly Stmt[];

interface Place {
  /** In the depth of the tile, and along its rows or columns. */
  readonly deep: Index;
  readonly across: Index;
}

/** A product beyond the last k must be 0 on both sides (0 * inf is not): a guarded load alone gives that by itself. */
function zeroBeyond(inner: Bound, value: Expr): Expr {
  if (openBounds([inner]).length === 0) return value;
  const guard = value.kind === "load" ? value.guard : undefined;
  const zero = guard?.otherwise.kind === "const" && guard.otherwise.value === 0;
  if (zero && guard.bounds.some((bound) => bound.index === inner.index)) return value;
  return apply("select", isBelow(inner.index, inner.extent), value, 0);
}
