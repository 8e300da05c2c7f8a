/**
 * The kernel language as C: a function for each kernel, over pointers to the first elements of its buffers. Brackets stand
 * around everything: a compiler reads it.
 *
 *   kernel k0_relu(read x: f32[512], write y: f32[512])      static void k0_relu(const float *x, float *y) {
 *     parallel i < 512                                         for (int32_t i = 0; i < 512; i++) {
 *       y[i] = max(x[i], 0f)                             ->      y[i] = max_f32(x[i], 0.0f);
 *                                                              }
 *                                                            }
 */

import type { DType } from "../../src/core/dtype.ts";
import { CompilerBug, unreachable } from "../../src/core/errors.ts";
import { type Apply, type Bound, type Expr, isRoutineFn, type Kernel, type LoopVar, type Routine, type Stmt, type ValueType } from "../../src/kernel/kernel.ts"; // biome-ignore format: names
import { Writer } from "../writer.ts";
import { cTypes, printFunction } from "./functions.ts";

/** What memory holds of each dtype. */
export const elementTypes = {
  f32: "float",
  f64: "double",
  i32: "int32_t",
  u32: "uint32_t",
  f16: "uint16_t",
  bf16: "uint16_t",
  u8: "uint8_t",
  bool: "uint8_t",
} as const satisfies Record<DType, string>;

interface Context {
  readonly writer: Writer;
  readonly names: CNames;
  readonly elements: ReadonlyMap<string, DType>;
  /** The name of the C function that a routine has become. */
  readonly routine: (expr: Apply) => string;
}

/** A kernel's names as C's: a number at the end keeps them apart from C's words, and from each other. */
class CNames {
  readonly #given = new Map<string, string>();

  #made = 0;

  declare(name: string): string {
    const identifier = `${name.replace(/\W/g, "_")}_${this.#made++}`;
    this.#given.set(name, identifier);
    return identifier;
  }

  of(name: string): string {
    const found = this.#given.get(name);
    if (found === undefined) throw new CompilerBug(`C: ${name} is not declared`);
    return found;
  }
}

export function printKernel(kernel: Kernel, name: string, routine: Context["routine"]): string {
  const names = new CNames();
  const params = kernel.buffers.map((buffer) => {
    const constant = buffer.role === "read" ? "const " : "";
    return `${constant}${elementTypes[buffer.element]} *${names.declare(buffer.name)}`;
  });
  for (const { name: iteration } of kernel.iterations) params.push(`int32_t ${names.declare(iteration)}`);
  const elements = new Map<string, DType>([
    ...kernel.buffers.map((buffer) => [buffer.name, buffer.element] as const),
    ...kernel.shared.map((shared) => [shared.name, shared.type] as const),
  ]);
  const context: Context = { writer: new Writer(), names, elements, routine };
  const { writer } = context;
  writer.block(`static void ${name}(${params.join(", ")}) {`, () => {
    for (const shared of kernel.shared) {
      writer.line(`static ${elementTypes[shared.type]} ${names.declare(shared.name)}[${shared.count}];`);
    }
    for (const nest of kernel.nests) {
      writer.block("{", () => {
        printStmts(nest.prelude, context);
        const inside = nest.loops.reduceRight<() => void>(
          (body, { loop }) =>
            () =>
              printLoop(loop, context, body),
          () => printStmts(nest.body, context),
        );
        inside();
      });
    }
  });
  return writer.toString();
}

export function printRoutine(routine: Routine, name: string, printed: Context["routine"]): string {
  const context: Context = { writer: new Writer(), names: new CNames(), elements: new Map(), routine: printed };
  const params = routine.params.map((param) => `${cTypes[param.type]} ${context.names.declare(param.name)}`);
  context.writer.block(`static inline ${cTypes[routine.result.type]} ${name}(${params.join(", ")}) {`, () => {
    printStmts(routine.body, context);
    context.writer.line(`return ${printExpr(routine.result, context)};`);
  });
  return context.writer.toString();
}

// ---- statements ----------------------------------------------------------------------------------------------------

function printStmts(stmts: readonly Stmt[], context: Context): void {
  for (const stmt of stmts) printStmt(stmt, context);
}

function printStmt(stmt: Stmt, context: Context): void {
  const { writer, names } = context;
  switch (stmt.kind) {
    case "for":
      if (stmt.mark === "lane") throw new CompilerBug("C has no lane loops");
      printLoop(stmt.loop, context, () => printStmts(stmt.body, context));
      break;
    case "let": {
      const value = printExpr(stmt.value, context);
      writer.line(`const ${cTypes[stmt.value.type]} ${names.declare(stmt.name)} = ${value};`);
      break;
    }
    case "var":
      printVar(stmt, context);
      break;
    case "assign":
      writer.line(`${elementOf(stmt.name, stmt.at, context)} = ${printExpr(stmt.value, context)};`);
      break;
    case "store": {
      const element = `${names.of(stmt.buffer)}[${printExpr(stmt.at, context)}]`;
      const condition = printBounds(stmt.guard, context);
      const store = `${element} = ${printStored(stmt.value, stmt.buffer, context)};`;
      writer.line(condition === "" ? store : `if (${condition}) ${store}`);
      break;
    }
    case "if":
      writer.block(`if (${printExpr(stmt.condition, context)}) {`, () => printStmts(stmt.body, context));
      break;
    case "fold":
      throw new CompilerBug("C: folds are expanded before they are printed");
    case "matrix":
      throw new CompilerBug("C: there are no matrix units");
    case "barrier":
      break; // one thread runs everything
    case "exchange":
      throw new CompilerBug("C: there are no subgroups");
    default:
      unreachable(stmt);
  }
}

