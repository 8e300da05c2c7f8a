/**
 * The header of an npy file: what stands before NumPy's numbers.
 *
 *     93 4e 55 4d 50 59 | version 01 00 | length 76 00 | {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }  \n
 *
 * The length has two bytes in version 1, four in 2 and 3. The text is a dict as Python spells it; nothing of Python but what NumPy
 * writes there is read, character by character, so that no input makes this slow, and a key comes once. Types that are read:
 * `?`, `f2 f4 f8`, `i1 i2 i4 i8`, `u1 u2 u4 u8`, of either byte order.
 */
import type { DType } from "../core/dtype.ts";
import { DataError } from "../core/errors.ts";
import { printShape } from "../graph/shape.ts";
import { bytesPerElement, type ElementType } from "./elements.ts";
import { foreignTypes } from "./foreign-dtypes.ts";
import { quoted } from "./safetensors-header.ts";

/** What an npy file says of itself. The elements follow it without a gap: `count` of them, `width` bytes each. */
export interface NpyHeader {
  readonly type: ElementType;
  readonly shape: readonly number[];
  /** Whether the first index is the fastest. */
  readonly isFortran: boolean;
  readonly isBigEndian: boolean;
  /** Bytes before the first element. */
  readonly headerBytes: number;
  /** Elements. */
  readonly count: number;
  /** Bytes of one. */
  readonly width: number;
}

export interface NpyHeaderOptions {
  /** Take elements of two bytes that are called void (V2) for bfloat16: npy has no name for it, and this is how NumPy writes it. */
  readonly bfloat16?: boolean;
}

/**
 * The header at the beginning of `bytes`, which may be the first part of a file alone: then null where the header goes on behind
 * it. `name` is what errors call the file.
 */
export function readNpyHeader(bytes: Uint8Array, name: string, options: NpyHeaderOptions = {}): NpyHeader | null {
  checkMagic(bytes, name);
  const [major, minor] = [bytes[6] ?? 1, bytes[7] ?? 0];
  if (major < 1 || major > 3 || minor !== 0) {
    throw new DataError(`${name}: expected version 1.0, 2.0 or 3.0 of the npy format, found ${major}.${minor}`);
  }
  const start = major === 1 ? 10 : 12;
  if (bytes.length < start) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = major === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  if (length > MAX_HEADER_BYTES) {
    throw new DataError(`${name}: expected a header of at most ${MAX_HEADER_BYTES} bytes, found one of ${length}`);
  }
  const headerBytes = start + length;
  if (bytes.length < headerBytes) return null;
  const { descr, shape, isFortran } = parse(decode(bytes.subarray(start, headerBytes), major, name), name);
  const { isBigEndian, ...type } = typeOf(descr, name, options);
  const width = bytesPerElement(type);
  return { type, shape, isFortran, isBigEndian, headerBytes, count: countOf(shape, width, name), width };
}

/** What NumPy reads unasked, and far beyond what one array's type and shape take. */
const MAX_HEADER_BYTES = 10_000;

const magic = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];

/** Whether the bytes begin as an npy file does. */
export function isNpy(bytes: Uint8Array): boolean {
  return magic.every((byte, i) => bytes[i] === byte);
}

function checkMagic(bytes: Uint8Array, name: string): void {
  const begun = bytes.subarray(0, magic.length);
  if (begun.every((byte, i) => byte === magic[i])) return;
  const found = [...begun].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
  throw new DataError(`${name}: expected an npy file, which begins with the bytes 93 4e 55 4d 50 59; found ${found}`);
}

function decode(bytes: Uint8Array, major: number, name: string): string {
  if (major < 3) return new TextDecoder("latin1").decode(bytes);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new DataError(`${name}: expected a header in UTF-8, found bytes that are none; the file is corrupt`);
  }
}

/** NumPy's codes without the byte order. */
const types: ReadonlyMap<string, DType | string> = new Map([
  ["b1", "bool"],
  ["f2", "f16"],
  ["f4", "f32"],
  ["f8", "f64"],
  ["i1", "I8"],
  ["i2", "I16"],
  ["i4", "i32"],
  ["i8", "I64"],
  ["u1", "u8"],
  ["u2", "U16"],
  ["u4", "u32"],
  ["u8", "U64"],
]);

/** What arrays of other kinds hold, by the first letter of their code. */
const others: ReadonlyMap<string, string> = new Map([
  ["c", "complex numbers"],
  ["U", "texts"],
  ["S", "bytes"],
  ["O", "Python objects, pickled: to read them would be to run them"],
  ["M", "dates"],
  ["m", "spans of time"],
  ["V", "raw bytes"],
]);

