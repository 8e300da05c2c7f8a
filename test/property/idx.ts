/**
 * IDX files, plain and gzipped, whatever is in them: read as a whole, or refused by an error that names the file, in little
 * time and with no more memory than the file has.
 */
import { match, ok, strictEqual } from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { DataError } from "../../src/core/errors.ts";
import { parseIdx } from "../../src/data/idx.ts";
import { loadMnist } from "../../src/data/mnist.ts";
import { mutations } from "./hostile-bytes.ts";
import { cpuMs, type Property, property } from "./property.ts";

const types = { 8: 1, 9: 1, 11: 2, 12: 4, 13: 4, 14: 8 } as const;

/** A header and as many bytes as one likes. */
function idxFile(type: number, shape: readonly number[], dataBytes: number): Uint8Array {
  const bytes = new Uint8Array(4 + 4 * shape.length + dataBytes);
  bytes.set([0, 0, type, shape.length]);
  const view = new DataView(bytes.buffer);
  for (const [axis, size] of shape.entries()) view.setUint32(4 + 4 * axis, size);
  for (let i = 4 + 4 * shape.length; i < bytes.length; i++) bytes[i] = i % 251;
  return bytes;
}

const wellFormed = fc
  .record({
    type: fc.constantFrom<keyof typeof types>(0x08, 0x09, 0x0b, 0x0c, 0x0d, 0x0e),
    shape: fc.array(fc.nat({ max: 5 }), { minLength: 1, maxLength: 4 }),
  })
  .map(({ type, shape }) => {
    const count = shape.reduce((product, size) => product * size, 1);
    return { count, shape, bytes: idxFile(type, shape, count * types[type]) };
  });

const hugeCount = fc.oneof(fc.nat({ max: 0xffffffff }), fc.constantFrom(0, 1, 0x7fffffff, 0x80000000, 0xffffffff));
const hugeHeader = fc
  .record({
    type: fc.constantFrom(...Object.keys(types).map(Number)),
    shape: fc.array(hugeCount, { minLength: 1, maxLength: 255, size: "max" }),
    dataBytes: fc.nat({ max: 64 }),
  })
  .map(({ type, shape, dataBytes }) => idxFile(type, shape, dataBytes));

/** Reads, or is refused with the file's name, fast. */
function readOrRefuse(bytes: Uint8Array): void {
  const started = cpuMs();
  try {
    const { data, shape } = parseIdx(bytes, "some file");
    strictEqual(
      shape.reduce((product, size) => product * size, 1),
      data.length,
    );
    ok(data.byteLength <= bytes.length, `${data.byteLength} bytes of ${bytes.length}`);
  } catch (error) {
    checkRefusal(error, /^some file: /);
  }
  const took = cpuMs() - started;
  ok(took < 1000, `took ${took} ms`);
}

function checkRefusal(error: unknown, file: RegExp): void {
  if (!(error instanceof DataError)) throw error;
  match(error.message, file);
  ok(error.message.length < 4000, `${error.message.length} characters`);
}

// ---- the four files of MNIST, in a folder ----------------------------------------------------------------------------

const members = {
  "train-images-idx3-ubyte": idxFile(0x08, [3, 28, 28], 3 * 784),
  "train-labels-idx1-ubyte": Uint8Array.from([0, 0, 8, 1, 0, 0, 0, 3, 1, 2, 3]),
  "t10k-images-idx3-ubyte": idxFile(0x08, [2, 28, 28], 2 * 784),
  "t10k-labels-idx1-ubyte": Uint8Array.from([0, 0, 8, 1, 0, 0, 0, 2, 9, 0]),
};

async function loadsOrRefuses(member: keyof typeof members, bytes: Uint8Array): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "tensorloom-idx-"));
  const started = cpuMs();
  try {
    for (const [name, whole] of Object.entries(members)) if (name !== member) writeFileSync(join(folder, name), whole);
    writeFileSync(join(folder, `${member}.gz`), bytes);
    const { train, test } = await loadMnist({ data: folder, env: {} });
    ok(train.images.length === train.count * 784 && test.labels.length === test.count);
  } catch (error) {
    checkRefusal(error, /-(images|labels)-idx[13]-ubyte/);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  const took = cpuMs() - started;
  ok(took < 3000, `took ${took} ms`);
}

const someMember = fc.constantFrom(...(Object.keys(members) as (keyof typeof members)[]));

export const idxProperties: readonly Property[] = [
  property(
    "IDX files are read as a whole",
    500,
    fc.property(wellFormed, ({ bytes, count, shape }) => {
      const read = parseIdx(bytes, "some file");
      strictEqual(read.data.length, count);
      strictEqual(read.shape.join(), shape.join());
    }),
  ),
  property(
    "random bytes, and headers with huge counts, are read or refused as IDX",
    1500,
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 64 }), hugeHeader), readOrRefuse),
  ),
  property(
    "mutated IDX files are read or refused",
    1500,
    fc.property(wellFormed, mutations(0, 1, 8, 9, 13, 14, 255), ({ bytes }, mutate) => readOrRefuse(mutate(bytes))),
  ),
  property(
    "a gzipped file of MNIST that is damaged, before or after it was packed, is read or refused by name",
    200,
    fc.asyncProperty(someMember, mutations(0x1f, 0x8b, 0, 255), fc.boolean(), (member, mutate, before) => {
      const original = members[member];
      return loadsOrRefuses(member, before ? gzipSync(mutate(original)) : mutate(gzipSync(original)));
    }),
  ),
];
