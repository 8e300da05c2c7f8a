/**
 * Folds become loops: what a fold is matters to schedules, and to printers only what it does.
 *
 *   fold acc: f64 = sum over k < 784 of v        ->      var acc: f64 = 0d;  for k < 784 { acc = acc + v }
 *
 * What an element needs is computed in the outermost loop that it depends on. A fold with a block has an accumulator for each
 * iteration of the block, whose loops, with their marks, stand inside those of the axes. Parallel loops for which nothing was
 * decided become serial ones.
 */
import { assign, forLoop, variable } from "../../src/kernel/build.ts";
import { folds } from "../../src/kernel/folds.ts";
import type { BlockLoop, FoldStmt, Kernel, Stmt } from "../../src/kernel/kernel.ts";
import { defining, type Fresh, freshNames } from "../../src/kernel/names.ts";
import { newPool } from "../../src/kernel/pool.ts";
import { declaredNames, readIn } from "../../src/kernel/rewrite.ts";
import { whenInside } from "./bounds.ts";

export function expandFolds(kernel: Kernel, given?: Fresh): Kernel {
  let names = given;
  const fresh = (wanted: string): string => {
    names ??= freshNames(kernel);
    return names(wanted);
  };
  const expand: Expand = (stmts) =>
    stmts.flatMap((stmt): readonly Stmt[] => {
      if (stmt.kind === "fold") return expandFold(stmt, expand, fresh);
      if (stmt.kind === "for") {
        const mark = stmt.mark === "parallel" ? "serial" : stmt.mark;
        return [{ ...stmt, mark, body: expand(stmt.body) }];
      }
      return stmt.kind === "if" ? [{ ...stmt, body: expand(stmt.body) }] : [stmt];
    });
  const nests = kernel.nests.map((nest) => ({ ...nest, prelude: expand(nest.prelude), body: expand(nest.body) }));
  return { ...kernel, nests };
}

type Expand = (stmts: readonly Stmt[]) => readonly Stmt[];

function expandFold(fold: FoldStmt, expand: Expand, fresh: (wanted: string) => string): readonly Stmt[] {
  const { vars, body } = expanded(fold, expand, fresh);
  return [...vars, ...body];
}

/** A fold as its accumulators, each at its start, and the loops that go on from there. Folds inside of it stay. */
export function foldLoops(fold: FoldStmt, fresh: Fresh): Expanded {
  return expanded(fold, (stmts) => stmts, fresh);
}

interface Expanded {
  readonly vars: readonly Stmt[];
  readonly body: readonly Stmt[];
}

function expanded(fold: FoldStmt, expand: Expand, fresh: (wanted: string) => string): Expanded {
  const { accumulators, axes, block } = fold;
  const pool = fold.values[0]?.pool ?? newPool();
  const { identity, join } = folds[fold.fn];
  const shape = block.map(({ loop }) => loop.extent);
  const at = block.map(({ loop }) => pool.loop(loop));
  const starts = identity(accumulators[0]?.type ?? "f32");
  const vars = accumulators.map(({ name: held, type }, i) =>
    variable(held, pool.constant(type, starts[i] ?? 0), shape),
  );
  const step: Stmt[] = [];
  const define = defining(step, fresh);
  const held = accumulators.map((one) => pool.name(one.type, one.name, at));
  const joined = join(held, fold.values, define).map((value, i) => {
    // Whoever reads an accumulator means it as it was before this element.
    const isOwn = !accumulators.some((other, j) => j !== i && value.reads.includes(other.name));
    return isOwn ? value : define(accumulators[i]?.name ?? "", value);
  });
  const assigns = joined.map((value, i) => assign(accumulators[i]?.name ?? "", value, at)).reverse();
  // All vectors of a block in one loop over their lanes.
  const [lanes, others] = [block.filter(({ mark }) => mark === "lane"), block.filter(({ mark }) => mark !== "lane")];
  const loops = [...axes.map((loop): BlockLoop => ({ loop, mark: "serial" })), ...lanes, ...others];
  const levels = levelsOf(fold.body, loops).map(expand);
  if (fold.guard.length === 0) return { vars, body: nested(loops, levels, [...step, ...assigns]) };
  const element = whenInside(fold.guard, [...levels.flat(), ...step, ...assigns]);
  return { vars, body: nested(loops, [], element) };
}

/** The loops, each with what it is the outermost to know before the next; `last` in the innermost. */
function nested(
  loops: readonly BlockLoop[],
  levels: readonly (readonly Stmt[])[],
  last: readonly Stmt[],
): readonly Stmt[] {
  return loops.reduceRight<readonly Stmt[]>(
    (inside, { loop, mark }, i) => [...(levels[i] ?? []), forLoop(loop, inside, mark)],
    [...(levels[loops.length] ?? []), ...last],
  );
}

/** The statements by how many of the loops they are inside of: those that they read, directly or through one another. */
function levelsOf(body: readonly Stmt[], loops: readonly BlockLoop[]): readonly (readonly Stmt[])[] {
  const levels: Stmt[][] = [[], ...loops.map(() => [])];
  const known = new Map(loops.map(({ loop }, i) => [loop.name, i + 1]));
  for (const stmt of body) {
    let level = 0;
    for (const read of readIn([stmt])) level = Math.max(level, known.get(read) ?? 0);
    for (const declared of declaredNames([stmt])) known.set(declared, level);
    levels[level]?.push(stmt);
  }
  return levels;
}
