/**
 * Makes a block of registers of parallel loops: they go into the folds and around the statements between these.
 *
 *   jam i_i       parallel i_o < 32, i_i < 4             parallel i_o < 32
 *                   let b = bias[i]                        var b[4];  for i_i < 4 unrolled:  b[i_i] = bias[i]
 *                   fold acc = sum over k of v     ->      fold acc[i_i < 4 unrolled] = sum over k of v
 *                   y[i] = acc + b                         for i_i_1 < 4 unrolled:  y[i] = acc[i_i_1] + b[i_i_1]
 *
 * What does not move with the block stays outside and is computed once. Neighbouring statements share their loops; a `let`
 * that is read elsewhere becomes an array, as accumulators do. A fold inside a fold has a block of its own where nothing of the
 * outer one's body moves it: the partial sums of a long sum lie side by side too.
 */
import { assign, forLoops, variable } from "../../../src/kernel/build.ts";
import type { BlockLoop, Expr, FoldStmt, LoopMark, LoopVar, Stmt } from "../../../src/kernel/kernel.ts";
import type { MoveOf } from "../../../src/kernel/moves.ts";
import { type Fresh, replace } from "../../../src/kernel/names.ts";
import { mapBounds, mapStmt, type Rewrite, readIn, someStmt, walkStmts } from "../../../src/kernel/rewrite.ts";
import { movedBy, readsIn, sizeOf } from "../facts.ts";
import {
  type Around,
  atStmt,
  chainOf,
  checkApart,
  copyBlock,
  type ForStmt,
  type Moved,
  mostCopies,
  namesNow,
  type Piece,
  refuse,
} from "../piece.ts";
import { sinkLoop } from "./loops.ts";

type Names = ReadonlySet<string>;

export function jam(piece: Piece, { axes, mark }: MoveOf<"jam">, { fresh, shared }: Around): Moved {
  const wanted = namesNow(piece, axes);
  if (wanted.length === 0) return piece;
  // Loops of the nest become loops around its body.
  const bound = wanted.filter((name) => piece.nest.loops.some(({ loop }) => loop.name === name));
  const sunk = bound.reduceRight(sinkLoop, piece);
  return atStmt(sunk, `loop ${wanted[0]}`, (stmt) => {
    if (stmt.kind !== "for" || !wanted.includes(stmt.loop.name)) return undefined;
    const all = chainOf(stmt);
    const block = wanted.flatMap((name) => all.find(({ loop }) => loop.name === name)?.loop ?? []);
    const chain = all.slice(0, 1 + all.findLastIndex(({ loop }) => block.includes(loop)));
    const others = chain.filter(({ loop }) => !block.includes(loop));
    const isFree = chain.every(({ loop, mark }) => mark === "parallel" || (mark === "lane" && !block.includes(loop)));
    if (block.length < wanted.length || !isFree)
      refuse("the loops are not parallel, or stand around other statements too");
    const inside = chain[chain.length - 1]?.body ?? [];
    checkApart(inside, wanted, shared);
    // Others between them stay, in their order.
    return others.reduceRight<readonly Stmt[]>(
      (body, each) => [{ ...each, body }],
      jamStmts(inside, block, mark, fresh),
    );
  });
}

/** The statements for all iterations of the block. */
function jamStmts(stmts: readonly Stmt[], block: readonly LoopVar[], mark: LoopMark, fresh: Fresh): readonly Stmt[] {
  const copies = sizeOf(block);
  if (copies > mostCopies) refuse(`a block of ${copies}`);
  checkKinds(stmts);
  const moving = movedBy(
    stmts,
    block.map(({ name }) => name),
  );
  const groups = group(stmts, moving);
  const all = leaves(groups);
  const first = all.find(({ kind }) => kind === "fold") ?? groups[0];
  const marked = block.map((loop, i): BlockLoop => ({ loop, mark: i === block.length - 1 ? mark : "unrolled" }));
  return emit(groups, { block: marked, moving, arrays: arraysOf(all), fresh, first });
}

function checkKinds(stmts: readonly Stmt[]): void {
  walkStmts(stmts, {
    stmt: (stmt) => {
      if (stmt.kind === "barrier" || stmt.kind === "exchange" || stmt.kind === "var" || stmt.kind === "assign")
        refuse(`there is a ${stmt.kind} in it`);
      if (stmt.kind === "fold" && stmt.body.some(({ kind }) => kind === "store")) refuse("a fold in it stores");
    },
  });
}

/** A store is made once for each iteration, whatever it reads. */
function moves(stmt: Stmt, moving: Names): boolean {
  return readsIn([stmt], moving) || someStmt([stmt], { stmt: ({ kind }) => kind === "store" });
}

// ---- grouping --------------------------------------------------------------------------------------------------------

type Group =
  /** As it stands, once. */
  | { readonly kind: "once"; readonly stmts: readonly Stmt[] }
  | { readonly kind: "fold"; readonly fold: FoldStmt; readonly stmts: readonly Stmt[] }
  | { readonly kind: "for"; readonly loop: ForStmt; readonly groups: readonly Group[] }
  /** For all iterations of the block. */
  | { readonly kind: "all"; readonly stmts: Stmt[] };

