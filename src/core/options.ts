/**
 * Options: what a call may be given by name, checked against a table, so that a name or value that is wrong is said and not
 * passed over.
 *
 *   const table: OptionTable<AdamOptions> = { learningRate: number(), beta1: number({ from: 0, below: 1 }), ... };
 *   const { learningRate = 1e-3 } = checkOptions("adam", given, table);
 *
 * The table has a kind of value for every option of the type, no more, and each kind is of the option's own type: the compiler
 * refuses a table that is not the type's. An option that is undefined was not given, so defaults by destructuring hold.
 */
import { UserError } from "./errors.ts";
import { atLine, here, type Origin } from "./origin.ts";
import { type AnyRecord, isRecord } from "./records.ts";
import { closest } from "./spelling.ts";

/** What values an option may have. `wanted` ends "must be ..." in the message. */
export interface Kind<in out T> {
  readonly wanted: string;
  /** All there are, where those are a few words: a misspelt one is told which was meant. */
  readonly words?: readonly string[];
  accepts(value: unknown): value is T;
}

/** A kind for each option of a type. */
export type OptionTable<O> = { readonly [K in keyof O]-?: Kind<Exclude<O[K], undefined>> };

/** Of those readers that do not care which. */
type AnyTable = Readonly<Record<string, AnyKind>>;
type AnyKind = Pick<Kind<unknown>, "wanted" | "words"> & { accepts(value: unknown): boolean };

// ---- kinds ---------------------------------------------------------------------------------------------------------

interface Bounds {
  readonly from?: number;
  readonly above?: number;
  readonly to?: number;
  readonly below?: number;
}

function within(value: unknown, { from, above, to, below }: Bounds): value is number {
  return (
    typeof value === "number" &&
    Number.isFinite(value) &&
    !(value < (from ?? -Infinity)) &&
    !(value <= (above ?? -Infinity)) &&
    !(value > (to ?? Infinity)) &&
    !(value >= (below ?? Infinity))
  );
}

function inWords(what: string, { from, above, to, below }: Bounds): string {
  const low = from === undefined ? (above === undefined ? "" : ` above ${above}`) : ` from ${from}`;
  const high = to === undefined ? (below === undefined ? "" : ` to below ${below}`) : ` to ${to}`;
  return `${what}${low}${high}`;
}

/** A finite number. */
export function number(bounds: Bounds = {}): Kind<number> {
  const wanted = inWords(
    bounds.from === undefined && bounds.above === undefined ? "a finite number" : "a number",
    bounds,
  );
  return { wanted, accepts: (value): value is number => within(value, bounds) };
}

/** A whole number, exact as a double. */
export function whole(bounds: Bounds = {}): Kind<number> {
  return {
    wanted: inWords("a whole number", bounds),
    accepts: (value): value is number => Number.isSafeInteger(value) && within(value, bounds),
  };
}

/** How many: a whole number from 1. */
export const count: Kind<number> = whole({ from: 1 });

/** What random numbers follow from, in each of its 53 bits. */
export const seed: Kind<number> = whole({ from: 0, to: Number.MAX_SAFE_INTEGER });

export const flag: Kind<boolean> = {
  wanted: "true or false",
  accepts: (value): value is boolean => typeof value === "boolean",
};

export const text: Kind<string> = {
  wanted: "a text",
  accepts: (value): value is string => typeof value === "string",
};

/** One of these words. */
export function oneOf<const T extends string>(...words: readonly T[]): Kind<T> {
  return {
    wanted: `one of ${words.map((word) => JSON.stringify(word)).join(", ")}`,
    words,
    accepts: (value): value is T => words.some((word) => word === value),
  };
}

/** One of the names in a table. */
export function keyOf<T extends object>(table: T): Kind<keyof T & string> {
  const known = oneOf(...Object.keys(table));
  return { ...known, accepts: (value): value is keyof T & string => known.accepts(value) };
}

/** A function; what it gives is for its caller to check. */
export function callable<T extends (...args: never[]) => unknown>(): Kind<T> {
  return { wanted: "a function", accepts: (value): value is T => typeof value === "function" };
}

/** An array whose members are of this kind; typed arrays are none. */
export function list<T>(of: Kind<T>): Kind<readonly T[]> {
  return {
    wanted: `a list, each of it ${of.wanted}`,
    accepts: (value): value is readonly T[] => Array.isArray(value) && value.every((member) => of.accepts(member)),
  };
}

/** One kind or the other. */
export function either<A, B>(a: Kind<A>, b: Kind<B>): Kind<A | B> {
  return {
    wanted: `${a.wanted} or ${b.wanted}`,
    accepts: (value): value is A | B => a.accepts(value) || b.accepts(value),
  };
}

/** An object, no list and no function; what is in it is for somebody else to check. */
export function object<T extends object>(wanted = "an object"): Kind<T> {
  return { wanted, accepts: (value): value is T => isObject(value) };
}

/** Anything but null: the value is checked where it is used, by what knows more of it. */
export function checkedLater<T>(wanted = "given or left out"): Kind<T> {
  return { wanted, accepts: (value): value is T => value !== null };
}

function isObject(value: unknown): value is AnyRecord {
  return isRecord(value) && !ArrayBuffer.isView(value);
}

// ---- the check -----------------------------------------------------------------------------------------------------

/** Where the options stand, for messages. */
export interface OptionsPlace {
  /** What comes before them in the call: "a, " in `sum(a, { axis: 1 })`. */
  readonly before?: string;
  /** The call in progress; needed where the user's frame is no more on the stack. */
  readonly origin?: Origin;
}