function typeOf(descr: string | null, name: string, options: NpyHeaderOptions): ElementType & { isBigEndian: boolean } {
  const known = "bool, f2, f4, f8, i1 to i8, u1 to u8";
  if (descr === null) {
    throw new DataError(
      `${name}: expected elements of one type (${known}), found records; save each field as an array`,
    );
  }
  const [, order = "", code = ""] = /^([<>|=]?)(.*)$/s.exec(descr) ?? [];
  const isBigEndian = order === ">";
  if (code === "V2" && options.bfloat16 === true) return { dtype: "bf16", foreign: undefined, isBigEndian };
  const type = types.get(code);
  const foreign = foreignTypes.get(type ?? "");
  if (foreign !== undefined) return { dtype: foreign.dtype, foreign, isBigEndian };
  const dtype = ownTypes.find((own) => own === type);
  if (dtype !== undefined) return { dtype, foreign: undefined, isBigEndian };
  const holds = others.get(code[0] ?? "");
  const what = `found ${quoted(descr)}${holds === undefined ? "" : `, ${holds}`}`;
  const advice = code === "V2" ? "; bfloat16 is written so, and { bfloat16: true } reads it" : "";
  throw new DataError(`${name}: expected elements of a type ${known}; ${what}${advice}`);
}

const ownTypes = ["bool", "f16", "f32", "f64", "i32", "u8", "u32"] as const satisfies readonly DType[];

function countOf(shape: readonly number[], width: number, name: string): number {
  if (shape.includes(0)) return 0;
  let count = 1;
  for (const size of shape) {
    count *= size;
    if (Number.isSafeInteger(count * width)) continue;
    throw new DataError(`${name}: the shape ${printShape(shape)} would need more bytes than any file has`);
  }
  return count;
}

interface Parsed {
  /** Null where it is no single type. */
  readonly descr: string | null;
  readonly shape: readonly number[];
  readonly isFortran: boolean;
}

/** NumPy's own limit for dimensions. */
export const MAX_RANK = 64;

function parse(text: string, name: string): Parsed {
  const reader = new DictReader(text, name);
  let descr: string | null | undefined;
  let shape: readonly number[] | undefined;
  let isFortran: boolean | undefined;
  reader.dict((key) => {
    if (key === "descr" && descr === undefined) descr = reader.typeCode();
    else if (key === "shape" && shape === undefined) shape = reader.sizes();
    else if (key === "fortran_order" && isFortran === undefined) isFortran = reader.flag();
    else throw reader.error("each of 'descr', 'fortran_order' and 'shape' once, and nothing else", quoted(key));
    return descr !== null; // of records nothing more is needed than that they are records
  });
  if (descr === null) return { descr, shape: [], isFortran: false };
  if (descr === undefined || shape === undefined || isFortran === undefined) {
    throw reader.error("all of 'descr', 'fortran_order' and 'shape'");
  }
  return { descr, shape, isFortran };
}

/** A place in the text of a header, moving forward. */
class DictReader {
  readonly #text: string;
  readonly #name: string;
  #at = 0;

  constructor(text: string, name: string) {
    this.#text = text;
    this.#name = name;
  }

  /** Reads {'key': value, ...} and what may stand behind it; `member` reads each value, and says whether to go on. */
  dict(member: (key: string) => boolean): void {
    this.#expect(/\{/y, "{");
    while (this.#take(/\}/y) === null) {
      const key = this.#quotedText();
      this.#expect(/:/y, ":");
      if (!member(key)) return;
      if (this.#take(/,/y) === null) {
        this.#expect(/\}/y, ", or }");
        break;
      }
    }
    if (this.#at < this.#text.trimEnd().length) throw this.error("nothing behind the }");
  }

  /** A text, or null for the list that describes records. */
  typeCode(): string | null {
    return this.#take(/\[/y) === null ? this.#quotedText() : null;
  }

  flag(): boolean {
    return this.#expect(/True|False/y, "True or False") === "True";
  }

  /** (), (3,), (3, 4); an L behind a number was written by Python 2. */
  sizes(): readonly number[] {
    const sizes: number[] = [];
    this.#expect(/\(/y, "a shape in parentheses");
    while (this.#take(/\)/y) === null) {
      const size = Number(this.#expect(/\d{1,16}(?![\d.eE])/y, "a size, a whole number"));
      if (!Number.isSafeInteger(size) || sizes.length === MAX_RANK) {
        throw this.error(`at most ${MAX_RANK} sizes of at most ${Number.MAX_SAFE_INTEGER}`, `${size}`);
      }
      sizes.push(size);
      this.#take(/L/y);
      if (this.#take(/,/y) !== null) continue;
      this.#expect(/\)/y, ", or )");
      if (sizes.length === 1) throw this.error("(3,) for a shape of one size", "(3)");
      break;
    }
    return sizes;
  }

  error(expected: string, found = this.#rest()): DataError {
    return new DataError(
      `${this.#name}: the header, at character ${this.#at}: expected ${expected}, found ${found}; the file is corrupt`,
    );
  }

  #quotedText(): string {
    return this.#expect(/'[^'\\\n]*'|"[^"\\\n]*"/y, "a text in quotes").slice(1, -1);
  }

  #expect(pattern: RegExp, expected: string): string {
    const found = this.#take(pattern);
    if (found === null) throw this.error(expected);
    return found;
  }

  #take(pattern: RegExp): string | null {
    while (this.#text[this.#at] === " ") this.#at++;
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0] ?? null;
    if (found !== null) this.#at += found.length;
    return found;
  }

  #rest(): string {
    if (this.#at >= this.#text.length) return "the end of the header";
    return quoted(this.#text.slice(this.#at, this.#at + 20));
  }
}
