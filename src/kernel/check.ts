/**
 * The invariants of kernels. Run after every pass that makes or rewrites one; what it lets through, every
 * printer may rely on.
 *
 * Each check answers with the first broken invariant in words, or null. What only a run can show (two iterations that
 * touch one element, a barrier forgotten, a loaded index out of its promised range) is found by evaluate.ts.
 */

import { unreachable } from "../core/errors.ts";
import type { KernelFold } from "../core/fold.ts";
import type { Scope, ScopedLoop } from "./check-expr.ts";
import { Broken, broken, checkAccess, checkBounds, checkElement, checkExpr } from "./check-expr.ts";
import { folds } from "./folds.ts";
import type {
  BlockLoop,
  ExchangeStmt,
  FoldStmt,
  Kernel,
  LoopVar,
  Nest,
  ParallelLoop,
  Stmt,
  ValueType,
} from "./kernel.ts";
import { valueTypeOf } from "./kernel.ts";

/** The first broken invariant of a kernel, or null. */
export function checkKernel(kernel: Kernel): string | null {
  return firstBroken(() => {
    const declare = declarations();
    declare(kernel.name);
    for (const { name, count } of [...kernel.buffers, ...kernel.shared]) {
      declare(name);
      checkSize(`the element count of ${name}`, count);
    }
    for (const { name, extent } of kernel.iterations) {
      declare(name);
      checkSize(`the extent of the iteration ${name}`, extent);
    }
    for (const nest of kernel.nests) checkNest(kernel, nest, declare);
  });
}

/** What `broken` told while `check` ran, or null. */
export function firstBroken(check: () => void): string | null {
  try {
    check();
    return null;
  } catch (error) {
    if (error instanceof Broken) return error.message;
    throw error;
  }
}

type Declare = (name: string) => void;

/** Names are unique within a kernel, whatever they name: an expression says by name alone what it reads, and targets share scopes. */
function declarations(): Declare {
  const taken = new Set<string>();
  return (name) => {
    if (!/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name)) broken(`"${name}" is not a name`);
    if (taken.has(name)) broken(`the name ${name} is used twice`);
    taken.add(name);
  };
}

function checkSize(what: string, size: number): void {
  if (!Number.isSafeInteger(size) || size < 0) broken(`${what} is ${size}`);
}

// ---- nests and statements ------------------------------------------------------------------------------------------

function checkNest(kernel: Kernel, nest: Nest, declare: Declare): void {
  const byName = <T extends { readonly name: string }>(all: readonly T[]) => new Map(all.map((one) => [one.name, one]));
  const scope: Scope = {
    buffers: byName(kernel.buffers),
    shared: byName(kernel.shared),
    loops: new Map(kernel.iterations.map(({ name, extent }) => [name, { extent, mark: "serial" }])),
    names: new Map(),
    branch: false,
    empty: false,
    prelude: true,
    lane: false,
    workgroup: nest.loops.reduce((size, { loop, mark }) => (mark === "invocation" ? size * loop.extent : size), 1),
  };
  checkStmts(nest.prelude, scope, declare);
  checkMarks(nest.loops);
  for (const { loop, mark } of nest.loops) enterLoop(loop, mark, scope, declare);
  const empty = nest.loops.some(({ loop }) => loop.extent === 0);
  checkStmts(nest.body, { ...scope, prelude: false, empty }, declare);
}

function checkMarks(loops: readonly ParallelLoop[]): void {
  const marks = loops.map((loop) => loop.mark);
  const outer = marks.indexOf("invocation");
  if (marks.includes("thread") && (marks.includes("workgroup") || outer >= 0)) {
    broken("a nest has both thread and workgroup or invocation loops");
  }
  const late = outer < 0 ? undefined : marks.slice(outer).find((mark) => mark !== "invocation");
  if (late !== undefined) broken(`a ${late} loop lies inside an invocation loop`);
}

