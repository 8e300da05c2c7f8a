/**
 * The inside of one nest: values on demand, each in the outermost scope where its loops are known.
 *
 * Scopes are nested: the prelude (no loop), the body (the parallel loops), and a scope for every serial loop. A value asked
 * for twice at the same index in the same or an inner scope is the same name.
 */
import { CompilerBug } from "../../src/core/errors.ts";
import { operand } from "../../src/graph/define.ts";
import type { Guard, Node, Reads } from "../../src/graph/node.ts";
import { stridesOf } from "../../src/graph/shape.ts";
import { apply, convert, fold, forLoop, letValue, load } from "../../src/kernel/build.ts";
import { exprBuilder } from "../../src/kernel/expr-builder.ts";
import { folds } from "../../src/kernel/folds.ts";
import { rangedIndex, sumIndex } from "../../src/kernel/index-expr.ts";
import type { Bound, Expr, ExprPool, Index, LoopVar, Stmt } from "../../src/kernel/kernel.ts";
import { valueTypeOf } from "../../src/kernel/kernel.ts";
import { accumulatorType, type TargetTraits } from "../../src/kernel/target.ts";
import { elementsOf, innerExtents, operandIndexes, shapeOf } from "../fuse/access.ts";
import type { Cluster } from "../fuse/cluster.ts";
import type { Names } from "./names.ts";

/** Where stored nodes are found. */
export interface StoredNodes {
  read(node: Node): string;
  isStoredElsewhere(node: Node, cluster: Cluster): boolean;
}

interface Options {
  readonly cluster: Cluster;
  readonly loops: readonly LoopVar[];
  readonly buffers: StoredNodes;
  readonly names: Names;
  readonly pool: ExprPool;
  readonly target: TargetTraits;
}

interface Scope {
  readonly stmts: Stmt[];
  /** Loops and names that are first known here. */
  readonly loops: ReadonlySet<string>;
  readonly names: Set<string>;
  readonly memo: Memo<Expr>;
  /** Elements of applications with several results, before they have names. */
  readonly elements: Memo<readonly Expr[]>;
  /** Values that depend on this scope's loops stay expressions: the inner loop of a contraction is one multiply-add. */
  readonly inline: boolean;
}

/** A node's value at an index, behind these bounds. */
interface Place {
  readonly node: Node;
  readonly at: readonly Index[];
  readonly bounds: readonly Bound[];
}

/** What is known of places: a node is asked for at few. */
class Memo<Value> {
  readonly #known = new Map<Node, (Place & { readonly value: Value })[]>();

  get(place: Place): Value | undefined {
    return this.#known.get(place.node)?.find((one) => isSamePlace(one, place))?.value;
  }

  set(place: Place, value: Value): void {
    const known = this.#known.get(place.node);
    if (known === undefined) this.#known.set(place.node, [{ ...place, value }]);
    else known.push({ ...place, value });
  }
}

function isSamePlace(a: Place, b: Place): boolean {
  const isBound = ({ index, extent }: Bound, i: number): boolean =>
    index === b.bounds[i]?.index && extent === b.bounds[i]?.extent;
  const sameIndexes = a.at.length === b.at.length && a.at.every((index, i) => index === b.at[i]);
  return sameIndexes && a.bounds.length === b.bounds.length && a.bounds.every(isBound);
}

export class NestBuilder {
  readonly prelude: Stmt[] = [];
  readonly body: Stmt[] = [];
  readonly #options: Options;
  readonly #scopes: Scope[];
  /** Bounds that hold for what is being computed, when it stands behind a guard. */
  #bounds: readonly Bound[] = [];

  constructor(options: Options) {
    this.#options = options;
    this.#scopes = [newScope(this.prelude, []), newScope(this.body, options.loops)];
  }

  emit(stmts: readonly Stmt[]): void {
    this.#innermost().stmts.push(...stmts);
  }

  /** Runs `make` inside loops along a row, a scope for each; what it gives is the end of the innermost body. */
  within(loops: readonly LoopVar[], make: () => readonly Stmt[]): void {
    const [loop, ...inner] = loops;
    if (loop === undefined) {
      this.emit(make());
      return;
    }
    const outer = this.#innermost();
    const scope = newScope([], [loop]);
    this.#scopes.push(scope);
    this.within(inner, make);
    this.#scopes.pop();
    outer.stmts.push(forLoop(loop, scope.stmts, "parallel"));
  }

