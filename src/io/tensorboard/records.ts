/**
 * The frames of an event file: one record behind the other.
 *
 *   length u64, masked CRC of the length u32, data, masked CRC of the data u32      all little-endian
 */
import { DataError } from "../../core/errors.ts";
import { Crc32c } from "./crc32c.ts";

const headBytes = 12;
const tailBytes = 4;

/** Frames records. */
export class RecordFramer {
  readonly #crc = new Crc32c();

  frame(data: Uint8Array): Uint8Array {
    const record = new Uint8Array(headBytes + data.length + tailBytes);
    const view = new DataView(record.buffer);
    view.setBigUint64(0, BigInt(data.length), true);
    view.setUint32(8, this.#crc.masked(record.subarray(0, 8)), true);
    record.set(data, headBytes);
    view.setUint32(headBytes + data.length, this.#crc.masked(data), true);
    return record;
  }
}

export interface Records {
  readonly records: readonly Uint8Array[];
  /** Whether the last record ends too early: it is being written, or its writer was killed. */
  readonly isCut: boolean;
}

/** All whole records. A DataError, which begins with `name`, says where a sum is wrong. */
export function readRecords(bytes: Uint8Array, name: string): Records {
  const crc = new Crc32c();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const records: Uint8Array[] = [];
  let at = 0;
  while (at < bytes.length) {
    if (at + headBytes > bytes.length) return { records, isCut: true };
    const [low, high] = [view.getUint32(at, true), view.getUint32(at + 4, true)];
    if (view.getUint32(at + 8, true) !== crc.masked(bytes.subarray(at, at + 8))) {
      const hint = at === 0 ? ": this is no event file" : `: the file is damaged from there on`;
      throw new DataError(`${name}: the length of the record at byte ${at} has a wrong checksum${hint}`);
    }
    const end = at + headBytes + high * 2 ** 32 + low;
    if (end + tailBytes > bytes.length) return { records, isCut: true };
    const data = bytes.subarray(at + headBytes, end);
    if (view.getUint32(end, true) !== crc.masked(data)) {
      throw new DataError(`${name}: the record at byte ${at} has a wrong checksum: the file is damaged there`);
    }
    records.push(data);
    at = end + tailBytes;
  }
  return { records, isCut: false };
}
