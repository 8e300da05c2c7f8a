/**
 * Objects by the names of their properties: what TypeScript does not know of `Object.keys` and `Object.fromEntries`, asked at run
 * time and so known.
 */
import { CompilerBug } from "./errors.ts";

export type AnyRecord = Readonly<Record<string, unknown>>;

/** An object, no list. */
export function isRecord(value: unknown): value is AnyRecord {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** An object literal, or one without a prototype. */
export function isPlainObject(value: unknown): value is AnyRecord {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** Whether it is the name of one of the object's own properties. */
export function isKeyOf<T extends object>(object: T, name: string): name is keyof T & string {
  return Object.hasOwn(object, name);
}

/** The names of its own properties, of an object that has those of its type and no others: a table in the source. */
export function keysOf<T extends object>(object: T): readonly (keyof T & string)[] {
  return Object.keys(object).filter((name) => isKeyOf(object, name));
}

/** An object with a property for each name. */
export function recordOf<Name extends string, T>(names: readonly Name[], make: (name: Name) => T): Record<Name, T> {
  const made = Object.fromEntries(names.map((name) => [name, make(name)]));
  return hasAll(made, names) ? made : bug(names);
}

function hasAll<Name extends string, T>(
  made: Readonly<Record<string, T>>,
  names: readonly Name[],
): made is Record<Name, T> {
  return names.every((name) => Object.hasOwn(made, name));
}

function bug(names: readonly string[]): never {
  throw new CompilerBug(`no object of ${names.join(", ")}`);
}

/** What is known to be there. */
export function there<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new CompilerBug(`there is no ${what}`);
  return value;
}
