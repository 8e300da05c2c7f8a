/**
 * The header of a safetensors file: a strict reader of the little JSON that may stand there.
 *
 *     {"__metadata__":{"made by":"us"},"w":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}}
 *
 * JSON.parse would not do: it hides a second tensor of the same name, takes `__proto__` for something else on the way into
 * an object, and rounds numbers it cannot hold. Here names are keys of Maps, a key comes once, numbers are whole and safe,
 * and nothing nests deeper than the format does, so no input makes this slow or recursive.
 */
import { DataError } from "../core/errors.ts";

/** The largest header that the format allows. */
export const MAX_HEADER_BYTES = 100_000_000;

/** The key under which a header holds texts in place of a tensor. */
export const METADATA_KEY = "__metadata__";

/** One tensor as declared; nothing but its form is checked here. */
export interface HeaderEntry {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

export interface Header {
  readonly entries: ReadonlyMap<string, HeaderEntry>;
  readonly metadata: ReadonlyMap<string, string>;
}

export function parseHeader(text: string, file: string): Header {
  const reader = new Reader(text, file);
  const entries = new Map<string, HeaderEntry>();
  let metadata: ReadonlyMap<string, string> | null = null;
  reader.object((key) => {
    if (entries.has(key) || (key === METADATA_KEY && metadata !== null)) throw reader.twice(key);
    if (key === METADATA_KEY) metadata = readMetadata(reader);
    else entries.set(key, readEntry(reader, key));
  });
  reader.end();
  return { entries, metadata: metadata ?? new Map() };
}

/** A name in a message: in quotes, control characters escaped, shortened. */
export function quoted(name: string): string {
  return JSON.stringify(name.length <= 80 ? name : `${name.slice(0, 77)}...`);
}

function readMetadata(reader: Reader): ReadonlyMap<string, string> {
  const metadata = new Map<string, string>();
  reader.object((key) => {
    if (metadata.has(key)) throw reader.twice(key);
    metadata.set(
      key,
      reader.string(() => `a text for ${quoted(key)} of ${METADATA_KEY}`),
    );
  });
  return metadata;
}

function readEntry(reader: Reader, tensor: string): HeaderEntry {
  const of = () => `of the tensor ${quoted(tensor)}`; // made for messages only
  let dtype: string | null = null;
  let shape: readonly number[] | null = null;
  let offsets: readonly number[] | null = null;
  reader.object((key) => {
    if (key === "dtype") {
      if (dtype !== null) throw reader.twice(key);
      dtype = reader.string(() => `the dtype ${of()}`);
    } else if (key === "shape") {
      if (shape !== null) throw reader.twice(key);
      shape = reader.wholeNumbers(() => `the shape ${of()}`);
    } else if (key === "data_offsets") {
      if (offsets !== null) throw reader.twice(key);
      offsets = reader.wholeNumbers(() => `the data_offsets ${of()}`);
    } else throw reader.error(`only dtype, shape and data_offsets ${of()}`, quoted(key));
  });
  return finish(reader, of, dtype, shape, offsets);
}

function finish(
  reader: Reader,
  of: () => string,
  dtype: string | null,
  shape: readonly number[] | null,
  offsets: readonly number[] | null,
): HeaderEntry {
  if (dtype === null) throw reader.error(`a dtype ${of()}`, "none");
  if (shape === null) throw reader.error(`a shape ${of()}`, "none");
  if (offsets === null) throw reader.error(`data_offsets ${of()}`, "none");
  const [begin, end] = offsets;
  if (begin === undefined || end === undefined || offsets.length !== 2) {
    throw reader.error(`two data_offsets ${of()}`, `${offsets.length}`);
  }
  return { dtype, shape, begin, end };
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** The text that a literal stands for; null where it is none, or holds half a surrogate pair. */
function literalValue(literal: string): string | null {
  try {
    const value: unknown = JSON.parse(literal);
    return typeof value === "string" && !/\p{Surrogate}/u.test(value) ? value : null;
  } catch {
    return null; // a control character, an escape that there is not
  }
}

/** A place in the header's text, moving forward. */
class Reader {
  readonly #text: string;
  readonly #file: string;
  #at = 0;

  constructor(text: string, file: string) {
    this.#text = text;
    this.#file = file;
  }

  /** Reads {"key": value, ...}; `member` reads each value. */
  object(member: (key: string) => void): void {
    this.#list("{", "}", () => {
      const key = this.string(() => "a name in double quotes");
      this.#expect(":");
      member(key);
    });
  }

  /** Reads [1, 2, ...]. */
  wholeNumbers(what: () => string): readonly number[] {
    const numbers: number[] = [];
    this.#list("[", "]", () => numbers.push(this.#wholeNumber(what)));
    return numbers;
  }

  string(what: () => string): string {
    if (this.#peek() !== '"') throw this.error(what());
    const start = this.#at + 1;
    let end = start;
    let plain = true;
    for (; end < this.#text.length; end++) {
      const code = this.#text.charCodeAt(end);
      if (code === QUOTE) break;
      if (code === BACKSLASH) end++;
      plain &&= code >= 0x20 && code !== BACKSLASH;
    }
    const inside = this.#text.slice(start, end);
    const value = plain && end < this.#text.length ? inside : literalValue(`"${inside}"`);
    if (value === null || end >= this.#text.length) throw this.error(`${what()}, as JSON spells texts`);
    this.#at = end + 1;
    return value;
  }

  end(): void {
    if (this.#peek() !== undefined) throw this.error("nothing but spaces after the last }");
  }

  twice(key: string): DataError {
    return this.error("each name once", `${quoted(key)} a second time`);
  }

  error(expected: string, found = this.#rest()): DataError {
    return new DataError(
      `${this.#file}: the header, at character ${this.#at}: expected ${expected}, found ${found}; the file is corrupt`,
    );
  }

  #list(open: string, close: string, item: () => void): void {
    this.#expect(open);
    if (this.#peek() === close) this.#at++;
    else {
      do item();
      while (this.#separator(close));
    }
  }

  /** Whether a comma follows; otherwise the end of the list does. */
  #separator(close: string): boolean {
    const found = this.#peek();
    if (found !== "," && found !== close) throw this.error(`, or ${close}`);
    this.#at++;
    return found === ",";
  }

  #expect(mark: string): void {
    if (this.#peek() !== mark) throw this.error(mark);
    this.#at++;
  }

  #wholeNumber(what: () => string): number {
    this.#peek();
    const digits = /^(?:0|[1-9][0-9]{0,15})(?![0-9.eE+-])/.exec(this.#text.slice(this.#at, this.#at + 17))?.[0];
    const value = Number(digits);
    if (!Number.isSafeInteger(value))
      throw this.error(`whole numbers from 0 to ${Number.MAX_SAFE_INTEGER} in ${what()}`);
    this.#at += digits?.length ?? 0;
    return value;
  }

  /** The next character that is no space. */
  #peek(): string | undefined {
    for (;;) {
      const next = this.#text[this.#at];
      if (next !== " " && next !== "\n" && next !== "\r" && next !== "\t") return next;
      this.#at++;
    }
  }

  #rest(): string {
    if (this.#at >= this.#text.length) return "the end of the header";
    return quoted(this.#text.slice(this.#at, this.#at + 20));
  }
}
