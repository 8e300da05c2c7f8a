/**
 * Accesses of several elements (wide.ts) as text.
 *
 *   var x_wide: vec4<f32>;                         let y_0: f32 = ...;  where each store stands
 *   if (i < 127) { x_wide = x[i]; }                y[i] = vec4<f32>(y_0, y_1, y_2, y_3);  where the last one does
 */
import { CompilerBug } from "../../src/core/errors.ts";
import { constantLike } from "../../src/kernel/build.ts";
import type { Expr } from "../../src/kernel/kernel.ts";
import type { Context } from "./expr.ts";
import { bitsOf, boundsText, exprText, indexText } from "./expr.ts";
import { accessType, joinedText, laneText, type Stored } from "./layout.ts";
import type { StoreStmt, WideLoad, WideStore } from "./wide.ts";

/** Loads, and gives the elements their names; what is given back takes them away. */
export function printWideLoad(load: WideLoad, context: Context): () => void {
  const { writer, names, held } = context;
  const stored = storedOf(load.array, context);
  const type = accessType(stored);
  const place = `${names.of(load.array)}[${indexText(load.at, context)}]`;
  const condition = load.guard === undefined ? "" : boundsText(load.guard.bounds, context);
  const otherwise = load.guard === undefined ? "" : elsewhere(stored, load.guard.otherwise, context);
  const name = names.fresh(`${load.array}_wide`);
  if (condition === "") writer.line(`let ${name}: ${type} = ${place};`);
  else {
    writer.line(`var ${name}: ${type}${otherwise};`);
    writer.block(`if (${condition}) {`, () => writer.line(`${name} = ${place};`));
  }
  const before = new Map<Expr, string | undefined>();
  for (const [member, lane] of load.members) {
    before.set(member, held.get(member));
    const text = laneText(stored, name, lane);
    held.set(member, stored.element === "bool" ? `(${text} != 0u)` : text);
  }
  return () => {
    for (const [member, text] of before) {
      if (text === undefined) held.delete(member);
      else held.set(member, text);
    }
  };
}

/** Variables start as 0. */
function elsewhere(stored: Stored, otherwise: Expr, context: Context): string {
  if (otherwise === constantLike(otherwise, 0)) return "";
  const text = bitsOf(stored.element, exprText(otherwise, context), context.helpers);
  const lanes = Array.from({ length: stored.lanes ?? 1 }, () => text);
  return ` = ${joinedText(stored, lanes)}`;
}

/** Names the value of one store, and stores all where this is the last. */
export function printWideStore(stmt: StoreStmt, value: string, wide: WideStore, context: Context): void {
  const { writer, names, stores } = context;
  const stored = storedOf(wide.array, context);
  const name = names.fresh(wide.array);
  const bits = bitsOf(stored.element, value, context.helpers);
  const type = stored.element === "f32" || stored.element === "i32" ? stored.element : "u32";
  writer.line(`let ${name}: ${type} = ${bits};`);
  stores.set(stmt, name);
  if (stmt !== wide.last) return;
  const lanes = [...wide.members].sort(([a], [b]) => a - b).map(([, member]) => stores.get(member) ?? "");
  const write = (): void =>
    writer.line(`${names.of(wide.array)}[${indexText(wide.at, context)}] = ${joinedText(stored, lanes)};`);
  const condition = boundsText(wide.guard, context);
  if (condition === "") write();
  else writer.block(`if (${condition}) {`, write);
}

function storedOf(array: string, { arrays }: Context): Stored {
  const stored = arrays.get(array);
  if (stored === undefined) throw new CompilerBug(`wgsl: there is no array ${array}`);
  return stored;
}
