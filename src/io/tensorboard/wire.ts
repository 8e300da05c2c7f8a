/**
 * Protocol buffers as event files use them: fields by number, written and read one by one. The bytes are made by
 * @bufbuild/protobuf, without its schemas, of which these few messages need none.
 */
import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";

/** A message being written. Fields that hold their default are written too where they are asked for. */
export class Message {
  readonly #out: BinaryWriter;

  private constructor(out: BinaryWriter) {
    this.#out = out;
  }

  static bytes(write: (message: Message) => void): Uint8Array {
    const out = new BinaryWriter();
    write(new Message(out));
    return out.finish();
  }

  double(field: number, value: number): this {
    this.#out.tag(field, WireType.Bit64).double(value);
    return this;
  }

  float(field: number, value: number): this {
    // The package refuses what a float cannot hold, infinities too.
    this.#out.tag(field, WireType.Bit32).fixed32(bitsOf(value));
    return this;
  }

  /** Whole numbers, enumerations. */
  int(field: number, value: number): this {
    this.#out.tag(field, WireType.Varint).int64(value);
    return this;
  }

  flag(field: number, value: boolean): this {
    this.#out.tag(field, WireType.Varint).bool(value);
    return this;
  }

  text(field: number, value: string): this {
    this.#out.tag(field, WireType.LengthDelimited).string(value);
    return this;
  }

  raw(field: number, value: Uint8Array): this {
    this.#out.tag(field, WireType.LengthDelimited).bytes(value);
    return this;
  }

  message(field: number, write: (message: Message) => void = () => {}): this {
    this.#out.tag(field, WireType.LengthDelimited).fork();
    write(this);
    this.#out.join();
    return this;
  }

  /** A member of a map from texts to messages. */
  member(field: number, key: string, write: (value: Message) => void): this {
    return this.message(field, (entry) => entry.text(1, key).message(2, write));
  }
}

function bitsOf(value: number): number {
  const view = new DataView(new ArrayBuffer(4));
  view.setFloat32(0, value);
  return view.getUint32(0);
}

/** Where a field's value lies in a message. */
interface Found {
  readonly wire: WireType;
  readonly bytes: Uint8Array;
}

/** A message that was read: its fields by number. Throws where the bytes are none. A field that is not there has its default. */
export class Fields {
  readonly #found = new Map<number, Found[]>();

  constructor(bytes: Uint8Array) {
    const reader = new BinaryReader(bytes);
    while (reader.pos < reader.len) {
      const [field, wire] = reader.tag();
      const found = { wire, bytes: reader.skip(wire, field) };
      const known = this.#found.get(field);
      if (known === undefined) this.#found.set(field, [found]);
      else known.push(found);
    }
  }

  has(field: number): boolean {
    return this.#found.has(field);
  }

  double(field: number): number {
    return this.#last(field, WireType.Bit64)?.double() ?? 0;
  }

  float(field: number): number {
    return this.#last(field, WireType.Bit32)?.float() ?? 0;
  }

  /** Exact to 2^53. */
  int(field: number): number {
    return Number(this.#last(field, WireType.Varint)?.int64() ?? 0);
  }

  text(field: number): string {
    return this.#last(field, WireType.LengthDelimited)?.string() ?? "";
  }

  raw(field: number): Uint8Array {
    return this.#last(field, WireType.LengthDelimited)?.bytes() ?? new Uint8Array();
  }

  message(field: number): Fields {
    return new Fields(this.raw(field));
  }

  raws(field: number): readonly Uint8Array[] {
    return this.#all(field).map((found) => readerOf(found, field, WireType.LengthDelimited).bytes());
  }

  messages(field: number): readonly Fields[] {
    return this.raws(field).map((bytes) => new Fields(bytes));
  }

  /** Of a repeated field, packed or one by one. */
  numbers(field: number, wire: WireType, read: (reader: BinaryReader) => number): readonly number[] {
    return this.#all(field).flatMap((found) => {
      if (found.wire !== WireType.LengthDelimited) return [read(readerOf(found, field, wire))];
      const packed = new BinaryReader(readerOf(found, field, found.wire).bytes());
      const values: number[] = [];
      while (packed.pos < packed.len) values.push(read(packed));
      return values;
    });
  }

  #all(field: number): readonly Found[] {
    return this.#found.get(field) ?? [];
  }

  #last(field: number, wire: WireType): BinaryReader | undefined {
    const found = this.#all(field).at(-1);
    return found === undefined ? undefined : readerOf(found, field, wire);
  }
}

function readerOf(found: Found, field: number, wire: WireType): BinaryReader {
  if (found.wire === wire) return new BinaryReader(found.bytes);
  throw new RangeError(`field ${field} has wire type ${found.wire}, and should have ${wire}`);
}
