/**
 * The kernel language as text: for people, golden tests, and as keys.
 *
 *   kernel k4_matmul_relu(read x: f32[100352], update w: f32[401408])
 *     parallel i < 128, j < 512
 *       fold acc: f64 = sum over k < 784 of f64(x[784*i + k]) * f64(w[512*k + j])
 *       y[512*i + j] = f32(acc)
 *
 * The text depends on nothing but its argument. Within one kernel `printExpr` is injective: equal text means equal
 * expression. So constants carry their type (1f, 1d, 1, 1u, true) and spell -0, NaN and infinities; loads and names need
 * none, as a kernel declares each name once; nested operators are always bracketed.
 */
import { unreachable } from "../core/errors.ts";
import type {
  Bound,
  Expr,
  FoldStmt,
  Index,
  Kernel,
  LoopVar,
  Nest,
  ParallelLoop,
  ScalarFn,
  Stmt,
  ValueType,
} from "./kernel.ts";

// ---- indexes and expressions ---------------------------------------------------------------------------------------

/** `512*i + j + 3`; floor division is `/`, the never negative remainder `%`, a loaded integer `int(...)`. */
export function printIndex(index: Index): string {
  switch (index.kind) {
    case "const":
      return String(index.value);
    case "loop":
      return index.loop.name;
    case "value":
      return `int(${printExpr(index.value)})`;
    case "sum":
      return printSum(index);
    case "floorDiv":
      return `${bracketIndex(index.index)} / ${index.by}`;
    case "mod":
      return `${bracketIndex(index.index)} % ${index.by}`;
    default:
      return unreachable(index);
  }
}

export function printExpr(expr: Expr): string {
  switch (expr.kind) {
    case "const":
      return printConstant(expr.type, expr.value);
    case "name":
      return expr.name + expr.at.map((at) => `[${printIndex(at)}]`).join("");
    case "index":
      return `index(${printIndex(expr.index)})`;
    case "load": {
      const element = `${expr.buffer}[${printIndex(expr.at)}]`;
      if (expr.guard === undefined) return element;
      return `guarded(${printBounds(expr.guard.bounds)} ? ${element} : ${printExpr(expr.guard.otherwise)})`;
    }
    case "apply":
      return printApply(expr.fn, expr.args);
    case "convert":
      return `${expr.type}(${printExpr(expr.value)})`;
    case "bitcast":
      return `bitcast<${expr.type}>(${printExpr(expr.value)})`;
    default:
      return unreachable(expr);
  }
}

// ---- statements ----------------------------------------------------------------------------------------------------

/** One statement a line, two spaces per level, no newline at the end. */
export function printStmts(stmts: readonly Stmt[], depth = 0): string {
  return stmts.flatMap((stmt) => stmtLines(stmt, depth)).join("\n");
}

function stmtLines(stmt: Stmt, depth: number): readonly string[] {
  const line = (text: string): string => "  ".repeat(depth) + text;
  const block = (head: string, body: readonly Stmt[]): readonly string[] => [
    line(head),
    ...body.flatMap((inner) => stmtLines(inner, depth + 1)),
  ];
  switch (stmt.kind) {
    case "for":
      return block(`for ${printLoop(stmt.loop)}${stmt.mark === "serial" ? "" : ` ${stmt.mark}`}`, stmt.body);
    case "let":
      return [line(`let ${stmt.name}: ${stmt.value.type} = ${printExpr(stmt.value)}`)];
    case "var": {
      const shape = stmt.shape.map((size) => `[${size}]`).join("");
      return [line(`var ${stmt.name}${shape}: ${stmt.type} = ${printExpr(stmt.init)}`)];
    }
    case "assign":
      return [line(`${stmt.name}${stmt.at.map((at) => `[${printIndex(at)}]`).join("")} = ${printExpr(stmt.value)}`)];
    case "store": {
      const guard = stmt.guard.length === 0 ? "" : ` where ${printBounds(stmt.guard)}`;
      return [line(`${stmt.buffer}[${printIndex(stmt.at)}] = ${printExpr(stmt.value)}${guard}`)];
    }
    case "fold": {
      const of = `of ${stmt.values.map(printExpr).join(", ")}`;
      if (stmt.body.length === 0) return [line(`${foldHead(stmt)} ${of}`)];
      return [...block(foldHead(stmt), stmt.body), "  ".repeat(depth + 1) + of];
    }
    case "if":
      return block(`if ${printExpr(stmt.condition)}`, stmt.body);
    case "barrier":
      return [line("barrier")];
    default:
      return unreachable(stmt);
  }
}

/** `fold acc[4]: f64 = sum over k < 784 by l < 4 lane` */
function foldHead({ fn, accumulators, axes, block }: FoldStmt): string {
  const shape = block.map(({ loop }) => `[${loop.extent}]`).join("");
  const held = accumulators.map(({ name, type }) => `${name}${shape}: ${type}`).join(", ");
  const by = block.map(({ loop, mark }) => `${printLoop(loop)}${mark === "serial" ? "" : ` ${mark}`}`);
  const over = axes.length === 0 ? "nothing" : axes.map(printLoop).join(", ");
  return `fold ${held} = ${fn} over ${over}${by.length === 0 ? "" : ` by ${by.join(", ")}`}`;
}

