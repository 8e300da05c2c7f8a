/**
 * The inside of one nest: values on demand, each in the outermost scope where its loops are known.
 *
 * Scopes are nested: the prelude (no loop), the body (the parallel loops), and a scope for every serial loop. A value asked
 * for twice at the same index in the same or an inner scope is the same name.
 */
import { CompilerBug } from "../../src/core/errors.ts";
import { operand } from "../../src/graph/define.ts";
import { innerExtents } from "../../src/graph/flops.ts";
import type { Guard, Node } from "../../src/graph/node.ts";
import { stridesOf } from "../../src/graph/shape.ts";
import { apply, convert, fold, forLoop, letValue, load } from "../../src/kernel/build.ts";
import { exprBuilder } from "../../src/kernel/expr-builder.ts";
import { folds } from "../../src/kernel/folds.ts";
import { sumIndex } from "../../src/kernel/index-expr.ts";
import type { Bound, Expr, ExprPool, Index, LoopMark, LoopVar, Stmt, Term } from "../../src/kernel/kernel.ts";
import { valueTypeOf } from "../../src/kernel/kernel.ts";
import { readsAny } from "../../src/kernel/rewrite.ts";
import { accumulatorType, type TargetTraits } from "../../src/kernel/target.ts";
import { type Elements, elementsIn, placeOf, shapeOf } from "../fuse/access.ts";
import type { Cluster } from "../fuse/cluster.ts";
import type { Names } from "./names.ts";

/** Where stored nodes are found, and what the kernel calls the nodes that it computes. */
export interface StoredNodes {
  placeOf(node: Node): number;
  read(node: Node): string;
  /** Where in its buffer the node begins; undefined where that is the buffer's begin. */
  startOf(node: Node): Start | undefined;
  /** The index that the node is, where it is the number of an iteration. */
  countOf(node: Node): Index | undefined;
  isStoredElsewhere(node: Node, cluster: Cluster): boolean;
}

/** An element's place before what the element's own indexes add. */
export interface Start {
  readonly terms: readonly Term[];
  readonly offset: number;
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
  readonly known: Set<string>;
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

/** What is known of places: a node is asked for at few. In most scopes nothing is, so the table is made when something is. */
class Memo<Value> {
  #known: Map<Node, { readonly place: Place; readonly value: Value }[]> | null = null;

  get(place: Place): Value | undefined {
    if (this.#known === null) return undefined;
    const known = this.#known.get(place.node);
    if (known !== undefined) for (const one of known) if (isSamePlace(one.place, place)) return one.value;
    return undefined;
  }

  set(place: Place, value: Value): void {
    this.#known ??= new Map();
    const known = this.#known.get(place.node);
    if (known === undefined) this.#known.set(place.node, [{ place, value }]);
    else known.push({ place, value });
  }
}

function isSamePlace({ at, bounds }: Place, other: Place): boolean {
  if (at.length !== other.at.length || bounds.length !== other.bounds.length) return false;
  for (let axis = 0; axis < at.length; axis += 1) if (at[axis] !== other.at[axis]) return false;
  for (let i = 0; i < bounds.length; i += 1) {
    if (bounds[i]?.index !== other.bounds[i]?.index || bounds[i]?.extent !== other.bounds[i]?.extent) return false;
  }
  return true;
}

function isSameBounds(some: readonly Bound[], others: readonly Bound[]): boolean {
  if (some.length !== others.length) return false;
  return some.every(({ index, extent }, i) => index === others[i]?.index && extent === others[i]?.extent);
}

export class NestBuilder {
  readonly prelude: Stmt[] = [];
  readonly body: Stmt[] = [];
  readonly #options: Options;
  readonly #scopes: Scope[];
  readonly #written: Elements;
  /** Bounds that hold for what is being computed, when it stands behind a guard. */
  #bounds: readonly Bound[] = [];

  constructor(options: Options) {
    this.#options = options;
    this.#scopes = [newScope(this.prelude, []), newScope(this.body, options.loops)];
    this.#written = elementsIn(options.pool, {
      read: (node, at, guard) => this.#readGuarded(node, at, guard),
      wait: () => undefined, // `order` has seen to it
      once: (value) => this.#named(this.#scopeOf(value), value),
    });
  }