function enterLoop(loop: LoopVar, mark: ScopedLoop["mark"], scope: Scope, declare: Declare): void {
  declare(loop.name);
  checkSize(`the extent of loop ${loop.name}`, loop.extent);
  scope.loops.set(loop.name, { extent: loop.extent, mark });
}

/** A scope whose declarations end with the block. */
function inner(scope: Scope, place: Partial<Pick<Scope, "branch" | "empty" | "lane">> = {}): Scope {
  return { ...scope, loops: new Map(scope.loops), names: new Map(scope.names), ...place };
}

function checkStmts(stmts: readonly Stmt[], scope: Scope, declare: Declare): void {
  for (let i = 0; i < stmts.length; i += 1) {
    const stmt = stmts[i];
    if (stmt !== undefined) checkStmt(stmt, scope, declare);
  }
}

function checkStmt(stmt: Stmt, scope: Scope, declare: Declare): void {
  switch (stmt.kind) {
    case "for": {
      const empty = scope.empty || stmt.loop.extent === 0;
      const block = inner(scope, { empty, lane: scope.lane || stmt.mark === "lane" });
      enterLoop(stmt.loop, stmt.mark, block, declare);
      checkStmts(stmt.body, block, declare);
      return;
    }
    case "let":
      checkExpr(stmt.value, scope);
      declare(stmt.name);
      scope.names.set(stmt.name, {
        type: stmt.value.type,
        shape: [],
        mutable: false,
        ofPrelude: scope.prelude,
      });
      return;
    case "var":
      checkExpr(stmt.init, scope);
      if (stmt.init.type !== stmt.type) broken(`${stmt.name} is ${stmt.type}, but starts as ${stmt.init.type}`);
      for (const size of stmt.shape) checkSize(`an axis of ${stmt.name}`, size);
      declare(stmt.name);
      scope.names.set(stmt.name, { type: stmt.type, shape: stmt.shape, mutable: true, ofPrelude: scope.prelude });
      return;
    case "assign":
      checkAssign(stmt, scope);
      return;
    case "store":
      checkStore(stmt, scope);
      return;
    case "fold":
      checkFold(stmt, scope, declare);
      return;
    case "if":
      checkExpr(stmt.condition, scope);
      if (stmt.condition.type !== "bool") broken(`if on a ${stmt.condition.type}`);
      checkStmts(stmt.body, inner(scope, { branch: true }), declare);
      return;
    case "matrix":
      checkUniform("a product of matrices", scope);
      checkExpr(stmt.product.left.at, scope);
      checkExpr(stmt.product.right.at, scope);
      checkStmts(stmt.body, scope, declare);
      return;
    case "barrier":
      checkUniform("barrier", scope);
      return;
    case "exchange":
      checkExchange(stmt, scope, declare);
      return;
    default:
      unreachable(stmt);
  }
}

/** All invocations come here, the same number of times: extents are constants, so only `if` and lanes stand in the way. */
function checkUniform(what: string, scope: Scope): void {
  if (scope.prelude) broken(`${what} in a prelude`);
  if (scope.lane) broken(`${what} inside a lane loop`);
  if (scope.branch) broken(`${what} inside an if`);
}

function checkExchange({ name, value, mask, size }: ExchangeStmt, scope: Scope, declare: Declare): void {
  checkUniform("exchange", scope);
  checkExpr(value, scope);
  if (value.type === "bool") broken("exchange of a bool");
  if (!Number.isInteger(Math.log2(size)) || scope.workgroup % size !== 0) {
    broken(`subgroups of ${size} in a workgroup of ${scope.workgroup}`);
  }
  if (!Number.isInteger(mask) || mask < 1 || mask >= size) broken(`the mask ${mask} in subgroups of ${size}`);
  declare(name);
  scope.names.set(name, { type: value.type, shape: [], mutable: false, ofPrelude: false });
}

