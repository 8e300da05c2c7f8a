/**
 * Lines of a CSV file as rows of a table.
 *
 * Records are read here, number by number, from the bytes: a million rows as texts would cost more than all else. From a record on that is
 * not as RFC 4180 has it, a quote within an unquoted field say, csv-parse reads what is left of the block, and says what is wrong.
 */
import { DataError, messageOf } from "../../core/errors.ts";
import { show } from "../../core/options.ts";
import { type ColumnArray, columnFor, leavesIn } from "../pipeline/layout.ts";
import { Table } from "../pipeline/table.ts";
import { type NumberReader, numberFrom, readNumber } from "./csv-number.ts";
import type { CsvPlan, PlannedColumn } from "./csv-plan.ts";

const quote = 34;
const newline = 10;
const carriageReturn = 13;

/** Where the last record ends: at a newline with an even number of quotes before it. */
export function lastRecordEnd(buffer: Buffer, length: number): number {
  if (!buffer.subarray(0, length).includes(quote)) return buffer.lastIndexOf(newline, length - 1) + 1;
  let end = 0;
  let isQuoted = false;
  for (let at = 0; at < length; at++) {
    const byte = buffer[at];
    if (byte === quote) isQuoted = !isQuoted;
    else if (byte === newline && !isQuoted) end = at + 1;
  }
  return end;
}

/** What csv-parse says. It counts lines from the first that it was given, and CR LF within quotes as two. */
export function withoutLine(error: unknown): string {
  return messageOf(error).replace(/ (?:at|on) line \d+/, "");
}

export class CsvRows {
  readonly #path: string;
  readonly #plan: CsvPlan;
  readonly #reader: NumberReader = { end: 0 };
  /** The numbers of one row, by the file's columns; and its texts. */
  readonly #numbers: Float64Array;
  readonly #texts: string[];
  /** Numbers in a row, by the table's columns. */
  readonly #widths: readonly number[];
  #columns: ColumnArray[] = [];
  #room = 0;
  #count = 0;
  /** Of the block, whether it has any; of the record, whether it is a row. */
  #hasQuotes = false;
  #isKept = true;
  /** Rows of earlier blocks, those left out too. */
  #before = 0;
  /** Rows of this block so far, those left out too. */
  #seen = 0;
  #bytesInRow = 64;

  constructor(path: string, plan: CsvPlan) {
    this.#path = path;
    this.#plan = plan;
    this.#numbers = new Float64Array(plan.columns.length);
    this.#texts = plan.columns.map(() => "");
    this.#widths = leavesIn(plan.layout).map(({ width }) => width);
  }

