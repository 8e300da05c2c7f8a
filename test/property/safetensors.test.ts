/**
 * safetensors with random names, shapes and bits, and with random bytes in place of a file.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DataError } from "../../src/errors.ts";
import { byteWidth, type DType, dtypes } from "../../src/graph/dtype.ts";
import { sizeOf } from "../../src/graph/shape.ts";
import { readSafetensors, type Safetensors, type StoredTensor, writeSafetensors } from "../../src/io/safetensors.ts";
import { viewOf } from "../../src/runtime/compiled.ts";

const runs = Number(process.env.TENSORLOOM_FUZZ_RUNS ?? 1000);
const timeout = 60_000 + 10 * runs;

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
function contents({ tensors, metadata }: Safetensors) {
  const bits = ({ buffer, byteOffset, byteLength }: StoredTensor["data"]) =>
    Buffer.from(buffer, byteOffset, byteLength).toString("hex");
  const described = [...tensors].map(
    ([name, { dtype, shape, data }]) => [name, [dtype, shape, data.constructor.name, bits(data)]] as const,
  );
  return { tensors: new Map(described), metadata };
}

/** Reads, or gives a DataError of moderate length; anything else fails the test. */
function readOrRefuse(bytes: Uint8Array): Safetensors | null {
  try {
    return readSafetensors(bytes, "fuzzed");
  } catch (error) {
    if (!(error instanceof DataError)) throw error;
    expect(error.message).toMatch(/^fuzzed: /);
    expect(error.message.length).toBeLessThan(600);
    return null;
  }
}

/** What was accepted holds no more than was in the file, and JSON.parse sees the same names in its header. */
function checkAccepted(found: Safetensors | null, file: Uint8Array): void {
  if (found === null) return;
  const bytes = [...found.tensors.values()].reduce((sum, { data }) => sum + data.buffer.byteLength, 0);
  expect(bytes).toBeLessThan(file.length);
  const header: unknown = JSON.parse(new TextDecoder().decode(file.subarray(8, 8 + headerLength(file))));
  const names = Object.keys(header as object).filter((name) => name !== "__metadata__");
  expect(names.sort()).toEqual([...found.tensors.keys()].sort());
}

function headerLength(file: Uint8Array): number {
  return Number(new DataView(file.buffer, file.byteOffset).getBigUint64(0, true));
}

describe("safetensors", () => {
  it("come back as they were written, bit for bit", { timeout }, () => {
    fc.assert(
      fc.property(files, (file) => {
        const written: Safetensors = { tensors: new Map(file.tensors), metadata: new Map(file.metadata) };
        const bytes = writeSafetensors(written.tensors, written.metadata);
        expect(headerLength(bytes) % 8).toBe(0);
        const read = readSafetensors(bytes, "written");
        expect(contents(read)).toEqual(contents(written));
        checkAccepted(read, bytes);
        expect(Buffer.compare(writeSafetensors(read.tensors, read.metadata), bytes)).toBe(0);
      }),
      { numRuns: runs },
    );
  });

  it("random bytes are refused", { timeout }, () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        checkAccepted(readOrRefuse(bytes), bytes);
      }),
      { numRuns: runs },
    );
  });

  it("random text in place of the header is refused, or read as a whole", { timeout }, () => {
    const piece = fc.constantFrom(
      "{", "}", "[", "]", ":", ",", " ", '"a"', '"b"', '"dtype"', '"shape"', '"data_offsets"', '"__metadata__"', '"F32"', '"U8"', "0", "1", "4", "-1",
      "1e9", "9007199254740993", "null", "true", '{"dtype":"U8","shape":[1],"data_offsets":[0,1]}', '"x":', '"\\u0', "\u0001",
    ); // biome-ignore format: pieces
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 20 }), fc.boolean(), fc.nat({ max: 8 }), (pieces, open, dataBytes) => {
        const header = new TextEncoder().encode(open ? `{${pieces.join("")}}` : pieces.join(""));
        const bytes = new Uint8Array(8 + header.length + dataBytes);
        bytes[0] = header.length & 255;
        bytes[1] = header.length >> 8;
        bytes.set(header, 8);
        checkAccepted(readOrRefuse(bytes), bytes);
      }),
      { numRuns: runs },
    );
  });

  it("mutated files are refused, or read as a whole", { timeout }, () => {
    const mutation = fc.record({
      kind: fc.constantFrom("set", "flip", "insert", "remove", "cut", "repeat"),
      at: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
      byte: fc.oneof(fc.nat({ max: 255 }), fc.constantFrom(0x22, 0x7b, 0x7d, 0x2c, 0x30, 0x39, 0x5c)),
    });
    fc.assert(
      fc.property(files, fc.array(mutation, { minLength: 1, maxLength: 5 }), (file, mutations) => {
        let bytes = [...writeSafetensors(new Map(file.tensors), new Map(file.metadata))];
        for (const { kind, at, byte } of mutations) {
          const i = Math.floor(at * bytes.length);
          if (kind === "set") bytes[i] = byte;
          else if (kind === "flip") bytes[i] = (bytes[i] ?? 0) ^ (1 << (byte & 7));
          else if (kind === "insert") bytes.splice(i, 0, byte);
          else if (kind === "remove") bytes.splice(i, 1 + (byte & 7));
          else if (kind === "cut") bytes = bytes.slice(0, i);
          else bytes.splice(i, 0, ...bytes.slice(i, i + byte));
        }
        const mutated = Uint8Array.from(bytes);
        checkAccepted(readOrRefuse(mutated), mutated);
      }),
      { numRuns: runs },
    );
  });

  it("hostile headers take little time: a million members, deep nesting, one long text, spaces", { timeout }, () => {
    const million = 1_000_000;
    const headers = [
      `{"__metadata__":{${Array.from({ length: million }, (_, i) => `"${i}":""`).join(",")}}}`,
      `{${'"a":{'.repeat(million)}`,
      `{"a":${"[".repeat(million)}`,
      `{"${"\\u0041".repeat(million)}":{}}`,
      `{"${"\\".repeat(million)}`,
      `{${" ".repeat(5 * million)}}`,
      `{"a":{"dtype":"U8","shape":[${"1,".repeat(million)}1],"data_offsets":[0,0]}}`,
      `{"a":{"dtype":"U8","shape":[${"9".repeat(million)}],"data_offsets":[0,0]}}`,
    ];
    for (const header of headers) {
      const encoded = new TextEncoder().encode(header);
      const bytes = new Uint8Array(8 + encoded.length);
      new DataView(bytes.buffer).setBigUint64(0, BigInt(encoded.length), true);
      bytes.set(encoded, 8);
      const started = performance.now();
      readOrRefuse(bytes);
      expect(performance.now() - started).toBeLessThan(8000);
    }
  });
});
