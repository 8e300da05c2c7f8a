/**
 * Statements in WGSL. Blocks become blocks.
 */
import { type DType, isShort, type ShortFloat } from "../../src/core/dtype.ts";
import { CompilerBug, unreachable } from "../../src/core/errors.ts";
import type { LoopVar, Stmt } from "../../src/kernel/kernel.ts";
import { elements } from "../arrays.ts";
import type { Context } from "./expr.ts";
import { boundsText, elementName, exprText, indexText, namedIndex, typeText, variableText } from "./expr.ts";
import type { Helper } from "./helpers.ts";
import { elementsPerWord, packedStore } from "./layout.ts";

export function printStmts(stmts: readonly Stmt[], context: Context): void {
  for (const stmt of stmts) printStmt(stmt, context);
}

function printStmt(stmt: Stmt, context: Context): void {
  const { writer, names } = context;
  switch (stmt.kind) {
    case "for":
      printFor(stmt.loop, stmt.mark, context, () => printStmts(stmt.body, context));
      return;
    case "let": {
      const value = exprText(stmt.value, context);
      writer.line(`let ${names.declare(stmt.name)}: ${typeText(stmt.value.type)} = ${value};`);
      return;
    }
    case "var":
      printVar(stmt, context);
      return;
    case "assign": {
      const value = exprText(stmt.value, context);
      writer.line(`${variableText(stmt.name, stmt.at, context)} = ${value};`);
      return;
    }
    case "store":
      printStore(stmt, context);
      return;
    case "if": {
      const condition = exprText(stmt.condition, context);
      writer.block(`if (${condition}) {`, () => printStmts(stmt.body, context));
      return;
    }
    case "fold":
      throw new CompilerBug("wgsl: folds are expanded before they are printed");
    case "barrier":
      writer.line("workgroupBarrier();");
      return;
    default:
      unreachable(stmt);
  }
}

function printFor(loop: LoopVar, mark: string, { writer, names }: Context, body: () => void): void {
  if (mark === "lane") throw new CompilerBug("wgsl has no lane loops: the schedule must not make any");
  const name = names.declare(loop.name);
  writer.block(`for (var ${name}: i32 = 0; ${name} < ${loop.extent}; ${name} += 1) {`, body);
}

function printVar(stmt: Stmt & { readonly kind: "var" }, context: Context): void {
  const { writer, names } = context;
  const init = exprText(stmt.init, context);
  const scalar = typeText(stmt.type);
  if (!context.indexed.has(stmt.name)) {
    for (const at of elements(stmt.shape)) {
      const element = names.declare(elementName(stmt.name, at), [stmt.name, ...at].join("_"));
      writer.line(`var ${element}: ${scalar} = ${init};`);
    }
    return;
  }
  const name = names.declare(stmt.name);
  const type = stmt.shape.reduceRight((inner, size) => `array<${inner}, ${size}>`, scalar);
  writer.line(`var ${name}: ${type};`);
  if (stmt.init.kind === "const" && Object.is(stmt.init.value, 0)) return;
  const start = names.fresh("start");
  writer.line(`let ${start}: ${scalar} = ${init};`);
  const fill = (axis: number, element: string): void => {
    const size = stmt.shape[axis];
    if (size === undefined) {
      writer.line(`${element} = ${start};`);
      return;
    }
    const n = names.fresh("n");
    writer.block(`for (var ${n}: i32 = 0; ${n} < ${size}; ${n} += 1) {`, () => fill(axis + 1, `${element}[${n}]`));
  };
  fill(0, name);
}

function printStore(stmt: Stmt & { readonly kind: "store" }, context: Context): void {
  const { writer } = context;
  const value = exprText(stmt.value, context);
  const condition = boundsText(stmt.guard, context);
  const write = (): void => printElementStore(stmt, value, context);
  if (condition === "") write();
  else writer.block(`if (${condition}) {`, write);
}

function printElementStore(stmt: Stmt & { readonly kind: "store" }, value: string, context: Context): void {
  const { writer, names, helpers } = context;
  const array = names.of(stmt.buffer);
  const buffer = context.buffers.get(stmt.buffer);
  if (buffer === undefined || (elementsPerWord(buffer.element) === 1 && buffer.element !== "bool")) {
    writer.line(`${array}[${indexText(stmt.at, context)}] = ${value};`);
    return;
  }
  if (buffer.element === "bool") {
    writer.line(`${array}[${indexText(stmt.at, context)}] = select(0u, 1u, ${value});`);
    return;
  }
  const at = namedIndex(stmt.at, context);
  const bits = names.fresh("bits");
  writer.line(`let ${bits}: u32 = ${packedBits(buffer.element, value, helpers)};`);
  for (const line of packedStore(buffer, array, at, bits)) writer.line(line);
}

/** The bits of an element that shares its word. */
function packedBits(element: DType, value: string, helpers: Set<Helper>): string {
  if (!isShort(element)) return `min(${value}, 255u)`;
  const helper = toBits[element];
  helpers.add(helper);
  return `${helper}(${value})`;
}

const toBits = { f16: "tl_to_half", bf16: "tl_to_brain" } as const satisfies Record<ShortFloat, Helper>;
