/**
 * Folds parts of a fold apart, and joins them as the table of folds says (src/kernel/folds.ts).
 *
 *   splitFold acc serial 1024      fold acc = sum over k < 3000 of v(k)      ->      fold acc = sum over k_o < 3 of acc_part
 *                                                                                     fold acc_part = sum over k_i < 1000
 *                                                                                       of v(1000*k_o + k_i)
 *
 * An f32 that adds up ten million tenths one by one is 0.6% off: soon each term is a small part of the sum's last digit. In parts
 * the error grows with the logarithm of the length. The order depends on sizes alone. What no part of equal size takes is a fold of
 * its own, joined at the end. (`js` and f64 sum in doubles.)
 */
import { letValue } from "../../../src/kernel/build.ts";
import { type Define, folds } from "../../../src/kernel/folds.ts";
import { sumIndex } from "../../../src/kernel/index-expr.ts";
import type { Accumulator, FoldStmt, Index, LoopVar, Stmt } from "../../../src/kernel/kernel.ts";
import type { MoveOf } from "../../../src/kernel/moves.ts";
import { mapStmt, replaceLoops } from "../../../src/kernel/rewrite.ts";
import { sizeOf } from "../facts.ts";
import { copyStmts, type Fresh } from "../names.ts";
import { type Around, type Moved, nameNow, type Piece } from "../piece.ts";

export function splitFold(piece: Piece, { of, into }: MoveOf<"splitFold">, { fresh }: Around): Moved | string {
  const name = nameNow(piece, of) ?? of;
  const names = new Map(piece.names);
  const known = (wanted: string, now: string): void => void names.set(wanted, now);
  const found: { answer: string | null } = { answer: `there is no fold ${of}` };
  const replaceFold = (fold: FoldStmt): readonly Stmt[] => {
    found.answer = whyNot(fold);
    if (found.answer !== null) return [fold];
    const made = into.by === "serial" ? serial(fold, into.terms, { fresh, known, of }) : "not built";
    if (typeof made !== "string") return made;
    found.answer = made;
    return [fold];
  };
  const visit = (stmts: readonly Stmt[]): readonly Stmt[] =>
    stmts.flatMap((stmt): readonly Stmt[] => {
      if (stmt.kind === "fold" && stmt.accumulators[0]?.name === name) return replaceFold(stmt);
      return "body" in stmt ? [{ ...stmt, body: visit(stmt.body) }] : [stmt];
    });
  const { nest } = piece;
  const made = { nest: { ...nest, prelude: visit(nest.prelude), body: visit(nest.body) }, names };
  return found.answer ?? made;
}

function whyNot({ fn, accumulators, block }: FoldStmt): string | null {
  if (block.length > 0) return "it is in a block already";
  return folds[fn].splits(accumulators[0]?.type ?? "f32") === "no" ? `a ${fn} is folded in one` : null;
}

interface Naming {
  readonly fresh: Fresh;
  /** Tells what a name that moves may speak of is called. */
  readonly known: (wanted: string, now: string) => void;
  /** The accumulator, as moves call it. */
  readonly of: string;
}

// ---- parts one after the other ---------------------------------------------------------------------------------------

/** The fold in parts of at most `terms`, which may be many themselves: then their results are folded in parts too. */
function serial(fold: FoldStmt, terms: number, naming: Naming): readonly Stmt[] | string {
  const { axes } = fold;
  if (sizeOf(axes) <= terms) return `it has ${sizeOf(axes)} terms`;
  if (!(terms >= 2)) return `parts of ${terms} terms`;
  // The last axes go into a part whole, and of the one before them as much as fits.
  let cut = axes.length - 1;
  while (sizeOf(axes.slice(cut)) <= terms) cut -= 1;
  const axis = axes[cut];
  if (axis === undefined) return "it has no axes";
  const inner = axes.slice(cut + 1);
  const size = blockSize(axis.extent, Math.max(1, Math.floor(terms / sizeOf(inner))));
  const [count, rest] = [Math.floor(axis.extent / size), axis.extent % size];
  const outer = axes.slice(0, cut);
  const around = rest === 0 ? outer : [];
  const blocks = partial(fold, { axis, inner, size, start: 0, count, around }, naming);
  const last =
    rest === 0 ? [] : partial(fold, { axis, inner, size: rest, start: count * size, count: 1, around }, naming);
  if (rest === 0) return inParts(namedAs(blocks, fold.accumulators), terms, naming);
  const parts = [...inParts(blocks, terms, naming), ...last];
  const whole = [resultOf(blocks), resultOf(last)] as const;
  if (outer.length === 0) return [...parts, ...joined(fold, fold.accumulators, ...whole, naming.fresh)];
  const each = fold.accumulators.map(({ name, type }) => ({ name: naming.fresh(`${name}_part`), type }));
  const body = [...parts, ...joined(fold, each, ...whole, naming.fresh)];
  return inParts([{ ...fold, axes: outer, body, values: valuesOf(each, naming.fresh) }], terms, naming);
}