// ---- kernels -------------------------------------------------------------------------------------------------------

/** The nests of a kernel with several stand under `nest` lines. */
export function printKernel(kernel: Kernel): string {
  const buffers = kernel.buffers.map((b) => `${b.role} ${b.name}: ${b.element}[${b.count}]`);
  const lines = [`kernel ${kernel.name}(${buffers.join(", ")})`];
  if (kernel.schedule !== "") lines.push(`  // ${kernel.schedule}`);
  for (const array of kernel.shared) lines.push(`  shared ${array.name}: ${array.type}[${array.count}]`);
  for (const nest of kernel.nests) {
    if (kernel.nests.length > 1) lines.push("  nest");
    lines.push(...nestLines(nest, kernel.nests.length > 1 ? 2 : 1));
  }
  return lines.join("\n");
}

function nestLines(nest: Nest, depth: number): readonly string[] {
  const lines: string[] = [];
  let inner = depth;
  if (nest.prelude.length > 0) {
    lines.push(`${"  ".repeat(depth)}prelude`, ...nest.prelude.flatMap((stmt) => stmtLines(stmt, depth + 1)));
  }
  for (const group of loopsByMark(nest.loops)) {
    lines.push(`${"  ".repeat(inner)}${group[0]?.mark} ${group.map((l) => printLoop(l.loop)).join(", ")}`);
    inner += 1;
  }
  if (nest.loops.length === 0) {
    lines.push(`${"  ".repeat(inner)}once`);
    inner += 1;
  }
  return [...lines, ...nest.body.flatMap((stmt) => stmtLines(stmt, inner))];
}

function loopsByMark(loops: readonly ParallelLoop[]): readonly (readonly ParallelLoop[])[] {
  const groups: ParallelLoop[][] = [];
  for (const loop of loops) {
    const last = groups.at(-1);
    if (last?.[0]?.mark === loop.mark) last.push(loop);
    else groups.push([loop]);
  }
  return groups;
}

/** One step a line. */
// ---- helpers -------------------------------------------------------------------------------------------------------

function printLoop(loop: LoopVar): string {
  return `${loop.name} < ${loop.extent}`;
}

function printBounds(bounds: readonly Bound[]): string {
  return bounds.map((bound) => `0 <= ${printIndex(bound.index)} < ${bound.extent}`).join(" && ");
}

function printSum(sum: Index & { readonly kind: "sum" }): string {
  let text = "";
  for (const { factor, index } of sum.terms) {
    const size = Math.abs(factor);
    text = joinTerm(text, factor < 0, size === 1 ? printIndex(index) : `${size}*${bracketIndex(index)}`);
  }
  return sum.offset === 0 ? text : joinTerm(text, sum.offset < 0, String(Math.abs(sum.offset)));
}

function joinTerm(text: string, negative: boolean, term: string): string {
  if (text === "") return negative ? `-${term}` : term;
  return `${text} ${negative ? "-" : "+"} ${term}`;
}

function bracketIndex(index: Index): string {
  const compound = index.kind === "sum" || index.kind === "floorDiv" || index.kind === "mod";
  return compound ? `(${printIndex(index)})` : printIndex(index);
}

const suffixes: Readonly<Record<ValueType, string>> = { f32: "f", f64: "d", i32: "", u32: "u", bool: "b" };

function printConstant(type: ValueType, value: number): string {
  if (type === "bool" && (value === 0 || Object.is(value, 1))) return value === 1 ? "true" : "false";
  const text = type === "f32" ? spellSingle(value) : spell(value);
  return text + suffixes[type];
}

function spell(value: number): string {
  return Object.is(value, -0) ? "-0" : String(value);
}

/** The fewest digits that give this f32 back; a value that is no f32 (which `checkKernel` refuses) is marked. */
function spellSingle(value: number): string {
  if (!Object.is(Math.fround(value), value)) return `${spell(value)}!`;
  if (!Number.isFinite(value) || value === 0) return spell(value);
  for (let digits = 1; digits < 9; digits += 1) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return String(short);
  }
  return String(Number(value.toPrecision(9)));
}

const operators: Readonly<Partial<Record<ScalarFn, string>>> = {
  add: "+",
  sub: "-",
  mul: "*",
  div: "/",
  mod: "%",
  eq: "==",
  ne: "!=",
  lt: "<",
  le: "<=",
  gt: ">",
  ge: ">=",
  and: "&",
  or: "|",
  xor: "^",
  shiftLeft: "<<",
  shiftRight: ">>",
};

function printApply(fn: ScalarFn, args: readonly Expr[]): string {
  const operator = operators[fn];
  const [left, right] = args;
  if (operator === undefined || left === undefined || right === undefined) {
    return `${fn}(${args.map(printExpr).join(", ")})`;
  }
  return `${bracketExpr(left)} ${operator} ${bracketExpr(right)}`;
}

function bracketExpr(expr: Expr): string {
  const infix = expr.kind === "apply" && operators[expr.fn] !== undefined;
  return infix ? `(${printExpr(expr)})` : printExpr(expr);
}
