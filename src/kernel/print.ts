/**
 * The kernel language as text: for people and golden tests.
 *
 *   kernel k4_matmul_relu(read x: f32[100352], update w: f32[401408])
 *     parallel i < 128, j < 512
 *       fold acc: f64 = sum over k < 784 of f64(x[784*i + k]) * f64(w[512*k + j])
 *       y[512*i + j] = f32(acc)
 *
 * The text depends on nothing but its argument. Constants carry their type (1f, 1d, 1, 1u, true) and spell -0, NaN and
 * infinities; loads and names need none, as a kernel declares each name once; nested operators are always bracketed.
 */
import { unreachable } from "../core/errors.ts";
import type {
  Bound,
  Expr,
  FoldStmt,
  Kernel,
  LoopVar,
  Nest,
  ParallelLoop,
  ScalarFn,
  Stmt,
  Sum,
  ValueType,
} from "./kernel.ts";
import { printSchedules } from "./moves.ts";

// ---- expressions ---------------------------------------------------------------------------------------------------

/** Of an index `512*i + j + 3`; floor division is `/`, the never negative remainder `%`, an integer of promised range `int(...)`. */
export function printExpr(expr: Expr): string {
  switch (expr.kind) {
    case "const":
      return printConstant(expr.type, expr.value);
    case "name":
      return expr.name + expr.at.map((at) => `[${printExpr(at)}]`).join("");
    case "load": {
      const element = `${expr.buffer}[${printExpr(expr.at)}]`;
      if (expr.guard === undefined) return element;
      return `guarded(${printBounds(expr.guard.bounds)} ? ${element} : ${printExpr(expr.guard.otherwise)})`;
    }
    case "apply":
      return printApply(expr.fn, expr.args);
    case "convert":
      return `${expr.type}(${printExpr(expr.value)})`;
    case "bitcast":
      return `bitcast<${expr.type}>(${printExpr(expr.value)})`;
    case "loop":
      return expr.loop.name;
    case "ranged":
      return `int(${printExpr(expr.value)})`;
    case "sum":
      return printSum(expr);
    case "floorDiv":
      return `${bracket(expr.index)} / ${expr.by}`;
    case "mod":
      return `${bracket(expr.index)} % ${expr.by}`;
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
      return [line(`${stmt.name}${stmt.at.map((at) => `[${printExpr(at)}]`).join("")} = ${printExpr(stmt.value)}`)];
    case "store": {
      const guard = stmt.guard.length === 0 ? "" : ` where ${printBounds(stmt.guard)}`;
      return [line(`${stmt.buffer}[${printExpr(stmt.at)}] = ${printExpr(stmt.value)}${guard}`)];
    }
    case "fold": {
      const guard = stmt.guard.length === 0 ? "" : ` where ${printBounds(stmt.guard)}`;
      const of = `of ${stmt.values.map(printExpr).join(", ")}${guard}`;
      if (stmt.body.length === 0) return [line(`${foldHead(stmt)} ${of}`)];
      return [...block(foldHead(stmt), stmt.body), "  ".repeat(depth + 1) + of];
    }
    case "if":
      return block(`if ${printExpr(stmt.condition)}`, stmt.body);
    case "matrix": {
      const { into, rows, columns, terms } = stmt.product;
      return block(`matrix ${into}[${rows}, ${columns}] over ${terms}`, stmt.body);
    }
    case "barrier":
      return [line(stmt.of === "shared" ? "barrier" : "barrier of buffers")];
    case "exchange": {
      const from = `${stmt.bits === "flipped" ? "^" : "& ~"}${stmt.mask}`;
      return [line(`exchange ${stmt.name}: ${stmt.value.type} = ${printExpr(stmt.value)} of ${from} in ${stmt.size}`)];
    }
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
  const buffers = kernel.buffers.map(({ role, name, element, count, sharing }) => {
    return `${role} ${name}: ${element}[${count}]${sharing === undefined ? "" : ` in ${sharing}`}`;
  });
  const at = kernel.iterations.length === 0 ? "" : ` at ${kernel.iterations.map(printLoop).join(", ")}`;
  const lines = [`kernel ${kernel.name}(${buffers.join(", ")})${at}`];
  const schedule = printSchedules(kernel.schedule);
  if (schedule !== "") lines.push(`  // ${schedule}`);
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

// ---- helpers -------------------------------------------------------------------------------------------------------

function printLoop(loop: LoopVar): string {
  return `${loop.name} < ${loop.extent}`;
}

function printBounds(bounds: readonly Bound[]): string {
  return bounds.map((bound) => `0 <= ${printExpr(bound.index)} < ${bound.extent}`).join(" && ");
}

function printSum(sum: Sum): string {
  let text = "";
  for (const { factor, index } of sum.terms) {
    const size = Math.abs(factor);
    text = joinTerm(text, factor < 0, size === 1 ? printExpr(index) : `${size}*${bracket(index)}`);
  }
  return sum.offset === 0 ? text : joinTerm(text, sum.offset < 0, String(Math.abs(sum.offset)));
}

function joinTerm(text: string, negative: boolean, term: string): string {
  if (text === "") return negative ? `-${term}` : term;
  return `${text} ${negative ? "-" : "+"} ${term}`;
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
  return `${bracket(left)} ${operator} ${bracket(right)}`;
}

function bracket(expr: Expr): string {
  const isInfix = expr.kind === "apply" && operators[expr.fn] !== undefined;
  const isCompound = isInfix || expr.kind === "sum" || expr.kind === "floorDiv" || expr.kind === "mod";
  return isCompound ? `(${printExpr(expr)})` : printExpr(expr);
}
