/**
 * Whether two kernels are one: equal in all but their own names and those of their buffers.
 *
 *   layer 3: k9_contract_max(t31, w3, b3)     layer 4: k10_contract_max(t36, w4, b4)      one kernel, launched twice
 *
 * A kernel is a function of its buffers, so what it calls them does not matter, nor which nodes of the graph it computes: it knows
 * both by their places (`from` in kernel.ts). Expressions of one pool that read no buffer are equal where they are the same object;
 * of all others operands are compared.
 */
import { unreachable } from "../core/errors.ts";
import type {
  Bound,
  BufferParam,
  Expr,
  FoldStmt,
  Guard,
  Kernel,
  LoopVar,
  MatrixFactor,
  MatrixProduct,
  Nest,
  Stmt,
} from "./kernel.ts";
import { printSchedules } from "./moves.ts";

/** What the second kernel calls the buffers of the first. */
type Names = ReadonlyMap<string, string>;

export function isAlike(a: Kernel, b: Kernel): boolean {
  if (a.flops !== b.flops || a.bytes !== b.bytes || a.shared.length + b.shared.length > 0) return false;
  if (!isEach(a.buffers, b.buffers, isSameParam) || !isEach(a.iterations, b.iterations, isSameLoop)) return false;
  if (printSchedules(a.schedule) !== printSchedules(b.schedule)) return false;
  const names = new Map<string, string>();
  for (let i = 0; i < a.buffers.length; i += 1) names.set(a.buffers[i]?.name ?? "", b.buffers[i]?.name ?? "");
  if (!isEach(a.buffers, b.buffers, (x, y) => names.get(x.sharing ?? "") === y.sharing)) return false;
  return isEach(a.nests, b.nests, (x, y) => isSameNest(x, y, names));
}

function isSameParam(a: BufferParam, b: BufferParam): boolean {
  return a.count === b.count && a.element === b.element && a.role === b.role;
}

function isSameNest(a: Nest, b: Nest, names: Names): boolean {
  const sameLoops = isEach(a.loops, b.loops, (x, y) => x.mark === y.mark && isSameLoop(x.loop, y.loop));
  return sameLoops && isSameList(a.prelude, b.prelude, names) && isSameList(a.body, b.body, names);
}

function isSameLoop(a: LoopVar, b: LoopVar): boolean {
  return a.extent === b.extent && a.name === b.name;
}

// ---- statements ------------------------------------------------------------------------------------------------------

function isSameList(a: readonly Stmt[], b: readonly Stmt[], names: Names): boolean {
  return isEach(a, b, (x, y) => isSameStmt(x, y, names));
}

function isSameStmt(a: Stmt, b: Stmt, names: Names): boolean {
  switch (a.kind) {
    case "for":
      return b.kind === "for" && a.mark === b.mark && isSameLoop(a.loop, b.loop) && isSameList(a.body, b.body, names);
    case "let":
      return b.kind === "let" && a.name === b.name && isSame(a.value, b.value, names);
    case "var": {
      if (b.kind !== "var" || a.name !== b.name || a.type !== b.type) return false;
      return isEach(a.shape, b.shape, isIdentical) && isSame(a.init, b.init, names);
    }
    case "assign": {
      if (b.kind !== "assign" || a.name !== b.name) return false;
      return isSameEach(a.at, b.at, names) && isSame(a.value, b.value, names);
    }
    case "store": {
      if (b.kind !== "store" || names.get(a.buffer) !== b.buffer || !isEach(a.from, b.from, isIdentical)) return false;
      return isSame(a.at, b.at, names) && isSame(a.value, b.value, names) && areSameBounds(a.guard, b.guard, names);
    }
    case "if":
      return b.kind === "if" && isSame(a.condition, b.condition, names) && isSameList(a.body, b.body, names);
    case "fold":
      return b.kind === "fold" && isSameFold(a, b, names);
    case "matrix":
      return b.kind === "matrix" && isSameProduct(a.product, b.product, names) && isSameList(a.body, b.body, names);
    case "barrier":
      return b.kind === "barrier" && a.of === b.of;
    case "exchange": {
      if (b.kind !== "exchange" || a.name !== b.name || a.bits !== b.bits) return false;
      return a.mask === b.mask && a.size === b.size && isSame(a.value, b.value, names);
    }
    default:
      return unreachable(a);
  }
}