  /** The element of `node` at `at`: a constant, a name, or (inside a contraction) an expression. */
  value(node: Node, at: readonly Index[]): Expr {
    const place: Place = { node, at, bounds: this.#bounds };
    for (const scope of this.#scopes) {
      const known = scope.memo.get(place);
      if (known !== undefined) return known;
    }
    const { cluster, buffers } = this.#options;
    if (buffers.isStoredElsewhere(node, cluster)) return this.#place(place, this.#load(node, at));
    if (node.op.kind === "reduce" || node.op.kind === "contract") return this.#accumulate(place);
    const element = this.#elements(node, at)[node.result];
    if (element === undefined) throw new CompilerBug(`lower: %${node.id} ${node.op.name} has no element`);
    return this.#place(place, element);
  }

  /** An element of each result of an application: what they share is computed once, where any of them is asked for. */
  #elements(node: Node, at: readonly Index[]): readonly Expr[] {
    const { op, attrs, type, args, results } = node;
    if (op.kind === "map")
      return [
        op.element(
          args.map((arg) => this.value(arg, at)),
          attrs,
          type,
          exprBuilder,
        ),
      ];
    if (results.length === 1) return elementsOf(node, at, this.#reads(node));
    const place: Place = { node: results[0] ?? node, at, bounds: this.#bounds };
    for (const scope of this.#scopes) {
      const known = scope.elements.get(place);
      if (known !== undefined) return known;
    }
    const elements = elementsOf(node, at, this.#reads(node));
    this.#scopeOf(elements).elements.set(place, elements);
    return elements;
  }

  #reads(node: Node): Reads {
    return {
      ...exprBuilder,
      shapes: node.args.map(shapeOf),
      read: (arg, at, guard) => this.#readGuarded(operand(node, arg), at, guard),
      once: (value) => this.#named(this.#scopeOf([value]), value),
      index: (value, extent) => rangedIndex(value, 0, Math.max(0, extent - 1)),
      pool: this.#options.pool,
    };
  }

  /** Behind a guard, loads get its bounds; a computed value is chosen by them. */
  #readGuarded(node: Node, at: readonly Index[], guard: Guard | undefined): Expr {
    if (guard === undefined || guard.bounds.length === 0) return this.value(node, at);
    const { cluster, buffers } = this.#options;
    if (this.#bounds.length === 0 && buffers.isStoredElsewhere(node, cluster)) return this.#loadOr(node, at, guard);
    const outer = this.#bounds;
    this.#bounds = [...outer, ...guard.bounds];
    const value = this.value(node, at);
    this.#bounds = outer;
    const inside = guard.bounds.map(insideBound).reduce((all, next) => apply("and", all, next));
    return apply("select", inside, value, guard.otherwise);
  }

  #load(node: Node, at: readonly Index[]): Expr {
    const type = valueTypeOf(node.type.dtype);
    return this.#loadOr(node, at, { bounds: this.#bounds, otherwise: this.#options.pool.constant(type, 0) });
  }

  #loadOr(node: Node, at: readonly Index[], guard: Guard): Expr {
    const place = flatIndex(shapeOf(node), at, this.#options.pool);
    return load(valueTypeOf(node.type.dtype), this.#options.buffers.read(node), place, guard);
  }

  // ---- reductions and contractions ---------------------------------------------------------------------------------

  #accumulate(place: Place): Expr {
    const { node, at } = place;
    const { names } = this.#options;
    const used = new Set<string>();
    for (const { reads } of [...at, ...this.#bounds.map((bound) => bound.index)])
      for (const name of reads) used.add(name);
    const depth = this.#depthOf(used);
    const inner = this.#scopes.splice(depth + 1);
    const loops = innerExtents(node).map((extent) => ({
      name: names.fresh(node.op.kind === "contract" ? "k" : "c"),
      extent,
    }));
    const results = this.#fold(node, at, loops);
    for (const [result, value] of results) this.#innermost().memo.set({ ...place, node: result }, value);
    this.#scopes.push(...inner);
    const made = results.get(node);
    if (made === undefined) throw new CompilerBug(`lower: %${node.id} ${node.op.name} is no accumulator`);
    return made;
  }

  /** The results that this cluster computes. A contraction is a sum of products. What is folded is rounded once, after it. */
  #fold(node: Node, at: readonly Index[], loops: readonly LoopVar[]): ReadonlyMap<Node, Expr> {
    const { cluster, names, target, pool } = this.#options;
    const fn = node.op.kind === "reduce" ? node.op.fold : "sum";
    const { isWide, ...about } = folds[fn];
    const type = valueTypeOf(operand(node).type.dtype);
    const wide = isWide ? accumulatorType(type, target) : type;
    const held = about.names.map((hint) => names.fresh(hint));
    const places = operandIndexes(
      node,
      at,
      loops.map((loop) => pool.loop(loop)),
    );
    const scope = newScope([], loops, node.op.kind === "contract");
    this.#scopes.push(scope);
    const element = node.args
      .map((arg, i) => convert(wide, this.value(arg, places[i] ?? [])))
      .reduce((left, right) => apply("mul", left, right));
    this.#scopes.pop();
    const values = about.element(
      element,
      loops.map((loop) => pool.loop(loop)),
    );
    this.emit([fold(fn, held, loops, values, { body: scope.stmts, from: [node.id] })]);
    const wanted = node.results.filter((result) => result === node || cluster.nodes.includes(result));
    return new Map(
      wanted.map((result) => {
        const one = pool.name((values[result.result] ?? element).type, held[result.result] ?? "");
        return [result, this.#define("v", convert(valueTypeOf(result.type.dtype), one))];
      }),
    );
  }

  // ---- placement ---------------------------------------------------------------------------------------------------

  /** Gives an expression a name in the outermost scope that knows its loops and names. */
  #place(place: Place, expr: Expr): Expr {
    const scope = this.#scopeOf([expr]);
    const placed = scope.inline ? expr : this.#named(scope, expr);
    scope.memo.set(place, placed);
    return placed;
  }

  #named(scope: Scope, expr: Expr): Expr {
    const isTrivial = expr.kind === "const" || expr.kind === "name";
    return isTrivial ? expr : this.#defineIn(scope, "v", expr);
  }

  /** The outermost scope in which all that these expressions use is known. */
  #scopeOf(exprs: readonly Expr[]): Scope {
    const used = new Set<string>();
    for (const { reads } of exprs) for (const name of reads) used.add(name);
    return this.#scopes[this.#depthOf(used)] ?? this.#innermost();
  }

