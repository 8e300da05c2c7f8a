/**
 * Schemas: the options of a layer, an optimizer or a regularizer as one table, from which everything else about them follows.
 *
 *   const fields = { rate: required(number({ from: 0, below: 1 })), name: option(text) };
 *
 *   OptionsOf      the type of what is given           checkFields   refuses what is wrong, with the user's line
 *   ValuesOf       the type of what holds              valuesOf      what is given, and defaults where nothing is
 *   writeFields    the values as a config, for files   readFields    what a config gives
 *
 * A field is a kind of value (core/options.ts), what holds where it is not given, and how it stands in a file. JSON stands there
 * as it is; a kind of what is none (an initializer, layers) is `Stored`: it knows its form.
 */
import { DataError, UserError } from "../core/errors.ts";
import { checkByName, type Kind, type OptionsPlace } from "../core/options.ts";
import { atLine, here } from "../core/origin.ts";
import { type Config, type ConfigReader, type ConfigRecord, compactConfig, required as present } from "./config.ts";
import type { Layer } from "./layers/layer.ts";

/** Readers for what has layers inside: they know all that there are, so they are handed in. */
export interface Nested {
  layer(from: ConfigReader): Layer;
}

/** How a value stands in a config. */
interface Form<T> {
  write(value: T): Config;
  read(from: ConfigReader, nested: Nested): T;
}

/** A kind of value that is no JSON. */
export interface Stored<T> extends Kind<T>, Form<T> {}

/** One option. `Absent` is what holds where it is not given: never, where it must be. */
export interface Field<T, Absent = T> extends Form<T> {
  readonly kind: Pick<Kind<unknown>, "wanted" | "words"> & { accepts(value: unknown): value is T };
  readonly isRequired: boolean;
  readonly fallback?: Absent;
}

/** Options by name, in the order in which they are written. */
export type Fields = Readonly<Record<string, Field<unknown, unknown>>>;

/** What a user may give. */
export type OptionsOf<F extends Fields> = {
  readonly [K in keyof F]?: F[K] extends Field<infer T, infer _> ? T : never;
};

/** What holds: what was given, or the default. */
export type ValuesOf<F extends Fields> = {
  readonly [K in keyof F]: F[K] extends Field<infer T, infer Absent> ? T | Absent : never;
};

// ---- fields --------------------------------------------------------------------------------------------------------

/** An option that must be given. */
export function required<T extends Config>(kind: Kind<T>): Field<T, never>;
export function required<T>(kind: Stored<T>): Field<T, never>;
export function required<T extends Config>(kind: Kind<T> | Stored<T>): Field<T, never> {
  return { kind, isRequired: true, ...formOf(kind) };
}

/** An option that may be left out, with its default: without one it is undefined then. */
export function option<T extends Config>(kind: Kind<T>): Field<T, undefined>;
export function option<T extends Config>(kind: Kind<T>, fallback: NoInfer<T>): Field<T>;
export function option<T>(kind: Stored<T>): Field<T, undefined>;
export function option<T>(kind: Stored<T>, fallback: NoInfer<T>): Field<T>;
export function option<T extends Config>(kind: Kind<T> | Stored<T>, fallback?: T): Field<T, T | undefined> {
  return { kind, isRequired: false, ...formOf(kind), ...(fallback === undefined ? {} : { fallback }) };
}

function formOf<T extends Config>(kind: Kind<T> | Stored<T>): Form<T> {
  if ("write" in kind) return { write: kind.write, read: kind.read };
  return { write: (value) => value, read: (from) => from.value(kind) };
}

// ---- what follows from them ----------------------------------------------------------------------------------------

/** A UserError where a name is none of the fields, a value not of its kind, or one that must be given is missing. */
export function checkFields(call: string, given: object | undefined, fields: Fields, place?: OptionsPlace): void {
  const kinds = Object.entries(fields).map(([name, { kind }]) => [name, kind] as const);
  checkByName(call, given, Object.fromEntries(kinds), place);
  const values = new Map<string, unknown>(Object.entries(given ?? {}));
  for (const [name, { isRequired, kind }] of Object.entries(fields)) {
    if (!isRequired || values.get(name) !== undefined) continue;
    throw new UserError(`${call}: ${name} is missing: it must be ${kind.wanted}${atLine(place?.origin ?? here(call))}`);
  }
}

/** What was given, which is checked, and defaults for the rest. */
export function valuesOf<F extends Fields>(fields: F, given: OptionsOf<F> | undefined): ValuesOf<F> {
  const values = new Map<string, unknown>(Object.entries(given ?? {}));
  const filled = Object.entries(fields).map(([name, { fallback }]) => [name, values.get(name) ?? fallback]);
  return Object.fromEntries(filled) as ValuesOf<F>; // each field's kind accepted its value
}

export function writeFields(fields: Fields, given: object): ConfigRecord {
  const values = new Map<string, unknown>(Object.entries(given));
  const written = Object.entries(fields).map(([name, field]) => {
    const value = values.get(name);
    return [name, value === undefined ? undefined : field.write(value)] as const;
  });
  return compactConfig(Object.fromEntries(written));
}

/** What a config gives for the fields; it has nothing else but `besides`. */
export function readFields<F extends Fields>(
  fields: F,
  config: ConfigReader,
  nested: Nested,
  ...besides: readonly string[]
): OptionsOf<F> {
  return readParts(fields, config, config.fields(...besides, ...Object.keys(fields)), nested);
}

/** The same from parts that have been found already, `config` or somewhere in it. */
export function readParts<F extends Fields>(
  fields: F,
  config: ConfigReader,
  parts: Readonly<Record<string, ConfigReader | undefined>>,
  nested: Nested,
): OptionsOf<F> {
  const found = Object.entries(fields).flatMap(([name, { isRequired, read }]) => {
    const part = isRequired ? present(parts[name], config, name) : parts[name];
    return part === undefined ? [] : [[name, read(part, nested)] as const];
  });
  return Object.fromEntries(found) as OptionsOf<F>; // each field's kind read its value
}

/** The schema that the kind of a config names. `what` is for the DataError: "layer". */
export function schemaOf<S>(known: Readonly<Record<string, S>>, config: ConfigReader, what: string): S {
  const kind = config.kind();
  if (kind === "code") throw codeError(config, what);
  const found = Object.hasOwn(known, kind) ? known[kind] : undefined;
  if (found !== undefined) return found;
  const article = /^[aeiou]/.test(what) ? "an" : "a";
  throw config.error(`${article} ${what} (${Object.keys(known).join(", ")})`, JSON.stringify(kind));
}

/** A function cannot be read from a file. */
function codeError(config: ConfigReader, what: string): DataError {
  return new DataError(`${config.path}: this ${what} is code, which no file holds: make it where you have that code`);
}
