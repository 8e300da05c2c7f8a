/**
 * What is read of a CSV file: which columns, as numbers, texts or words of a list, and where they go in an element.
 */
import { DataError, UserError } from "../../core/errors.ts";
import { checkedLater, didYouMean, either, list, number, type OptionTable, oneOf, show, text } from "../../core/options.ts"; // biome-ignore format: names
import type { Layout, Leaf } from "../pipeline/layout.ts";

/** A column of numbers, of texts, or of these words, each of which is its place in the list. */
export type CsvColumn = "number" | "text" | readonly string[];

export interface CsvOptions {
  /** The column that is y; x are the features then. */
  readonly label?: string;
  /** With a label: the columns that are x, in this order. All others by default. */
  readonly features?: readonly string[];
  /** What columns are: numbers by default. Without a label these are the columns that are read; all by default. */
  readonly columns?: Readonly<Record<string, CsvColumn>>;
  /** Names of the columns, for a file without a header. */
  readonly names?: readonly string[];
  /** One character. "," by default. */
  readonly delimiter?: string;
  /** What a missing value is: an error (the default), a reason to leave the row out ("skip"), or a number. */
  readonly missing?: "error" | "skip" | number;
  /** How a missing value is written. Nothing at all by default. */
  readonly missingWords?: readonly string[];
}

const oneCharacter = { wanted: "one character", accepts: (value: unknown): value is string => typeof value === "string" && /^[ -~\t]$/.test(value) && value !== '"' }; // biome-ignore format: short

export const csvTable: OptionTable<CsvOptions> = {
  label: text,
  features: list(text),
  columns: checkedLater('an object of "number", "text" or a list of words by name'),
  names: list(text),
  delimiter: oneCharacter,
  missing: either(oneOf("error", "skip"), {
    ...number(),
    accepts: (value): value is number => typeof value === "number",
  }),
  missingWords: list(text),
};

/** One column of the file. */
export interface PlannedColumn {
  readonly name: string;
  readonly kind: "number" | "text" | "words" | "unused";
  /** The words' numbers. */
  readonly words: ReadonlyMap<string, number>;
  /** Where it goes: which column of the table, and which number of its rows. */
  readonly column: number;
  readonly offset: number;
}

export interface CsvPlan {
  readonly columns: readonly PlannedColumn[];
  readonly layout: Layout;
  readonly missing: "error" | "skip" | number;
  readonly missingWords: ReadonlySet<string>;
  readonly delimiter: string;
}

/** `names` are those of the file. */
export function planCsv(path: string, names: readonly string[], options: CsvOptions): CsvPlan {
  checkNames(path, names, options);
  const { label, columns = {}, missing = "error", missingWords = [""], delimiter = "," } = options;
  const wanted = (name: string): CsvColumn => (Object.hasOwn(columns, name) ? (columns[name] ?? "number") : "number");
  for (const name of [...Object.keys(columns), ...(options.features ?? []), ...(label === undefined ? [] : [label])]) {
    if (!names.includes(name)) throw new UserError(`${path} has no column ${show(name)}${didYouMean(name, names)} (it has: ${names.join(", ")})`); // biome-ignore format: short
  }
  const read = label === undefined ? (options.columns === undefined ? names : Object.keys(columns)) : [];
  const features = options.features ?? names.filter((name) => name !== label);
  const leaf = (kind: Leaf["kind"], width: number, like: Leaf["like"], column: number, path: string): Leaf => ({ kind, width, like, column, path }); // biome-ignore format: short
  const place = new Map<string, readonly [column: number, offset: number]>();
  let layout: Layout;
  if (label === undefined) {
    const fields = read.map((name, i) => {
      place.set(name, [i, 0]);
      const isText = wanted(name) === "text";
      return [name, leaf(isText ? "text" : "number", 1, isText ? [] : new Float64Array(), i, name)] as const;
    });
    layout = { kind: "fields", fields };
  } else {
    for (const [i, name] of features.entries()) place.set(name, [0, i]);
    place.set(label, [1, 0]);
    const odd = [...place.keys()].find((name) => wanted(name) === "text");
    if (odd !== undefined) throw new UserError(`csv: the column ${show(odd)} is text, and x and y are numbers: give its words, columns: { ${odd}: ["...", "..."] }`); // biome-ignore format: short
    const x = leaf("array", features.length, new Float32Array(), 0, "x");
    layout = { kind: "fields", fields: [["x", x], ["y", leaf("number", 1, new Float64Array(), 1, "y")]] }; // biome-ignore format: short
  }
  const planned = names.map((name): PlannedColumn => {
    const [column, offset] = place.get(name) ?? [-1, 0];
    const kind = wanted(name);
    if (column < 0) return { name, kind: "unused", words: new Map(), column, offset };
    if (kind === "number" || kind === "text") return { name, kind, words: new Map(), column, offset };
    return { name, kind: "words", words: new Map(kind.map((word, i) => [word, i])), column, offset };
  });
  return { columns: planned, layout, missing, missingWords: new Set(missingWords), delimiter };
}

function checkNames(path: string, names: readonly string[], { label, features, columns }: CsvOptions): void {
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw new DataError(`${path}: the header has ${show(twice)} twice`);
  for (const [name, kind] of Object.entries(columns ?? {})) {
    if (kind === "number" || kind === "text") continue;
    if (Array.isArray(kind) && kind.every((word) => typeof word === "string")) continue;
    throw new UserError(`csv: columns.${name} must be "number", "text" or a list of words, not ${show(kind)}`);
  }
  if (features !== undefined && label === undefined)
    throw new UserError("csv: features needs a label: x are the features, y is the label");
  if (features !== undefined && (features.includes(label ?? "") || new Set(features).size !== features.length)) {
    throw new UserError("csv: features has the label, or a column twice");
  }
  const all = features === undefined && (label !== undefined || columns === undefined);
  const nameless = names.indexOf("");
  if (all && nameless >= 0) {
    throw new DataError(`${path}: column ${nameless + 1} of the header has no name (an index, perhaps): say which columns to read, by features or columns`); // biome-ignore format: short
  }
  if (!all || names.length >= (label === undefined ? 1 : 2)) return;
  const other = /[;\t|]/.exec(names[0] ?? "")?.[0];
  const hint = other === undefined ? "" : `: where ${show(other)} stands between fields give delimiter: ${show(other)}`;
  throw new DataError(`${path}: the header has ${names.length === 1 ? `one column, ${show(names[0])}${hint}` : "no columns"}`); // biome-ignore format: short
}