function group(stmts: readonly Stmt[], moving: Names): readonly Group[] {
  const groups: Group[] = [];
  for (const stmt of stmts) {
    const last = groups.at(-1);
    const isMoved = moves(stmt, moving);
    if (stmt.kind === "let" && !isMoved) {
      // It may go before the open group: no group stores what it reads.
      groups.splice(groups.length - (last?.kind === "all" ? 1 : 0), 0, { kind: "once", stmts: [stmt] });
    } else if (!isMoved) groups.push({ kind: "once", stmts: [stmt] });
    else if (stmt.kind === "fold") groups.push({ kind: "fold", fold: stmt, stmts: [stmt] });
    else if (stmt.kind === "for") groups.push({ kind: "for", loop: stmt, groups: group(stmt.body, moving) });
    else if (last?.kind === "all") last.stmts.push(stmt);
    else groups.push({ kind: "all", stmts: [stmt] });
  }
  return groups;
}

type Leaf = Exclude<Group, { readonly kind: "for" }>;

function leaves(groups: readonly Group[]): readonly Leaf[] {
  return groups.flatMap((each) => (each.kind === "for" ? leaves(each.groups) : [each]));
}

/** Accumulators, and each `let` that is read outside of its group. */
function arraysOf(groups: readonly Leaf[]): Set<string> {
  const arrays = new Set<string>();
  const homes = new Map<string, Leaf>();
  for (const home of groups) {
    if (home.kind === "fold") for (const { name } of home.fold.accumulators) arrays.add(name);
    if (home.kind === "all") for (const stmt of home.stmts) if (stmt.kind === "let") homes.set(stmt.name, home);
  }
  for (const reader of groups) {
    for (const name of readIn(reader.stmts)) if ((homes.get(name) ?? reader) !== reader) arrays.add(name);
  }
  return arrays;
}

// ---- writing it out --------------------------------------------------------------------------------------------------

interface Emit {
  readonly block: readonly BlockLoop[];
  readonly moving: Names;
  /** Names that are arrays over the block. */
  readonly arrays: Set<string>;
  readonly fresh: Fresh;
  /** Where loops keep their names: in the first fold, as later moves speak of those. */
  readonly first: Group | undefined;
}

function emit(groups: readonly Group[], to: Emit): readonly Stmt[] {
  return groups.flatMap((each): readonly Stmt[] => {
    if (each.kind === "for") return [{ ...each.loop, body: emit(each.groups, to) }];
    if (each.kind === "fold") return [emitFold(each.fold, each === to.first, to)];
    return each.kind === "all" ? emitGroup(each.stmts, each === to.first, to) : each.stmts;
  });
}

type OwnBlock = ReturnType<typeof copyBlock>;

/** The loops of the block, under names of their own where they do not keep them. */
function ownBlock(keepsNames: boolean, { block, fresh }: Emit): OwnBlock {
  return keepsNames ? { block, at: block.map(({ loop }) => fresh.pool.loop(loop)) } : copyBlock(block, fresh);
}

/** What is replaced inside of them. */
function rewriteIn(own: OwnBlock, { block, arrays }: Emit): Rewrite {
  const names = new Map([...arrays].map((name) => [name, { name, at: own.at }]));
  const isRenamed = own.block !== block;
  const loops = new Map(isRenamed ? own.at.map((at, i) => [block[i]?.loop.name ?? "", at]) : []);
  return replace({ loops, names });
}

function emitFold(fold: FoldStmt, keepsNames: boolean, to: Emit): FoldStmt {
  const own = ownBlock(keepsNames, to);
  // Folds that nothing of this body moves come first: their accumulators are arrays for what reads them. Not behind a guard,
  // which holds for some of the block.
  const bodyMoves = new Set(fold.body.flatMap((stmt) => (stmt.kind === "let" ? [stmt.name] : [])));
  const apart = new Map<Stmt, FoldStmt>();
  for (const stmt of fold.body) {
    if (stmt.kind !== "fold") continue;
    if (fold.guard.length === 0 && moves(stmt, to.moving) && !moves(stmt, bodyMoves)) {
      apart.set(stmt, emitFold(stmt, false, to));
      for (const { name } of stmt.accumulators) to.arrays.add(name);
    } else for (const { name } of stmt.accumulators) bodyMoves.add(name);
  }
  const rewrite = rewriteIn(own, to);
  const body = fold.body.map((stmt) => apart.get(stmt) ?? mapStmt(stmt, rewrite));
  const values = fold.values.map((value) => rewrite.expr(value));
  const guard = mapBounds(fold.guard, rewrite);
  return { ...fold, block: [...own.block, ...fold.block], body, values, guard };
}

function emitGroup(stmts: readonly Stmt[], keepsNames: boolean, to: Emit): readonly Stmt[] {
  const own = ownBlock(keepsNames, to);
  const rewrite = rewriteIn(own, to);
  const shape = own.block.map(({ loop }) => loop.extent);
  const declared: Stmt[] = [];
  const body = stmts.map((stmt): Stmt => {
    if (stmt.kind !== "let" || !to.arrays.has(stmt.name)) return mapStmt(stmt, rewrite);
    const value: Expr = rewrite.expr(stmt.value);
    declared.push(variable(stmt.name, to.fresh.pool.constant(value.type, 0), shape));
    return assign(stmt.name, value, own.at);
  });
  return [...declared, ...forLoops(own.block, body)];
}
