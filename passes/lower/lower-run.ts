/**
 * A run: a loop along its axis that stores what the fold has come to at each place.
 *
 *   parallel i < 128                          %3 = runBlock %1 fold=sum axis=1
 *     var acc = 0
 *     for k < 512
 *       let v = x[512*i + k]
 *       let to = acc + v
 *       acc = to
 *       store y[512*i + k] = to
 *
 * It is no `fold` statement, as those tell their result alone: so no move cuts this loop, and none is to.
 */
import { CompilerBug } from "../../src/core/errors.ts";
import type { NodeOf, RunSchema } from "../../src/graph/node.ts";
import { foldNamed, runOperands } from "../../src/graph/ops/running.ts";
import { apply, assign, convert, letValue, variable } from "../../src/kernel/build.ts";
import { folds } from "../../src/kernel/folds.ts";
import type { Expr, ExprPool, Index, Stmt } from "../../src/kernel/kernel.ts";
import { valueTypeOf } from "../../src/kernel/kernel.ts";
import { accumulatorType, type TargetTraits } from "../../src/kernel/target.ts";
import { shapeOf } from "../fuse/access.ts";
import type { NestBuilder } from "./lower-nest.ts";
import type { Names } from "./names.ts";

interface Inside {
  readonly nest: NestBuilder;
  readonly names: Names;
  readonly target: TargetTraits;
  readonly pool: ExprPool;
}

/** Adds it to the nest, whose loops are at `own`; `storeAt` makes the store of a value. */
export function lowerRun(
  node: NodeOf<RunSchema, "many">,
  own: readonly Index[],
  { nest, names, target, pool }: Inside,
  storeAt: (at: readonly Index[], value: Expr) => Stmt,
): void {
  const { axis, fold } = node.attrs;
  const { x, starts, restarts } = runOperands(node.args, node.attrs);
  if (x === undefined) throw new CompilerBug("a run takes x");
  const about = folds[foldNamed(fold)];
  const type = valueTypeOf(x.type.dtype);
  const wide = about.isWide ? accumulatorType(type, target) : type;
  const loop = { name: names.fresh("k"), extent: shapeOf(node)[axis] ?? 0 };
  const at = own.toSpliced(axis, 0, pool.loop(loop));
  const kinds = about.types(wide);
  const first = starts === undefined ? undefined : about.element(convert(wide, nest.value(starts, own)), [], []);
  const held = about.names.map((hint, i) => ({ name: names.fresh(hint), type: kinds[i] ?? wide }));
  const identity = about.identity(wide);
  nest.emit(held.map(({ name, type: own }, i) => variable(name, first?.[i] ?? pool.constant(own, identity[i] ?? 0))));
  nest.within(
    [loop],
    () => {
      const stmts: Stmt[] = [];
      const define = (hint: string, value: Expr): Expr => {
        const name = names.fresh(hint);
        stmts.push(letValue(name, value));
        return pool.name(value.type, name);
      };
      const element = about.element(convert(wide, nest.value(x, at)), [], []);
      const isAnew = restarts === undefined ? undefined : nest.value(restarts, at);
      const before = held.map((one) => pool.name(one.type, one.name));
      const after = about.join(before, element, define).map((value, i) => {
        return define("to", isAnew === undefined ? value : apply("select", isAnew, element[i] ?? value, value));
      });
      const assigns = after.map((value, i) => assign(held[i]?.name ?? "", value));
      const result = about.result === undefined ? after[0] : about.result(after);
      if (result === undefined) throw new CompilerBug(`${node.op.name} by ${fold} has no result`);
      return [...stmts, ...assigns, storeAt(at, convert(valueTypeOf(node.type.dtype), result))];
    },
    "serial",
  );
}