/**
 * The options as they were given, when every name is in the table and every value of its kind; `{}` when there are none.
 * Otherwise a UserError that names the call, what is wrong, what was meant, and the user's line.
 */
export function checkOptions<O extends object>(
  call: string,
  given: object | undefined,
  table: OptionTable<O>,
  place: OptionsPlace = {},
): Partial<O> {
  if (given === undefined) return {};
  checkByName(call, given, table as unknown as AnyTable, place);
  return given as Partial<O>; // the table's kinds are of its options' types
}

/** The same for options whose types are not known: a UserError, or nothing. */
export function checkByName(call: string, given: object | undefined, kinds: AnyTable, place: OptionsPlace = {}): void {
  if (given === undefined) return;
  const problem = problemOf(call, given, kinds, place.before ?? "");
  if (problem !== null) throw new UserError(`${problem}${atLine(place.origin ?? here(call))}`);
}

/** What is wrong with options, or null. `executable.run` comes by at every step, so it allocates nothing. */
function problemOf(call: string, given: object, kinds: AnyTable, before: string): string | null {
  if (!isObject(given)) return notOptions(call, given, kinds, before);
  for (const name in given) {
    if (Object.hasOwn(kinds, name) || !Object.hasOwn(given, name)) continue;
    return isPlain(given) ? unknownOption(call, name, Object.keys(kinds)) : notOptions(call, given, kinds, before);
  }
  for (const name in kinds) {
    const value = given[name];
    const kind = kinds[name];
    if (value === undefined || kind === undefined || kind.accepts(value)) continue;
    const hint = value === null ? " (leave it out for the default)" : "";
    return `${call}: ${name} must be ${kind.wanted}, not ${show(value)}${guess(kind, value)}${hint}`;
  }
  return null;
}

/** The value, when it is of the kind; otherwise a UserError with the user's line. For what is given by position. */
export function checkValue<T>(call: string, name: string, value: unknown, kind: Kind<T>, origin?: Origin): T {
  if (kind.accepts(value)) return value;
  const found = `${show(value)}${guess(kind, value)}`;
  throw new UserError(`${call}: ${name} must be ${kind.wanted}, not ${found}${atLine(origin ?? here(call))}`);
}

/**
 * A call with more arguments than the function takes: they would be passed over, options and flags of another library among
 * them. What `map` and `reduce` of a list add, an index and the list, is meant for nobody. `given` are the call's `arguments`.
 */
export function checkArguments(call: string, given: ArrayLike<unknown>, most: number): void {
  if (given.length <= most) return;
  const extra = given[most];
  if (given.length === most + 2 && typeof extra === "number" && Array.isArray(given[most + 1])) return;
  if (Array.from(given).every((value, i) => i < most || value === undefined)) return;
  const takes = most === 0 ? "no arguments" : most === 1 ? "one argument" : `${most} arguments`;
  throw new UserError(`${call} takes ${takes}, and ${show(extra)} is one more${atLine(here(call))}`);
}

function guess({ words }: Pick<AnyKind, "words">, value: unknown): string {
  return words === undefined || typeof value !== "string" ? "" : didYouMean(value, words);
}

/** "there is no option ..., did you mean ...", without the line. */
function unknownOption(call: string, name: string, known: readonly string[]): string {
  const all = known.length === 0 ? "it takes none" : `there are: ${known.join(", ")}`;
  return `${call}: there is no option ${JSON.stringify(name)}${didYouMean(name, known)} (${all})`;
}

/** `; did you mean "axis"?`, or nothing where no known name comes near. */
export function didYouMean(name: string, known: readonly string[]): string {
  const meant = closest(name, known);
  return meant === undefined ? "" : `; did you mean ${JSON.stringify(meant)}?`;
}

/** `sum(a, 1)`: the first option that could be meant, as it is written. */
function notOptions(call: string, given: unknown, kinds: AnyTable, before: string): string {
  const accepting = Object.entries(kinds).filter(([, kind]) => isSimple(given) && kind.accepts(given));
  const fitting = accepting.find(([, { words }]) => words !== undefined) ?? accepting[0]; // "relu" is no name
  const name = fitting?.[0] ?? Object.keys(kinds)[0] ?? "";
  const example = `${name}: ${fitting === undefined ? "..." : show(given)}`;
  return `${call} takes options: ${call}(${before}{ ${example} }), not ${show(given)}`;
}

function isSimple(value: unknown): boolean {
  return (typeof value !== "object" && typeof value !== "function") || Array.isArray(value);
}

/** An object literal, of this realm or another. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** What zeros(2, 3) makes, which is neither a tensor nor a state. */
export function isInitializer(value: unknown): boolean {
  return isObject(value) && "shape" in value && typeof value.fill === "function";
}

/** A value as a message names it: short, and never by running the user's code. */
export function show(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.length > 40 ? `${value.slice(0, 37)}...` : value);
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "function") return "a function";
  if (typeof value !== "object" || value === null) return String(value);
  if (Array.isArray(value)) {
    const isShort = (list: readonly unknown[]): boolean =>
      list.length <= 8 && list.every((member) => typeof member !== "object" || member === null);
    const members =
      isShort(value) || (value.length <= 4 && value.every((member) => Array.isArray(member) && isShort(member)));
    return members ? `[${value.map(show).join(", ")}]` : `a list of ${value.length}`;
  }
  if (isInitializer(value)) return "an initializer, as zeros(...) makes them for param and slot";
  const name: unknown = isPlain(value) ? undefined : value.constructor?.name;
  return typeof name === "string" && name !== "" ? `${/^[AEIOU]/.test(name) ? "an" : "a"} ${name}` : "an object";
}