function checkAssign(stmt: Stmt & { readonly kind: "assign" }, scope: Scope): void {
  const named = scope.names.get(stmt.name) ?? broken(`${stmt.name} is assigned, but not in scope`);
  if (!named.mutable) broken(`${stmt.name} is assigned, but is a let`);
  if (named.ofPrelude && !scope.prelude) broken(`${stmt.name} belongs to the prelude and is assigned in the body`);
  checkExpr(stmt.value, scope);
  if (stmt.value.type !== named.type) broken(`${stmt.name} is ${named.type}, assigned ${stmt.value.type}`);
  checkElement(stmt.name, named, stmt.at, scope);
}

function checkFold(stmt: FoldStmt, scope: Scope, declare: Declare): void {
  const { fn, accumulators, axes, block, body, values } = stmt;
  const loops = [...axes.map((loop): BlockLoop => ({ loop, mark: "serial" })), ...block];
  const empty = scope.empty || loops.some(({ loop }) => loop.extent === 0);
  const inside = inner(scope, { empty, lane: scope.lane || block.some(({ mark }) => mark === "lane") });
  for (const { loop, mark } of loops) enterLoop(loop, mark, inside, declare);
  checkBounds(stmt.guard, inside);
  const inElement = stmt.guard.length === 0 ? inside : inner(inside, { branch: true });
  for (const one of body) {
    const isKept = one.kind === "store" && scope.shared.has(one.buffer);
    if (one.kind !== "let" && one.kind !== "fold" && !isKept) broken(`a ${one.kind} inside a fold`);
  }
  checkStmts(body, inElement, declare);
  for (const value of values) checkExpr(value, inElement);
  const given = values.map(({ type }) => type);
  const wanted = foldTypes(fn, given[0]);
  if (given.length !== wanted.length || given.some((type, i) => type !== wanted[i])) {
    broken(`${fn} of ${given.join(", ")}, not ${wanted.join(", ")}`);
  }
  if (accumulators.length !== wanted.length)
    broken(`${fn} has ${wanted.length} accumulators, not ${accumulators.length}`);
  for (const [i, { name, type }] of accumulators.entries()) {
    if (type !== wanted[i]) broken(`${name} is ${type}, but folds ${wanted[i]}`);
    declare(name);
    scope.names.set(name, {
      type,
      shape: block.map(({ loop }) => loop.extent),
      mutable: false,
      ofPrelude: scope.prelude,
    });
  }
  for (const id of stmt.from) checkSize(`a node that ${accumulators[0]?.name} comes from`, id);
}

/** What `fn` takes, where the first value is of this type. */
function foldTypes(fn: KernelFold, type: ValueType | undefined): readonly ValueType[] {
  if (type === undefined) return broken(`${fn} of nothing`);
  if (type === "bool" || (fn === "moments" && type !== "f32" && type !== "f64"))
    broken(`${fn} is not defined for ${type}`);
  return folds[fn].types(type);
}

function checkStore(stmt: Stmt & { readonly kind: "store" }, scope: Scope): void {
  if (scope.prelude) broken(`the prelude stores to ${stmt.buffer}`);
  const buffer = scope.buffers.get(stmt.buffer);
  const array = buffer ?? scope.shared.get(stmt.buffer) ?? broken(`store to ${stmt.buffer}, which is not declared`);
  if (buffer?.role === "read") broken(`store to ${stmt.buffer}, which is only read`);
  checkExpr(stmt.value, scope);
  const type = "element" in array ? valueTypeOf(array.element) : array.type;
  if (type !== stmt.value.type) broken(`${stmt.buffer} holds ${type} values, stored ${stmt.value.type}`);
  checkAccess(stmt.buffer, stmt.at, array.count, stmt.guard.length > 0, scope);
  checkBounds(stmt.guard, scope);
  for (const id of stmt.from) checkSize(`a node that is stored in ${stmt.buffer}`, id);
}
