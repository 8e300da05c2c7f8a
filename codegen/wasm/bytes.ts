/**
 * A growing buffer of bytes, with the number formats of the WebAssembly binary format.
 *
 * What is private here and in what writes instructions is `private` and not #: a name of its own is a search by key in a process
 * that has just begun, and these are its most frequent calls.
 *
 * Formats: https://webassembly.github.io/spec/core/binary/values.html (LEB128 integers, IEEE 754 little endian, names).
 */
import { CompilerBug } from "../../src/core/errors.ts";
import { writeLeb } from "./artifact.ts";

export class Bytes {
  private data: Uint8Array<ArrayBuffer>;
  private numbers: DataView;
  private end = 0;

  constructor(capacity = 256) {
    this.data = new Uint8Array(Math.max(capacity, 16));
    this.numbers = new DataView(this.data.buffer);
  }

  /** How many bytes are written. */
  get length(): number {
    return this.end;
  }

  /** What is written so far; it shares this buffer's memory, so it holds only until the next write. */
  view(): Uint8Array<ArrayBuffer> {
    return this.data.subarray(0, this.end);
  }

  /** A copy of what is written. */
  copy(): Uint8Array<ArrayBuffer> {
    return this.data.slice(0, this.end);
  }

  /** Takes away what lies from `start` on. */
  cut(start: number): Uint8Array<ArrayBuffer> {
    const taken = this.data.slice(start, this.end);
    this.end = start;
    return taken;
  }

  /** The low eight bits of an integer. */
  byte(value: number): void {
    if (this.end === this.data.length) this.reserve(1);
    this.data[this.end++] = value;
  }

  bytes(values: Uint8Array): void {
    this.reserve(values.length);
    this.data.set(values, this.end);
    this.end += values.length;
  }

  /** Unsigned LEB128 of an integer in [0, 2^32); anything else is a `CompilerBug`. */
  u32(value: number): void {
    if (value >>> 0 !== value) throw new CompilerBug(`wasm: ${value} is not an unsigned 32-bit integer`);
    let rest = value;
    while (rest > 0x7f) {
      this.byte((rest & 0x7f) | 0x80);
      rest >>>= 7;
    }
    this.byte(rest);
  }

  /** A byte and an unsigned LEB128: an instruction and what it names. At once, as there are thousands of short ones. */
  coded(code: number, value: number): void {
    const { data, end } = this;
    if (value >>> 0 !== value || value > 0x3fff || end + 3 > data.length) {
      this.byte(code);
      this.u32(value);
      return;
    }
    data[end] = code;
    data[end + 1] = value > 0x7f ? (value & 0x7f) | 0x80 : value;
    if (value > 0x7f) data[end + 2] = value >>> 7;
    this.end = end + (value > 0x7f ? 3 : 2);
  }

  /** Signed LEB128 of an integer in [-2^31, 2^31); anything else is a `CompilerBug`. */
  i32(value: number): void {
    if ((value | 0) !== value) throw new CompilerBug(`wasm: ${value} is not a signed 32-bit integer`);
    let rest = value | 0;
    // A byte carries seven bits, and the last one's highest bit is the sign.
    while (rest < -0x40 || rest > 0x3f) {
      this.byte((rest & 0x7f) | 0x80);
      rest >>= 7;
    }
    this.byte(rest & 0x7f);
  }

  /** Unsigned LEB128 of an integer modulo 2^32 in five bytes, whatever it is: so that another can be put in its place. */
  wideU32(value: number): void {
    this.reserve(5);
    writeLeb(this.data, this.end, value, false);
    this.end += 5;
  }

  /** The same of a signed one. */
  wideI32(value: number): void {
    this.reserve(5);
    writeLeb(this.data, this.end, value, true);
    this.end += 5;
  }

  /** Signed LEB128 of an integer in [-2^63, 2^63); anything else is a `CompilerBug`. */
  i64(value: bigint): void {
    if (BigInt.asIntN(64, value) !== value) throw new CompilerBug(`wasm: ${value} is not a signed 64-bit integer`);
    let rest = value;
    while (rest < -0x40n || rest > 0x3fn) {
      this.byte(Number(rest & 0x7fn) | 0x80);
      rest >>= 7n;
    }
    this.byte(Number(rest & 0x7fn));
  }

  /** The low 32 bits of an integer, little endian. */
  word(value: number): void {
    this.reserve(4);
    this.numbers.setInt32(this.end, value, true);
    this.end += 4;
  }

  /** The float32 nearest to a number; -0 and infinities are kept, every NaN becomes the canonical one. */
  f32(value: number): void {
    this.reserve(4);
    if (Number.isNaN(value)) this.numbers.setUint32(this.end, 0x7fc00000, true);
    else this.numbers.setFloat32(this.end, value, true);
    this.end += 4;
  }

  /** A float64; every NaN becomes the canonical one. */
  f64(value: number): void {
    this.reserve(8);
    if (Number.isNaN(value)) this.numbers.setBigUint64(this.end, 0x7ff8000000000000n, true);
    else this.numbers.setFloat64(this.end, value, true);
    this.end += 8;
  }

  /** A length and the UTF-8 of a text. */
  name(text: string): void {
    const utf8 = new TextEncoder().encode(text);
    this.u32(utf8.length);
    this.bytes(utf8);
  }

  /** A section or subsection: its id, its size, and what `write` writes. Returns where that begins. */
  section(id: number, write: (content: Bytes) => void): number {
    const content = new Bytes();
    write(content);
    this.byte(id);
    this.u32(content.length);
    const start = this.end;
    this.bytes(content.view());
    return start;
  }

  private reserve(count: number): void {
    const needed = this.end + count;
    if (needed <= this.data.length) return;
    const grown = new Uint8Array(Math.max(needed, 2 * this.data.length));
    grown.set(this.view());
    this.data = grown;
    this.numbers = new DataView(grown.buffer);
  }
}