/** The largest size up to `most`, and above half of it, that leaves nothing over; else `most`. */
function blockSize(extent: number, most: number): number {
  for (let size = most; 2 * size > most; size -= 1) if (extent % size === 0) return size;
  return most;
}

interface Part {
  readonly axis: LoopVar;
  readonly inner: readonly LoopVar[];
  /** Of the axis, in one part. */
  readonly size: number;
  readonly start: number;
  readonly count: number;
  readonly around: readonly LoopVar[];
}

/** A fold of partial results, under other names; of one part alone, that. */
function partial(
  fold: FoldStmt,
  { axis, inner, size, start, count, around }: Part,
  naming: Naming,
): readonly FoldStmt[] {
  const { fresh, known, of } = naming;
  const blocks: LoopVar = { name: fresh(`${axis.name}_o`), extent: count };
  const within: LoopVar = { name: fresh(`${axis.name}_i`), extent: size };
  const at = sumIndex(
    [
      { factor: size, index: fresh.pool.loop(blocks) },
      { factor: 1, index: fresh.pool.loop(within) },
    ],
    start,
    fresh.pool,
  );
  const part = start === 0 ? inPlace(fold, axis, at) : copied(fold, axis, at, inner, fresh);
  const own = part.inner ?? inner;
  const held = fold.accumulators.map(({ name, type }) => ({ name: fresh(`${name}_part`), type }));
  if (start === 0) known(`${of}_part`, held[0]?.name ?? "");
  const axes = [within, ...own].filter(({ extent }) => extent !== 1);
  const folded: FoldStmt = { ...part.fold, accumulators: held, axes };
  const outer = [...around, blocks].filter(({ extent }) => extent !== 1);
  if (outer.length === 0) return [folded];
  const whole = fold.accumulators.map(({ name, type }) => ({ name: fresh(`${name}_whole`), type }));
  return [{ ...fold, accumulators: whole, axes: outer, body: [folded], values: valuesOf(held, fresh) }];
}

interface Placed {
  readonly fold: FoldStmt;
  /** Other axes, where it is a copy. */
  readonly inner?: readonly LoopVar[];
}

function inPlace(fold: FoldStmt, axis: LoopVar, at: Index): Placed {
  const placed = mapStmt(fold, replaceLoops(new Map([[axis.name, at]])));
  return { fold: placed.kind === "fold" ? placed : fold };
}

function copied(fold: FoldStmt, axis: LoopVar, at: Index, inner: readonly LoopVar[], fresh: Fresh): Placed {
  const [copy] = copyStmts([{ ...fold, axes: inner }], { loops: new Map([[axis.name, at]]) }, fresh);
  return copy?.kind === "fold" ? { fold: copy, inner: copy.axes } : { fold };
}

/** Folds whose own terms may be too many. */
function inParts(made: readonly FoldStmt[], terms: number, naming: Naming): readonly Stmt[] {
  const { fresh } = naming;
  return made.flatMap((fold) => {
    const again = sizeOf(fold.axes) > terms ? serial(fold, terms, { fresh, known: () => {}, of: "" }) : [fold];
    return typeof again === "string" ? [fold] : again;
  });
}

function namedAs(made: readonly FoldStmt[], accumulators: readonly Accumulator[]): readonly FoldStmt[] {
  return made.map((fold) => ({ ...fold, accumulators }));
}

function resultOf(made: readonly FoldStmt[]): readonly Accumulator[] {
  return made.at(-1)?.accumulators ?? [];
}

function valuesOf(accumulators: readonly Accumulator[], { pool }: Fresh): FoldStmt["values"] {
  return accumulators.map(({ name, type }) => pool.name(type, name));
}

/** Two partial results as one, under these names. */
export function joined(
  { fn }: FoldStmt,
  named: readonly Accumulator[],
  first: readonly Accumulator[],
  second: readonly Accumulator[],
  fresh: Fresh,
): readonly Stmt[] {
  const lets: Stmt[] = [];
  const define: Define = (hint, value) => {
    const name = fresh(hint);
    lets.push(letValue(name, value));
    return fresh.pool.name(value.type, name);
  };
  const values = folds[fn].join(valuesOf(first, fresh), valuesOf(second, fresh), define);
  return [...lets, ...values.map((value, i) => letValue(named[i]?.name ?? "", value))];
}
