/**
 * CSV files as datasets: read in blocks, so a file may be larger than memory. Node only.
 *
 *   datasets.csv("houses.csv", { label: "price" })                              { x: all other columns, y: the price }
 *   datasets.csv("iris.csv", { label: "species", columns: { species: ["setosa", "versicolor", "virginica"] } })
 *   datasets.csv("reviews.csv", { columns: { text: "text", stars: "number" } })  { text: "...", stars: 5 }
 *
 * Files are UTF-8, with or without a mark at the beginning; lines end in LF or CRLF; quotes are those of RFC 4180. What is no number
 * where one is wanted, a row that is longer or shorter than the header, a name twice: errors that name file, row and column.
 */
import { DataError } from "../../core/errors.ts";
import { checkArguments, checkOptions, checkValue, text } from "../../core/options.ts";
import { here, type Origin, withLine } from "../../core/origin.ts";
import { Cursor, type MaybePromise } from "../pipeline/cursor.ts";
import { Dataset } from "../pipeline/dataset.ts";
import type { Table } from "../pipeline/table.ts";
import { LineBlocks } from "./blocks.ts";
import { type CsvColumn, type CsvOptions, csvTable, planCsv } from "./csv-plan.ts";
import { CsvRows, lastRecordEnd, withoutLine } from "./csv-rows.ts";

/** A row's features and its label. */
export interface Labelled {
  readonly x: Float32Array;
  readonly y: number;
}

/** A row by the names of its columns. */
export type CsvRow<C> = { readonly [K in keyof C]: C[K] extends "text" ? string : number };

/** The rows of a CSV file. */
export function csv(path: string, options: CsvOptions & { readonly label: string }): Dataset<Labelled>;
export function csv<const C extends Readonly<Record<string, CsvColumn>>>(
  path: string,
  options: CsvOptions & { readonly columns: C },
): Dataset<CsvRow<C>>;
export function csv(path: string, options?: CsvOptions): Dataset<Readonly<Record<string, number>>>;
export function csv(path: string, options: CsvOptions = {}): Dataset<unknown> {
  checkArguments("csv", arguments, 2);
  checkValue("csv", "the path", path, text);
  const checked = checkOptions("csv", options, csvTable, { before: "path, " });
  const origin = here("csv");
  return new Dataset<unknown>({ open: () => new CsvCursor<unknown>(path, checked, origin), size: null });
}

class CsvCursor<T> extends Cursor<T> {
  readonly #path: string;
  readonly #options: CsvOptions;
  /** Of the call that named columns. */
  readonly #origin: Origin;
  readonly #blocks: LineBlocks;
  #rows: CsvRows | null = null;
  #table: Table<T> | null = null;
  #count = 0;
  #row = -1;

  constructor(path: string, options: CsvOptions, origin: Origin) {
    super();
    this.#origin = origin;
    this.#path = path;
    this.#options = options;
    this.#blocks = new LineBlocks(path, lastRecordEnd);
  }

  advance(): MaybePromise<boolean> {
    return ++this.#row < this.#count ? true : this.#readOn();
  }

  async #readOn(): Promise<boolean> {
    for (;;) {
      const block = await this.#blocks.next();
      if (block === null) {
        if (this.#rows === null) throw new DataError(`${this.#path}: the file is empty`);
        await this.#blocks.close();
        return false;
      }
      const lines = this.#rows === null ? await this.#begin(block) : block;
      if (this.#rows === null) continue;
      ({ table: this.#table, count: this.#count } = await this.#rows.table<T>(lines));
      this.#row = 0;
      if (this.#count > 0) return true;
    }
  }

  /** Reads the header; returns what is behind it. */
  async #begin(block: Buffer): Promise<Buffer> {
    const [a, b, c] = block;
    if (a === 0x1f && b === 0x8b) throw new DataError(`${this.#path}: it is a gzip file: unpack it first`);
    if ((a === 0xff && b === 0xfe) || (a === 0xfe && b === 0xff)) {
      throw new DataError(`${this.#path}: it is UTF-16: save it as UTF-8`);
    }
    const start = a === 0xef && b === 0xbb && c === 0xbf ? 3 : 0;
    const { names, delimiter = "," } = this.#options;
    const end = names === undefined ? headerEnd(block, start) : start;
    const found = names ?? (await namesIn(this.#path, block.subarray(start, end), delimiter));
    try {
      this.#rows = new CsvRows(this.#path, planCsv(this.#path, found, this.#options));
    } catch (error) {
      throw withLine(error, this.#origin);
    }
    return block.subarray(end);
  }

  value(): T {
    return this.table.at(this.#row);
  }

  override get table(): Table<T> {
    if (this.#table === null) throw new RangeError("the cursor stands at no element");
    return this.#table;
  }

  override get row(): number {
    return this.#row;
  }

  override close(): Promise<void> {
    return this.#blocks.close();
  }
}

function headerEnd(block: Buffer, start: number): number {
  let isQuoted = false;
  for (let at = start; at < block.length; at++) {
    if (block[at] === 34) isQuoted = !isQuoted;
    else if (block[at] === 10 && !isQuoted) return at + 1;
  }
  return block.length;
}

async function namesIn(path: string, line: Buffer, delimiter: string): Promise<readonly string[]> {
  const header = line.toString("utf8").replace(/\r?\n$/, "");
  // Within quotes it is a part of a name.
  if (/\r(?!\n)/.test(header.replace(/"[^"]*"/g, "")))
    throw new DataError(`${path}: lines end in CR alone, as on an old Mac: save it with LF or CRLF`);
  if (!header.includes('"')) return header.split(delimiter).map((name) => name.trim());
  const { parse } = await import("csv-parse/sync");
  try {
    return parse(header, { delimiter, record_delimiter: ["\r\n", "\n"] })[0] ?? [];
  } catch (error) {
    throw new DataError(`${path}: the header: ${withoutLine(error)}`, { cause: error });
  }
}
