/**
 * Statements in WGSL. Blocks become blocks.
 */

import { CompilerBug, unreachable } from "../../src/core/errors.ts";
import type { LoopVar, Stmt } from "../../src/kernel/kernel.ts";
import { elements } from "../arrays.ts";
import type { Context } from "./expr.ts";
import { bitsOf, boundsText, elementName, exprText, indexText, namedIndex, typeText, variableText } from "./expr.ts";
import { elementsPerWord, packedStore } from "./layout.ts";
import { printMatrix } from "./matrix-text.ts";
import { exchangeText } from "./subgroup-text.ts";
import type { StoreStmt } from "./wide.ts";
import { printWideLoad, printWideStore } from "./wide-text.ts";

export function printStmts(stmts: readonly Stmt[], context: Context): void {
  const loads = context.wide.blocks.get(stmts)?.loads ?? [];
  const drops = new Map<number, () => void>();
  for (const [n, stmt] of stmts.entries()) {
    for (const load of loads) {
      if (load.first !== n) continue;
      const [drop, before] = [printWideLoad(load, context), drops.get(load.last)];
      drops.set(load.last, () => {
        drop();
        before?.();
      });
    }
    printStmt(stmt, stmts, context);
    drops.get(n)?.();
  }
}

function printStmt(stmt: Stmt, among: readonly Stmt[], context: Context): void {
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
      printStore(stmt, among, context);
      return;
    case "if": {
      const condition = exprText(stmt.condition, context);
      writer.block(`if (${condition}) {`, () => printStmts(stmt.body, context));
      return;
    }
    case "fold":
      throw new CompilerBug("wgsl: folds are expanded before they are printed");
    case "matrix":
      printMatrix(stmt.product, context);
      return;
    case "barrier":
      writer.line(stmt.of === "shared" ? "workgroupBarrier();" : "storageBarrier();");
      return;
    case "exchange": {
      const value = exprText(stmt.value, context);
      writer.line(`let ${names.declare(stmt.name)}: ${typeText(stmt.value.type)} = ${exchangeText(stmt, value)};`);
      return;
    }
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

function printStore(stmt: StoreStmt, among: readonly Stmt[], context: Context): void {
  const { writer } = context;
  const value = exprText(stmt.value, context);
  const wide = context.wide.blocks.get(among)?.stores.get(stmt);
  if (wide !== undefined) {
    printWideStore(stmt, value, wide, context);
    return;
  }
  const condition = boundsText(stmt.guard, context);
  const write = (): void => printElementStore(stmt, value, context);
  if (condition === "") write();
  else writer.block(`if (${condition}) {`, write);
}

function printElementStore(stmt: StoreStmt, value: string, context: Context): void {
  const { writer, names, helpers } = context;
  const array = names.of(stmt.buffer);
  const stored = context.arrays.get(stmt.buffer);
  if (stored === undefined || elementsPerWord(stored.element) === 1) {
    const bits = stored === undefined ? value : bitsOf(stored.element, value, helpers);
    writer.line(`${array}[${indexText(stmt.at, context)}] = ${bits};`);
    return;
  }
  const at = namedIndex(stmt.at, context);
  const bits = names.fresh("bits");
  writer.line(`let ${bits}: u32 = ${bitsOf(stored.element, value, helpers)};`);
  for (const line of packedStore(stored, array, at, bits)) writer.line(line);
}