function printLoop(loop: LoopVar, { writer, names }: Context, body: () => void): void {
  const name = names.declare(loop.name);
  writer.block(`for (int32_t ${name} = 0; ${name} < ${loop.extent}; ${name}++) {`, body);
}

function printVar(stmt: Stmt & { readonly kind: "var" }, context: Context): void {
  const { writer, names } = context;
  const init = printExpr(stmt.init, context);
  const name = names.declare(stmt.name);
  const sizes = stmt.shape.map((size) => `[${size}]`).join("");
  writer.line(`${cTypes[stmt.type]} ${name}${sizes === "" ? ` = ${init}` : sizes};`);
  if (sizes === "") return;
  const count = stmt.shape.reduce((product, size) => product * size, 1);
  const first = `&${name}${"[0]".repeat(stmt.shape.length)}`;
  writer.line(`for (int32_t i = 0; i < ${count}; i++) (${first})[i] = ${init};`);
}

/** As memory holds it: bytes saturate, short floats are their bits. */
function printStored(value: Expr, buffer: string, context: Context): string {
  const text = printExpr(value, context);
  switch (context.elements.get(buffer)) {
    case "f16":
      return `to_half(${text})`;
    case "bf16":
      return `to_brain(${text})`;
    case "u8":
      return `min_u32(${text}, 255)`;
    default:
      return text;
  }
}

// ---- expressions ---------------------------------------------------------------------------------------------------

function printExpr(expr: Expr, context: Context): string {
  const print = (part: Expr): string => printExpr(part, context);
  switch (expr.kind) {
    case "const":
      return printConst(expr.value, expr.type);
    case "name":
      return elementOf(expr.name, expr.at, context);
    case "loop":
      return context.names.of(expr.loop.name);
    case "ranged":
      return print(expr.value);
    case "sum": {
      const terms = expr.terms.map(({ factor, index }) => `${factor} * ${print(index)}`);
      return `(${[...terms, expr.offset].join(" + ")})`;
    }
    case "floorDiv":
      return expr.index.min >= 0
        ? `(${print(expr.index)} / ${expr.by})`
        : `floor_div(${print(expr.index)}, ${expr.by})`;
    case "mod":
      return expr.index.min >= 0
        ? `(${print(expr.index)} % ${expr.by})`
        : `floor_mod(${print(expr.index)}, ${expr.by})`;
    case "load": {
      const memory = `${context.names.of(expr.buffer)}[${print(expr.at)}]`;
      const element = context.elements.get(expr.buffer);
      const value =
        element === "f16"
          ? `from_half(${memory})`
          : element === "bf16"
            ? `from_bits((uint32_t)${memory} << 16)`
            : `((${cTypes[expr.type]})${memory})`;
      const condition = printBounds(expr.guard?.bounds ?? [], context);
      return expr.guard === undefined || condition === ""
        ? value
        : `(${condition} ? ${value} : ${print(expr.guard.otherwise)})`;
    }
    case "apply": {
      const args = expr.args.map(print);
      const isRoutine = isRoutineFn(expr.fn) && expr.type !== "f64";
      return isRoutine ? `${context.routine(expr)}(${args.join(", ")})` : printFunction(expr, args);
    }
    case "convert":
      return printConvert(print(expr.value), expr.value.type, expr.type);
    case "bitcast": {
      const bits = expr.value.type === "f32" ? `bits_of(${print(expr.value)})` : print(expr.value);
      return expr.type === "f32" ? `from_bits(${bits})` : `((${cTypes[expr.type]})${bits})`;
    }
    default:
      return unreachable(expr);
  }
}

function printConst(value: number, type: ValueType): string {
  if (type === "bool") return value !== 0 ? "true" : "false";
  if (type === "u32") return `${value}u`;
  if (type === "i32") return value === -2147483648 ? "INT32_MIN" : `(${value})`;
  if (Number.isNaN(value)) return `((${cTypes[type]})NAN)`;
  if (!Number.isFinite(value)) return `(${value < 0 ? "-" : ""}(${cTypes[type]})INFINITY)`;
  const text = Object.is(value, -0) ? "-0" : String(value);
  return `((${cTypes[type]})${/[.e]/.test(text) ? text : `${text}.0`})`;
}

/** Casts as `roundTo` of dtype.ts defines them. */
function printConvert(value: string, from: ValueType, to: ValueType): string {
  if (from === to) return value;
  if (to === "bool") return `(${value} != 0)`;
  const isFloat = from === "f32" || from === "f64";
  if (isFloat && (to === "i32" || to === "u32")) return `to_${to}(${value})`;
  if (from === "i32" && to === "u32") return `((uint32_t)max_i32(${value}, 0))`;
  if (from === "u32" && to === "i32") return `((int32_t)min_u32(${value}, INT32_MAX))`;
  return `((${cTypes[to]})${value})`;
}

function elementOf(name: string, at: readonly Expr[], context: Context): string {
  return context.names.of(name) + at.map((index) => `[${printExpr(index, context)}]`).join("");
}

function printBounds(bounds: readonly Bound[], context: Context): string {
  const conditions = bounds.flatMap(({ index, extent }) => {
    const text = printExpr(index, context);
    return [...(index.min < 0 ? [`${text} >= 0`] : []), ...(index.max >= extent ? [`${text} < ${extent}`] : [])];
  });
  return conditions.join(" && ");
}
