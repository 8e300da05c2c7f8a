/**
 * safetensors with random names, shapes and bits, and with random bytes in place of a file.
 */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { byteWidth, type DType, dtypes } from "../../src/core/dtype.ts";
import { DataError } from "../../src/core/errors.ts";
import { sizeOf } from "../../src/graph/shape.ts";
import { readSafetensors, type Safetensors, type StoredTensor, writeSafetensors } from "../../src/io/safetensors.ts";
import { viewOf } from "../../src/runtime/typed-arrays.ts";
import { mutations } from "./hostile-bytes.ts";
import { type Property, property } from "./property.ts";

const text = fc.oneof(
  fc.string({ unit: "binary", maxLength: 12 }),
  fc.string({ unit: fc.constantFrom('"', "\\", "\n", "\u0000", "{", "}", "/", "é", "😀", "."), maxLength: 6 }),
  fc.constantFrom("__proto__", "constructor", "hasOwnProperty", "", "model.layers.0.w", "dtype", "data_offsets"),
);
const tensorName = text.filter((name) => name !== "__metadata__");

const tensor: fc.Arbitrary<StoredTensor> = fc
  .record({
    dtype: fc.constantFrom<DType>(...dtypes),
    shape: fc.array(fc.nat({ max: 4 }), { maxLength: 4 }),
    bits: fc.uint8Array({ minLength: 16, maxLength: 16 }),
  })
  .map(({ dtype, shape, bits }) => {
    const bytes = new Uint8Array(sizeOf(shape) * byteWidth(dtype));
    for (let i = 0; i < bytes.length; i++) bytes[i] = (bits[i % 16] ?? 0) & (dtype === "bool" ? 1 : 255);
    return { dtype, shape, data: viewOf(dtype, bytes.buffer, 0, sizeOf(shape)) };
  });

const files = fc.record({
  tensors: fc.uniqueArray(fc.tuple(tensorName, tensor), { selector: ([name]) => name, maxLength: 6 }),
  metadata: fc.uniqueArray(fc.tuple(text, text), { selector: ([key]) => key, maxLength: 4 }),
});

/** Everything about a tensor, with its bits: comparing floats would lose NaNs. */
type Contents = Pick<Safetensors, "tensors" | "metadata">;

function contents({ tensors, metadata }: Contents) {
  const bits = ({ buffer, byteOffset, byteLength }: StoredTensor["data"]) =>
    Buffer.from(buffer, byteOffset, byteLength).toString("hex");
  const described = [...tensors].map(
    ([name, { dtype, shape, data }]) => [name, [dtype, shape, data.constructor.name, bits(data)]] as const,
  );
  return { tensors: new Map(described), metadata };
}

/** Reads, or gives a DataError of moderate length; anything else fails the test. */
export function readOrRefuse(bytes: Uint8Array): Safetensors | null {
  try {
    return readSafetensors(bytes, "fuzzed");
  } catch (error) {
    if (!(error instanceof DataError)) throw error;
    match(error.message, /^fuzzed: /);
    ok(error.message.length < 600, error.message);
    return null;
  }
}

/** What was accepted holds no more than was in the file, and JSON.parse sees the same names in its header. */
function checkAccepted(found: Safetensors | null, file: Uint8Array): void {
  if (found === null) return;
  const bytes = [...found.tensors.values()].reduce((sum, { data }) => sum + data.buffer.byteLength, 0);
  ok(bytes < file.length, `${bytes} bytes of ${file.length}`);
  const header: unknown = JSON.parse(new TextDecoder().decode(file.subarray(8, 8 + headerLength(file))));
  const names = Object.keys(header as object).filter((name) => name !== "__metadata__");
  deepStrictEqual(names.sort(), [...found.tensors.keys()].sort());
}

function headerLength(file: Uint8Array): number {
  return Number(new DataView(file.buffer, file.byteOffset).getBigUint64(0, true));
}

/** What headers are made of, and what they should not hold. */
const pieces = [
  ..."{}[]:, 014".split(""),
  ...[
    '"a"',
    '"b"',
    '"dtype"',
    '"shape"',
    '"data_offsets"',
    '"__metadata__"',
    '"F32"',
    '"U8"',
    '"x":',
    '"\\u0',
    "\u0001",
  ],
  ...["-1", "1e9", "9007199254740993", "null", "true", '{"dtype":"U8","shape":[1],"data_offsets":[0,1]}'],
];

export const safetensorsProperties: readonly Property[] = [
  property(
    "safetensors come back as they were written, bit for bit",
    1000,
    fc.property(files, (file) => {
      const written: Contents = { tensors: new Map(file.tensors), metadata: new Map(file.metadata) };
      const bytes = writeSafetensors(written.tensors, written.metadata);
      strictEqual(headerLength(bytes) % 8, 0);
      const read = readSafetensors(bytes, "written");
      deepStrictEqual(contents(read), contents(written));
      checkAccepted(read, bytes);
      strictEqual(Buffer.compare(writeSafetensors(read.tensors, read.metadata), bytes), 0);
    }),
  ),
  property(
    "random bytes are refused as safetensors",
    1000,
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => checkAccepted(readOrRefuse(bytes), bytes)),
  ),
  property(
    "random text in place of a safetensors header is refused, or read as a whole",
    1000,
    fc.property(
      fc.array(fc.constantFrom(...pieces), { maxLength: 20 }),
      fc.boolean(),
      fc.nat({ max: 8 }),
      (chosen, open, dataBytes) => {
        const header = new TextEncoder().encode(open ? `{${chosen.join("")}}` : chosen.join(""));
        const bytes = new Uint8Array(8 + header.length + dataBytes);
        bytes[0] = header.length & 255;
        bytes[1] = header.length >> 8;
        bytes.set(header, 8);
        checkAccepted(readOrRefuse(bytes), bytes);
      },
    ),
  ),
  property(
    "mutated safetensors are refused, or read as a whole",
    1000,
    fc.property(files, mutations(0x22, 0x7b, 0x7d, 0x2c, 0x30, 0x39, 0x5c), (file, mutate) => {
      const mutated = mutate(writeSafetensors(new Map(file.tensors), new Map(file.metadata)));
      checkAccepted(readOrRefuse(mutated), mutated);
    }),
  ),
];
