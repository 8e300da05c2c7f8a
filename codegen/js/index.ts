/**
 * Indexes as JavaScript integers. The part of a sum that does not change in a loop is computed before it.
 *
 *   x[784*i + k], x[784*i + k + 784]   ->   const at0 = 784 * i;          before the loop over k
 *                                           const at1 = at0 + k;          in it, as two elements need it
 *                                           x[at1], x[at1 + 784]
 *
 * Constants stay with the element: a block of 4 rows then keeps one integer alive where it would keep four.
 */
import { unreachable } from "../../src/core/errors.ts";
import { someIndex, sumIndex, walkIndex } from "../../src/kernel/index-expr.ts";
import type { Bound, Expr, Index, Term } from "../../src/kernel/kernel.ts";
import { someExpr, walkExpr } from "../../src/kernel/rewrite.ts";
import type { JsContext, Printed } from "./context.ts";
import { atom, levels, printNumber, spell, wrap } from "./context.ts";

type Sum = Index & { readonly kind: "sum" };

/** The index as an integer expression. */
export function printIndex(index: Index, context: JsContext): Printed {
  switch (index.kind) {
    case "const":
      return printNumber(index.value);
    case "loop":
      return atom(spell(index.loop.name, context));
    case "value":
      return context.printValue(index.value, context);
    case "sum":
      return printSum(index, context);
    case "floorDiv":
      return printFloorDiv(index.index, index.by, context);
    case "mod":
      return printMod(index.index, index.by, context);
    default:
      return unreachable(index);
  }
}

/** The conditions of a guard that are not known to hold, joined by and; undefined when there is none. */
export function printBounds(bounds: readonly Bound[], context: JsContext): Printed | undefined {
  const conditions: string[] = [];
  for (const { index, extent } of bounds) {
    const text = wrap(printIndex(index, context), levels.shift);
    if (index.min < 0) conditions.push(`${text} >= 0`);
    if (index.max >= extent) conditions.push(`${text} < ${extent}`);
  }
  if (conditions.length === 0) return undefined;
  return { text: conditions.join(" && "), level: conditions.length > 1 ? levels.and : levels.compare };
}

/** The index without its constant: those that differ in it alone share one name. */
export function baseOf(index: Index): Index {
  return index.kind === "sum" && index.offset !== 0 ? sumIndex(index.terms) : index;
}

// ---- sums ----------------------------------------------------------------------------------------------------------

function printSum(sum: Sum, context: JsContext): Printed {
  const [first] = sum.terms;
  if (first !== undefined && first.factor < 0) return joinTerms(sum.terms, context, printNumber(sum.offset));
  const base = printBase(baseOf(sum), context);
  if (sum.offset === 0) return base;
  const text = `${wrap(base, levels.sum)} ${sum.offset < 0 ? "-" : "+"} ${Math.abs(sum.offset)}`;
  return { text, level: levels.sum };
}

/** A sum without constant: inline when it is used once and changes in the innermost loop, otherwise a name. */
function printBase(base: Index, context: JsContext): Printed {
  if (base.kind !== "sum") return printIndex(base, context);
  const here = context.writer.depth;
  const depth = depthOf(base, context);
  if (depth === undefined || (context.guarded && loads(base))) return joinTerms(base.terms, context);
  const at = landing(base, depth, context);
  const wanted = at < here || (context.uses.get(base.key) ?? 0) > 1;
  if (!wanted) return printParts(base, depth, context);
  const scope = context.scopes[at];
  const known = scope?.indexes.get(base.key);
  if (known !== undefined) return atom(known);
  const { text } = printParts(base, depth, context);
  const name = context.names.numbered("at");
  context.writer.line(`const ${name} = ${text};`, at);
  scope?.indexes.set(base.key, name);
  return atom(name);
}

/** The terms that change at `depth`, and before them the name of what changes further out. */
function printParts(base: Sum, depth: number, context: JsContext): Printed {
  const outer = base.terms.filter((term) => (depthOf(term.index, context) ?? depth) < depth);
  const inner = base.terms.filter((term) => !outer.includes(term));
  if (outer.length === 0) return joinTerms(inner, context);
  const before = printBase(sumIndex(outer), context);
  return joinTerms(inner, context, before);
}