  emit(stmts: readonly Stmt[]): void {
    this.#innermost().stmts.push(...stmts);
  }

  /** Runs `make` inside loops along a row, a scope for each; what it gives is the end of the innermost body. */
  within(loops: readonly LoopVar[], make: () => readonly Stmt[], mark: LoopMark = "parallel", depth = 0): void {
    const loop = loops[depth];
    if (loop === undefined) {
      this.emit(make());
      return;
    }
    const outer = this.#innermost();
    const scope = newScope([], [loop]);
    this.#scopes.push(scope);
    this.within(loops, make, mark, depth + 1);
    this.#scopes.pop();
    outer.stmts.push(forLoop(loop, scope.stmts, mark));
  }

  /** The element of `node` at `at`: a constant, a name, or (inside a contraction) an expression. */
  value(node: Node, at: readonly Index[]): Expr {
    const place: Place = { node, at, bounds: this.#bounds };
    for (let depth = 0; depth < this.#scopes.length; depth += 1) {
      const known = this.#scopes[depth]?.memo.get(place);
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
    if (op.kind === "map") {
      const operands: Expr[] = [];
      for (const arg of args) operands.push(this.value(arg, at));
      return [op.element(operands, attrs, type, exprBuilder)];
    }
    if (results.length === 1) return this.#written(node, at);
    const place: Place = { node: results[0] ?? node, at, bounds: this.#bounds };
    for (const scope of this.#scopes) {
      const known = scope.elements.get(place);
      if (known !== undefined) return known;
    }
    const elements = this.#written(node, at);
    this.#scopes[this.#depthOf(elements)]?.elements.set(place, elements);
    return elements;
  }

  /** Behind a guard, loads get its bounds; a computed value is chosen by them. */
  #readGuarded(node: Node, at: readonly Index[], guard: Guard | undefined): Expr {
    if (guard === undefined || guard.bounds.length === 0) return this.value(node, at);
    const { cluster, buffers } = this.#options;
    if (this.#bounds.length === 0 && buffers.isStoredElsewhere(node, cluster) && buffers.countOf(node) === undefined)
      return this.#loadOr(node, at, guard);
    const outer = this.#bounds;
    this.#bounds = [...outer, ...guard.bounds];
    const bounds = this.#bounds;
    const value = this.value(node, at);
    this.#bounds = outer;
    // Through views it is a load, whose own guard says the same.
    if (value.kind === "load" && value.guard !== undefined && isSameBounds(value.guard.bounds, bounds)) {
      return load(value.type, value.buffer, value.at, { bounds, otherwise: guard.otherwise });
    }
    const inside = guard.bounds.map(insideBound).reduce((all, next) => apply("and", all, next));
    return apply("select", inside, value, guard.otherwise);
  }

  #load(node: Node, at: readonly Index[]): Expr {
    const count = this.#options.buffers.countOf(node);
    if (count !== undefined) return count;
    const type = valueTypeOf(node.type.dtype);
    return this.#loadOr(node, at, { bounds: this.#bounds, otherwise: this.#options.pool.constant(type, 0) });
  }

  #loadOr(node: Node, at: readonly Index[], guard: Guard): Expr {
    const { buffers, pool } = this.#options;
    const place = flatIndex(shapeOf(node), at, pool, buffers.startOf(node));
    return load(valueTypeOf(node.type.dtype), buffers.read(node), place, guard);
  }

  // ---- reductions and contractions ---------------------------------------------------------------------------------

  #accumulate(place: Place): Expr {
    const { node, at, bounds } = place;
    let depth = this.#depthOf(at);
    for (const { index } of this.#bounds) depth = Math.max(depth, this.#depthOf([index]));
    const inner = this.#scopes.splice(depth + 1);
    const { names, pool } = this.#options;
    const hint = node.op.kind === "contract" ? "k" : "c";
    const loops: LoopVar[] = [];
    const indexes: Index[] = [];
    for (const extent of innerExtents(node)) {
      const loop = { name: names.fresh(hint), extent };
      loops.push(loop);
      indexes.push(pool.loop(loop));
    }
    let made: Expr | undefined;
    for (const { result, value } of this.#fold(node, at, loops, indexes)) {
      if (result === node) made = value;
      this.#innermost().memo.set({ node: result, at, bounds }, value);
    }
    this.#scopes.push(...inner);
    if (made === undefined) throw new CompilerBug(`lower: %${node.id} ${node.op.name} is no accumulator`);
    return made;
  }

  /** The results that this cluster computes. A contraction is a sum of products. What is folded is rounded once, after it. */
  #fold(
    node: Node,
    at: readonly Index[],
    loops: readonly LoopVar[],
    indexes: readonly Index[],
  ): readonly { readonly result: Node; readonly value: Expr }[] {
    const { cluster, names, target, pool } = this.#options;
    const fn = node.op.kind === "reduce" ? node.op.fold : "sum";
    const about = folds[fn];
    const type = valueTypeOf(operand(node).type.dtype);
    const wide = about.isWide ? accumulatorType(type, target) : type;
    const held = about.names.map((hint) => names.fresh(hint));
    const scope = newScope([], loops, node.op.kind === "contract");
    this.#scopes.push(scope);
    let element = convert(wide, this.value(operand(node), placeOf(node, 0, at, indexes)));
    for (let arg = 1; arg < node.args.length; arg += 1) {
      const factor = this.value(operand(node, arg), placeOf(node, arg, at, indexes));
      element = apply("mul", element, convert(wide, factor));
    }
    this.#scopes.pop();
    const values = about.element(element, indexes, loops);
    this.emit([fold(fn, held, loops, values, { body: scope.stmts, from: [this.#options.buffers.placeOf(node)] })]);
    const made: { readonly result: Node; readonly value: Expr }[] = [];
    for (const result of node.results) {
      if (result !== node && !cluster.nodes.includes(result)) continue;
      const one = pool.name((values[result.result] ?? element).type, held[result.result] ?? "");
      const value = this.#defineIn(this.#innermost(), convert(valueTypeOf(result.type.dtype), one));
      made.push({ result, value });
    }
    return made;
  }

  // ---- placement ---------------------------------------------------------------------------------------------------

  /** Gives an expression a name in the outermost scope that knows its loops and names. */
  #place(place: Place, expr: Expr): Expr {
    const scope = this.#scopeOf(expr);
    const placed = scope.inline ? expr : this.#named(scope, expr);
    scope.memo.set(place, placed);
    return placed;
  }

  #named(scope: Scope, expr: Expr): Expr {
    const isTrivial = expr.kind === "const" || expr.kind === "name";
    return isTrivial ? expr : this.#defineIn(scope, expr);
  }

  /** The outermost scope in which all that an expression uses is known. */
  #scopeOf(expr: Expr): Scope {
    return this.#scopes[this.#depthOf([expr])] ?? this.#innermost();
  }

  #defineIn(scope: Scope, expr: Expr): Expr {
    const fresh = this.#options.names.fresh("v");
    scope.stmts.push(letValue(fresh, expr));
    scope.known.add(fresh);
    return expr.pool.name(expr.type, fresh);
  }

  /** The depth of the outermost scope in which all loops and names of these expressions are known. */
  #depthOf(exprs: readonly Expr[]): number {
    for (let depth = this.#scopes.length - 1; depth > 0; depth -= 1) {
      const known = this.#scopes[depth]?.known;
      if (known !== undefined && exprs.some((expr) => readsAny(expr, known))) return depth;
    }
    return 0;
  }

  #innermost(): Scope {
    return this.#scopes[this.#scopes.length - 1] as Scope;
  }
}

function newScope(stmts: Stmt[], loops: readonly LoopVar[], inline = false): Scope {
  const known = new Set<string>();
  for (const { name } of loops) known.add(name);
  return { stmts, known, memo: new Memo(), elements: new Memo(), inline };
}

function insideBound({ index, extent }: Bound): Expr {
  return apply("and", apply("ge", index, 0), apply("lt", index, extent));
}

/** Row-major position of an element of an array of this shape. */
export function flatIndex(shape: readonly number[], at: readonly Index[], pool: ExprPool, start?: Start): Index {
  const strides = stridesOf(shape);
  const terms: Term[] = start === undefined ? [] : start.terms.slice();
  for (let axis = 0; axis < at.length; axis += 1) {
    const index = at[axis];
    if (index !== undefined) terms.push({ factor: strides[axis] ?? 0, index });
  }
  return sumIndex(terms, start?.offset ?? 0, pool);
}
