/**
 * Configs: descriptions of layers, optimizers and losses as plain JSON, and a strict reader of them.
 *
 *   { "kind": "dense", "units": 10, "activation": "softmax" }
 *
 * What is a function of the user's stands there as `{ "kind": "code", "name": "huber" }`: a file says that it was there, and
 * nobody takes it for something else. The reader knows the path of everything it reads, so an error names the place; a field
 * that it was not asked for is an error too.
 */

import { DataError } from "../core/errors.ts";
import { type Kind, show } from "../core/options.ts";
import { isRecord, recordOf } from "../core/records.ts";

/** JSON. */
export type Config = string | number | boolean | null | readonly Config[] | ConfigRecord;
export interface ConfigRecord {
  readonly [name: string]: Config;
}

/** A function of the user's, in a config. */
export function codeConfig(name: string): ConfigRecord {
  return { kind: "code", name };
}

/** Without the fields that are undefined: JSON has none. */
export function compactConfig(fields: Readonly<Record<string, Config | undefined>>): ConfigRecord {
  const set = Object.entries(fields).filter((field): field is [string, Config] => field[1] !== undefined);
  return Object.fromEntries(set);
}

/** Where in a config code stands, in words: `model.layers.2.initializer (mine)`. */
export function codeIn(config: unknown, path: string, depth = 0): readonly string[] {
  if (typeof config !== "object" || config === null || depth > maxDepth) return []; // a reader refuses what is deeper
  if (isRecord(config)) {
    const { kind, name } = config;
    if (kind === "code") return [typeof name === "string" && name !== "" ? `${path} (${name})` : path];
  }
  return Object.entries(config).flatMap(([name, part]) => codeIn(part, `${path}.${name}`, depth + 1));
}

/** Configs nest no deeper: whoever writes more by hand has made a mistake, or means harm. */
const maxDepth = 32;

/** One value of a config, and where it stands. All methods throw a DataError. */
export class ConfigReader {
  readonly path: string;
  readonly #value: unknown;
  readonly #depth: number;

  constructor(value: unknown, path: string, depth = 0) {
    this.#value = value;
    this.path = path;
    this.#depth = depth;
    if (depth > maxDepth) throw new DataError(`${path}: nested deeper than ${maxDepth} levels`);
  }

  get isRecord(): boolean {
    return isRecord(this.#value);
  }

  get isText(): boolean {
    return typeof this.#value === "string";
  }

  /** The fields of an object, each known by name; those that are not there are undefined. */
  fields<const Names extends readonly string[]>(
    ...names: Names
  ): Readonly<Partial<Record<Names[number], ConfigReader>>> {
    const record = this.#record();
    const extra = Object.keys(record).find((name) => !names.includes(name));
    if (extra !== undefined) throw this.error(`only ${names.join(", ")}`, JSON.stringify(extra));
    const found: readonly Names[number][] = names.filter((name) => Object.hasOwn(record, name));
    return recordOf(found, (name) => this.#part(record[name], name));
  }

  /** The field "kind" of an object. */
  kind(): string {
    const record = this.#record();
    return this.#part(Object.hasOwn(record, "kind") ? record.kind : undefined, "kind").text();
  }

  /** All fields of an object whose names are anybody's. */
  entries(): readonly (readonly [string, ConfigReader])[] {
    return Object.entries(this.#record()).map(([name, part]) => [name, this.#part(part, name)]);
  }

  list(most: number): readonly ConfigReader[] {
    if (!Array.isArray(this.#value)) throw this.error("a list", this.#found());
    if (this.#value.length > most) throw this.error(`at most ${most} members`, String(this.#value.length));
    return this.#value.map((part, i) => this.#part(part, i));
  }

  /** The value itself, where it is of this kind. */
  value<T>(kind: Kind<T>): T {
    const value = this.#value;
    if (kind.accepts(value)) return value;
    throw this.error(kind.wanted, this.#found());
  }

  text(): string {
    if (typeof this.#value !== "string") throw this.error("a text", this.#found());
    return this.#value;
  }

  boolean(): boolean {
    if (typeof this.#value !== "boolean") throw this.error("true or false", this.#found());
    return this.#value;
  }

  number(): number {
    if (typeof this.#value !== "number" || !Number.isFinite(this.#value)) throw this.error("a number", this.#found());
    return this.#value;
  }

  whole(least: number): number {
    const value = this.number();
    if (!Number.isSafeInteger(value) || value < least) throw this.error(`a whole number from ${least}`, String(value));
    return value;
  }

  oneOf<const T extends string>(known: readonly T[]): T {
    const text = this.text();
    const found = known.find((name) => name === text);
    if (found === undefined) throw this.error(`one of ${known.join(", ")}`, this.#found());
    return found;
  }

  error(expected: string, found: string): DataError {
    return new DataError(`${this.path}: expected ${expected}, found ${found}`);
  }

  #record(): Readonly<Record<string, unknown>> {
    if (isRecord(this.#value)) return this.#value;
    throw this.error("an object", this.#found());
  }

  #part(value: unknown, name: string | number): ConfigReader {
    return new ConfigReader(value, `${this.path}.${name}`, this.#depth + 1);
  }

  #found(): string {
    const value = this.#value;
    if (Array.isArray(value)) return "a list";
    if (value === undefined) return "nothing";
    if (typeof value === "object" && value !== null) return "an object";
    return show(value);
  }
}

/** A field that must be there. */
export function required(field: ConfigReader | undefined, parent: ConfigReader, name: string): ConfigReader {
  if (field !== undefined) return field;
  throw parent.error(`the field ${JSON.stringify(name)}`, "none");
}