/** Terms come largest factor first, but what is left of a sum when its inner terms are taken away may start negative. */
function joinTerms(terms: readonly Term[], context: JsContext, first?: Printed): Printed {
  let joined = first;
  for (const { factor, index } of terms) {
    const part = wrap(printIndex(index, context), levels.unary);
    if (joined === undefined && factor < 0) {
      joined =
        factor === -1
          ? { text: `-${part}`, level: levels.unary }
          : { text: `${part} * ${factor}`, level: levels.product };
      continue;
    }
    const size = Math.abs(factor);
    const term: Printed =
      size === 1 ? { text: part, level: levels.unary } : { text: `${part} * ${size}`, level: levels.product };
    joined =
      joined === undefined
        ? term
        : { text: `${wrap(joined, levels.sum)} ${factor < 0 ? "-" : "+"} ${term.text}`, level: levels.sum };
  }
  return joined ?? atom("0");
}

// ---- where a part of an index is known -----------------------------------------------------------------------------

/** Depth of the outermost block in which the index is known; undefined when it may change within a block. */
function depthOf(index: Index, context: JsContext): number | undefined {
  let depth: number | undefined = 1;
  const seen = (found: number | undefined): undefined => {
    depth = depth === undefined || found === undefined ? undefined : Math.max(depth, found);
  };
  walkIndex(index, {
    loop: (loop) => seen(context.depths.get(loop.name)),
    value: (value) => seen(valueDepth(value, context)),
  });
  return depth;
}

function valueDepth(value: Expr, context: JsContext): number | undefined {
  let depth: number | undefined = 1;
  const seen = (found: number | undefined): undefined => {
    depth = depth === undefined || found === undefined ? undefined : Math.max(depth, found);
  };
  walkExpr(value, {
    index: (index) => seen(depthOf(index, context)),
    expr: (part) => {
      if (part.kind === "name") seen(context.depths.get(part.name));
      else if (part.kind === "load" && !isConstantMemory(part.buffer, context)) seen(undefined);
    },
  });
  return depth;
}

function isConstantMemory(buffer: string, context: JsContext): boolean {
  const declared = context.buffers.get(buffer);
  return declared !== undefined && "role" in declared && declared.role === "read";
}

/** The depth at which a name for `index` may be computed: what loads stays inside the `if` it stands in. */
function landing(index: Index, depth: number, context: JsContext): number {
  const inside = context.scopes.findLastIndex((scope) => scope.conditional);
  return loads(index) ? Math.max(depth, inside) : depth;
}

function loads(index: Index): boolean {
  return someIndex(index, { value: (value) => someExpr(value, { expr: (part) => part.kind === "load" }) });
}

// ---- division ------------------------------------------------------------------------------------------------------

/** Shifts round down, whatever the sign; `| 0` cuts off, which is the same for what is never negative. */
function printFloorDiv(index: Index, by: number, context: JsContext): Printed {
  const printed = printIndex(index, context);
  const shift = Math.log2(by);
  if (Number.isInteger(shift) && shift < 31) {
    return { text: `${wrap(printed, levels.shift)} >> ${shift}`, level: levels.shift };
  }
  const quotient = `${wrap(printed, levels.product)} / ${by}`;
  if (index.min >= 0) return { text: `(${quotient}) | 0`, level: levels.bitOr };
  return atom(`Math.floor(${quotient})`);
}

function printMod(index: Index, by: number, context: JsContext): Printed {
  const printed = printIndex(index, context);
  if (Number.isInteger(Math.log2(by)) && by <= 2 ** 30) {
    return { text: `${wrap(printed, levels.shift)} & ${by - 1}`, level: levels.bitAnd };
  }
  if (index.min >= 0) return { text: `${wrap(printed, levels.product)} % ${by}`, level: levels.product };
  return atom(`${context.module.helper("floor_mod")}(${printed.text}, ${by})`);
}