  /** The rows of a block of whole lines. */
  async table<T>(block: Buffer): Promise<{ readonly table: Table<T>; readonly count: number }> {
    this.#room = Math.ceil(block.length / this.#bytesInRow) + 16;
    this.#columns = leavesIn(this.#plan.layout).map((leaf) => columnFor(leaf, this.#room));
    this.#count = this.#seen = 0;
    const left = this.#readLines(block);
    if (left !== null) for (const record of await this.#records(left)) this.#readRecord(record);
    this.#before += this.#seen;
    this.#bytesInRow = Math.max(1, (0.95 * block.length) / Math.max(1, this.#seen));
    return { table: new Table<T>("block", this.#plan.layout, this.#columns, this.#room), count: this.#count };
  }

  /** Returns what is left from the first record on that is for csv-parse; null where there is none. */
  #readLines(block: Buffer): Buffer | null {
    const delimiter = this.#plan.delimiter.charCodeAt(0);
    this.#hasQuotes = block.includes(quote);
    for (let at = 0; at < block.length; ) {
      if (block[at] === newline || (block[at] === carriageReturn && block[at + 1] === newline)) {
        at += block[at] === newline ? 1 : 2; // an empty line
        continue;
      }
      const next = this.#readLine(block, at, delimiter);
      if (next < 0) return block.subarray(at);
      at = next;
    }
    return null;
  }

  /** One record; returns where the next begins, or a number below 0 where it is for csv-parse. */
  #readLine(block: Buffer, from: number, delimiter: number): number {
    const { columns } = this.#plan;
    const [reader, numbers, last] = [this.#reader, this.#numbers, columns.length - 1];
    let at = from;
    this.#isKept = true;
    for (let c = 0; c <= last; c++) {
      const column = columns[c];
      if (column === undefined) break;
      let end = at;
      if (this.#hasQuotes && block[at] === quote) end = this.#readQuoted(block, at, c);
      else {
        if (column.kind === "number") {
          numbers[c] = readNumber(block, at, reader);
          ({ end } = reader);
        }
        if (end === at || !isEnd(block, end, delimiter)) {
          end = fieldEnd(block, at, delimiter);
          if (this.#hasQuotes && hasQuote(block, at, end)) return -1;
          if (column.kind !== "unused") this.#readText(column, c, block.toString("utf8", at, end));
        }
      }
      if (end < 0 || !isEnd(block, end, delimiter)) return -1;
      const isLast = !(block[end] === delimiter && end < block.length);
      if (isLast !== (c === last)) {
        if (this.#hasQuotes) return -1;
        throw this.#ragged(fieldsIn(block, from, delimiter));
      }
      at = end + 1;
      if (isLast && block[end] === carriageReturn) at++;
    }
    this.#put(this.#isKept);
    return at;
  }

  /** The field of column `c` whose quote is at `from`; returns the place behind its other quote, or a number below 0 where it has none. */
  #readQuoted(block: Buffer, from: number, c: number): number {
    const column = this.#plan.columns[c];
    if (column?.kind === "number") {
      this.#numbers[c] = readNumber(block, from + 1, this.#reader);
      const { end } = this.#reader;
      if (end > from + 1 && block[end] === quote && block[end + 1] !== quote) return end + 1;
    }
    let end = from + 1;
    let isDoubled = false;
    for (; block[end] !== quote || block[end + 1] === quote; end++) {
      if (end >= block.length) return -1;
      if (block[end] !== quote) continue;
      isDoubled = true;
      end++;
    }
    if (column === undefined || column.kind === "unused") return end + 1;
    const text = block.toString("utf8", from + 1, end);
    this.#readText(column, c, isDoubled ? text.replaceAll('""', '"') : text);
    return end + 1;
  }

  #readRecord(record: readonly string[]): void {
    const { columns } = this.#plan;
    if (record.length !== columns.length) throw this.#ragged(record.length);
    this.#isKept = true;
    for (const [c, column] of columns.entries()) {
      if (column.kind !== "unused") this.#readText(column, c, record[c] ?? "");
    }
    this.#put(this.#isKept);
  }

  /** Takes a field that is no plain number. */
  #readText(column: PlannedColumn, c: number, text: string): void {
    const { missing, missingWords } = this.#plan;
    if (missingWords.has(text.trim()) && column.kind !== "text") {
      if (missing === "error") throw this.#odd(column, `nothing is there (${show(text)}): missing: "skip" leaves such rows out, a number stands in for it`); // biome-ignore format: short
      if (missing === "skip") this.#isKept = false;
      else this.#numbers[c] = missing;
      return;
    }
    if (column.kind === "text") {
      this.#texts[c] = text;
      return;
    }
    const value = column.kind === "words" ? column.words.get(text) : numberFrom(text);
    if (value === undefined)
      throw this.#odd(column, `expected ${shortList([...column.words.keys()])}, found ${show(text)}`);
    if (value === null) throw this.#odd(column, `expected a number, found ${show(text)}`);
    const isSingle = this.#columns[column.column] instanceof Float32Array;
    if (!Number.isFinite(isSingle ? Math.fround(value) : value)) {
      throw this.#odd(
        column,
        `${show(text)} is larger than any ${isSingle ? "float32, which x is made of" : "float64"}`,
      );
    }
    this.#numbers[c] = value;
  }

  /** Puts the row that was read behind the others. */
  #put(isKept: boolean): void {
    this.#seen++;
    if (!isKept) return;
    if (this.#count === this.#room) this.#grow();
    const { columns } = this.#plan;
    const row = this.#count++;
    for (let c = 0; c < columns.length; c++) {
      const column = columns[c];
      if (column === undefined || column.kind === "unused") continue;
      const target = this.#columns[column.column];
      if (target === undefined) continue;
      if (Array.isArray(target)) target[row] = this.#texts[c] ?? "";
      else target[row * (this.#widths[column.column] ?? 1) + column.offset] = this.#numbers[c] ?? 0;
    }
  }

  #grow(): void {
    const grown = new Table<unknown>("block", this.#plan.layout, this.#columns, this.#room);
    grown.reserve(2 * this.#room);
    this.#columns = [...grown.columns];
    this.#room *= 2;
  }

  async #records(block: Buffer): Promise<readonly (readonly string[])[]> {
    const { parse } = await import("csv-parse/sync");
    try {
      return parse(block, {
        delimiter: this.#plan.delimiter,
        record_delimiter: ["\r\n", "\n"],
        relax_column_count: true,
        skip_empty_lines: true,
      });
    } catch (error) {
      const place = `row ${this.#row} (the first below the header is 1)`;
      throw new DataError(`${this.#path}: ${place}: ${withoutLine(error)}`, { cause: error });
    }
  }

  #ragged(found: number): DataError {
    const wanted = this.#plan.columns.length;
    return new DataError(`${this.#path}: row ${this.#row} (the first below the header is 1) has ${found} fields, and the header ${wanted}`); // biome-ignore format: short
  }

  #odd(column: PlannedColumn, problem: string): DataError {
    return new DataError(
      `${this.#path}: row ${this.#row} (the first below the header is 1), column ${column.name}: ${problem}`,
    );
  }

  get #row(): number {
    return this.#before + this.#seen + 1;
  }
}

function isEnd(block: Buffer, at: number, delimiter: number): boolean {
  const byte = block[at];
  return byte === delimiter || byte === newline || byte === undefined || (byte === carriageReturn && (block[at + 1] === newline || at + 1 === block.length)); // biome-ignore format: short
}

function fieldEnd(block: Buffer, from: number, delimiter: number): number {
  let at = from;
  while (!isEnd(block, at, delimiter)) at++;
  return at;
}

function hasQuote(block: Buffer, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (block[at] === quote) return true;
  return false;
}

function fieldsIn(block: Buffer, from: number, delimiter: number): number {
  let count = 1;
  for (let at = fieldEnd(block, from, delimiter); block[at] === delimiter; at = fieldEnd(block, at + 1, delimiter))
    count++;
  return count;
}

function shortList(words: readonly string[]): string {
  return words.length <= 8 ? `one of ${words.map(show).join(", ")}` : `one of ${words.length} words`;
}