  #define(hint: string, expr: Expr): Expr {
    return this.#defineIn(this.#innermost(), hint, expr);
  }

  #defineIn(scope: Scope, hint: string, expr: Expr): Expr {
    const fresh = this.#options.names.fresh(hint);
    scope.stmts.push(letValue(fresh, expr));
    scope.names.add(fresh);
    return expr.pool.name(expr.type, fresh);
  }

  /** The depth of the outermost scope in which all these loops and names are known. */
  #depthOf(used: ReadonlySet<string>): number {
    for (let depth = this.#scopes.length - 1; depth > 0; depth--) {
      const scope = this.#scopes[depth] as Scope;
      for (const needed of used) if (scope.loops.has(needed) || scope.names.has(needed)) return depth;
    }
    return 0;
  }

  #innermost(): Scope {
    return this.#scopes[this.#scopes.length - 1] as Scope;
  }
}

function newScope(stmts: Stmt[], loops: readonly LoopVar[], inline = false): Scope {
  return {
    stmts,
    loops: new Set(loops.map((loop) => loop.name)),
    names: new Set(),
    memo: new Memo(),
    elements: new Memo(),
    inline,
  };
}

function insideBound({ index, extent }: Bound): Expr {
  return apply("and", apply("ge", index, 0), apply("lt", index, extent));
}

/** Row-major position of an element of an array of this shape. */
export function flatIndex(shape: readonly number[], at: readonly Index[], pool: ExprPool): Index {
  const strides = stridesOf(shape);
  return sumIndex(
    at.map((index, axis) => ({ factor: strides[axis] ?? 0, index })),
    0,
    pool,
  );
}
