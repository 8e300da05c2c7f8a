/** The kernel language as tests write it: leaves of one pool, beside the constructors of whatever has operands. */
import { sumIndex as sumOf } from "../src/kernel/index-expr.ts";
import type { Const, Index, LoopVar, Name, ScalarFn, Term, ValueType } from "../src/kernel/kernel.ts";
import { isDefinedFor, isRoutineFn, scalarFns } from "../src/kernel/kernel.ts";
import { newPool } from "../src/kernel/pool.ts";

export * from "../src/kernel/build.ts";
export * from "../src/kernel/index-expr.ts";

export const pool = newPool();

export const constant = (type: ValueType, value: number): Const => pool.constant(type, value);
export const name = (type: ValueType, label: string, at: readonly Index[] = []): Name => pool.name(type, label, at);
export const constIndex = (value: number): Index => pool.integer(value);
export const loopIndex = (loop: LoopVar): Index => pool.loop(loop);
export const sumIndex = (terms: readonly Term[], offset = 0): Index => sumOf(terms, offset, pool);

/** The functions for operands of this type that are no routines: a new one is among them, and so in the tests of every target. */
export function functionsOf(type: ValueType): readonly ScalarFn[] {
  const all = Object.keys(scalarFns) as readonly ScalarFn[];
  return all.filter((fn) => isDefinedFor(fn, type) && !isRoutineFn(fn));
}