function isSameProduct(a: MatrixProduct, b: MatrixProduct, names: Names): boolean {
  const isSameFactor = (x: MatrixFactor, y: MatrixFactor): boolean =>
    names.get(x.buffer) === y.buffer && isSame(x.at, y.at, names) && x.stride === y.stride && x.order === y.order;
  const isSameSize = a.rows === b.rows && a.columns === b.columns && a.terms === b.terms;
  return isSameSize && a.into === b.into && isSameFactor(a.left, b.left) && isSameFactor(a.right, b.right);
}

function isSameFold(a: FoldStmt, b: FoldStmt, names: Names): boolean {
  return (
    a.fn === b.fn &&
    isEach(a.accumulators, b.accumulators, (x, y) => x.name === y.name && x.type === y.type) &&
    isEach(a.axes, b.axes, isSameLoop) &&
    isEach(a.block, b.block, (x, y) => x.mark === y.mark && isSameLoop(x.loop, y.loop)) &&
    isSameList(a.body, b.body, names) &&
    isSameEach(a.values, b.values, names) &&
    areSameBounds(a.guard, b.guard, names) &&
    isEach(a.from, b.from, isIdentical)
  );
}

// ---- expressions -----------------------------------------------------------------------------------------------------

function isSame(a: Expr, b: Expr, names: Names): boolean {
  if (a === b && !readsOther(a, names)) return true;
  if (a.type !== b.type) return false;
  switch (a.kind) {
    case "const":
    case "loop":
      return a === b;
    case "name":
      return b.kind === "name" && a.name === b.name && isSameEach(a.at, b.at, names);
    case "load": {
      if (b.kind !== "load" || names.get(a.buffer) !== b.buffer) return false;
      return isSame(a.at, b.at, names) && isSameGuard(a.guard, b.guard, names);
    }
    case "apply":
      return b.kind === "apply" && a.fn === b.fn && isSameEach(a.args, b.args, names);
    case "convert":
    case "bitcast":
      return b.kind === a.kind && isSame(a.value, b.value, names);
    case "ranged":
      return b.kind === "ranged" && a.min === b.min && a.max === b.max && isSame(a.value, b.value, names);
    case "sum": {
      if (b.kind !== "sum" || a.offset !== b.offset) return false;
      return isEach(a.terms, b.terms, (x, y) => x.factor === y.factor && isSame(x.index, y.index, names));
    }
    case "floorDiv":
    case "mod":
      return b.kind === a.kind && a.by === b.by && isSame(a.index, b.index, names);
    default:
      return unreachable(a);
  }
}

/** Whether it reads a buffer that the other kernel calls otherwise. */
function readsOther({ reads }: Expr, names: Names): boolean {
  for (const read of reads) if ((names.get(read) ?? read) !== read) return true;
  return false;
}

function isSameEach(a: readonly Expr[], b: readonly Expr[], names: Names): boolean {
  return a === b || isEach(a, b, (x, y) => isSame(x, y, names));
}

function isSameGuard(a: Guard | undefined, b: Guard | undefined, names: Names): boolean {
  if (a === undefined || b === undefined) return a === b;
  return areSameBounds(a.bounds, b.bounds, names) && isSame(a.otherwise, b.otherwise, names);
}

function areSameBounds(a: readonly Bound[], b: readonly Bound[], names: Names): boolean {
  return isEach(a, b, (x, y) => x.extent === y.extent && isSame(x.index, y.index, names));
}

function isIdentical<T>(a: T, b: T): boolean {
  return a === b;
}

function isEach<T>(a: readonly T[], b: readonly T[], isOne: (a: T, b: T) => boolean): boolean {
  return a.length === b.length && a.every((item, i) => isOne(item, b[i] as T));
}
