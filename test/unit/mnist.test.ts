/**
 * Where MNIST is looked for, in which order, and what happens when a file or a server is not what it should be. Servers are
 * on the loopback, with small files of our own in place of the published ones.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { DataError } from "../../src/core/errors.ts";
import { gunzipped } from "../../src/data/gunzip.ts";
import { decodeIdxDataset, parseIdx } from "../../src/data/idx.ts";
import { type LoadMnistOptions, loadMnist } from "../../src/data/mnist.ts";
import { mnistFrom } from "../../src/data/mnist-bytes.ts";
import type { PublishedFile } from "../../src/data/mnist-files.ts";

function images(count: number): Uint8Array {
  const header = new DataView(new ArrayBuffer(16));
  [0x803, count, 28, 28].forEach((word, i) => {
    header.setUint32(4 * i, word);
  });
  return Buffer.concat([Buffer.from(header.buffer), Buffer.alloc(count * 784, 7)]);
}

function labels(count: number): Uint8Array {
  return Buffer.concat([
    Buffer.from([0, 0, 8, 1, 0, 0, 0, count]),
    Buffer.from(Array.from({ length: count }, (_, i) => i % 10)),
  ]);
}

const contents: Readonly<Record<string, Uint8Array>> = {
  "train-images-idx3-ubyte": images(20),
  "train-labels-idx1-ubyte": labels(20),
  "t10k-images-idx3-ubyte": images(10),
  "t10k-labels-idx1-ubyte": labels(10),
};
const files: readonly PublishedFile[] = Object.entries(contents).map(([name, bytes]) => ({
  name,
  bytes: bytes.length,
  sha256: createHash("sha256").update(bytes).digest("hex"),
}));

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const clean of cleanups.splice(0)) clean();
});

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), "tensorloom-mnist-"));
  cleanups.push(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

async function serve(answer: RequestListener): Promise<string> {
  const server: Server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  cleanups.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

const honest: RequestListener = (request, response) => {
  const bytes = contents[(request.url ?? "").slice(1).replace(/\.gz$/, "")];
  if (bytes === undefined) response.writeHead(404).end();
  else response.end(gzipSync(bytes));
};

/** Loads with a cache of its own; tells what was said on the way. */
async function load(home: string, mirrors: readonly string[], more: LoadMnistOptions = {}) {
  const said: string[] = [];
  const env = { XDG_CACHE_HOME: home };
  const dataset = await loadMnist({ env, mirrors, files, timeoutMs: 300, log: (line) => said.push(line), ...more });
  return { dataset, said, cache: join(home, "tensorloom", "mnist") };
}

describe("a folder that somebody names", () => {
  it.each([false, true])("is read (gzipped: %s), also under the other spelling", async (gzipped) => {
    const data = folder();
    for (const [name, bytes] of Object.entries(contents)) {
      const file = join(data, name.replace("-idx", ".idx"));
      writeFileSync(gzipped ? `${file}.gz` : file, gzipped ? gzipSync(bytes) : bytes);
    }
    const { train, test } = await loadMnist({ data, env: {} });
    expect([train.count, test.count, train.labels[3], train.images[0]]).toEqual([20, 10, 3, 7]);
    expect((await loadMnist({ env: { TENSORLOOM_DATA: data } })).origin).toContain("TENSORLOOM_DATA");
  });

  it("is an error when it is missing, no folder, incomplete or corrupt: nothing else is tried", async () => {
    const data = folder();
    const loading = (path: string) => loadMnist({ data: path, env: {} });
    await expect(loading(join(data, "nowhere"))).rejects.toThrow(/there is no folder .*nowhere/);
    await expect(loading(data)).rejects.toThrow(/has no train-images-idx3-ubyte/);
    for (const [name, bytes] of Object.entries(contents)) writeFileSync(join(data, name), bytes);
    await expect(loading(join(data, "train-labels-idx1-ubyte"))).rejects.toThrow(/is no folder/);
    writeFileSync(join(data, "train-labels-idx1-ubyte"), labels(20).subarray(0, 15));
    await expect(loading(data)).rejects.toThrow(/train-labels-idx1-ubyte/);
    writeFileSync(join(data, "train-labels-idx1-ubyte"), gzipSync(labels(20)).subarray(0, 20));
    await expect(loading(data)).rejects.toThrow(/truncated or corrupt/);
    await expect(loading(data)).rejects.toBeInstanceOf(DataError);
  });
});

it("gzip comes out in one piece of memory, whatever the file says of its length", async () => {
  const bytes = Uint8Array.from({ length: 100_000 }, (_, i) => i);
  const packed = gzipSync(bytes);
  const out = await gunzipped(packed);
  expect(out).toEqual(Buffer.from(bytes));
  expect(out.buffer.byteLength).toBeLessThan(bytes.length + 1000);
  expect(await gunzipped(Buffer.concat([packed, gzipSync(bytes.subarray(0, 5))]))).toHaveLength(100_005);
  for (const said of [0, 0xffffffff]) {
    packed.writeUInt32LE(said, packed.length - 4);
    await expect(gunzipped(packed)).rejects.toThrow("incorrect length check");
  }
  await expect(gunzipped(gzipSync(bytes), 99_999)).rejects.toThrow();
  await expect(gunzipped(Uint8Array.of(31))).rejects.toThrow();
});

describe("a download", () => {
  it("fills the cache, which is taken the next time, checked", async () => {
    const home = folder();
    const mirror = await serve(honest);
    const first = await load(home, [mirror]);
    expect([first.dataset.name, first.dataset.train.count, first.said]).toEqual(["mnist", 20, []]);
    expect(readdirSync(first.cache).sort()).toEqual(Object.keys(contents).sort());
    expect((await load(home, [])).dataset.origin).toContain("the cache");
    writeFileSync(join(first.cache, "t10k-labels-idx1-ubyte"), labels(9));
    const mended = await load(home, [mirror]);
    expect(mended.said[0]).toMatch(/t10k-labels-idx1-ubyte is damaged .* removed/);
    expect(mended.dataset.test.count).toBe(10);
  });

  it("goes to the next mirror when one has not the file", async () => {
    const missing = await serve((_, response) => response.writeHead(404).end());
    expect((await load(folder(), [missing, await serve(honest)])).dataset.name).toBe("mnist");
  });

  it.each([
    ["answers 404", ((_, response) => response.writeHead(404).end()) as RequestListener, /answered 404/],
    ["sends another file", ((_, response) => response.end(gzipSync(images(3)))) as RequestListener, /bytes|SHA-256/],
    ["sends other bytes", ((_, response) => response.end(gzipSync(Buffer.alloc(images(20).length)))) as RequestListener, /SHA-256/],
    ["breaks off", ((_, response) => response.end(gzipSync(images(20)).subarray(0, 30))) as RequestListener, /truncated or corrupt/],
    ["sends too much", ((_, response) => response.end(Buffer.alloc(100_000))) as RequestListener, /more bytes came/],
    ["sends a bomb", ((_, response) => response.end(gzipSync(Buffer.alloc(5_000_000)))) as RequestListener, /truncated or corrupt/],
    ["never answers", (() => {}) as RequestListener, /no answer within 300 ms/],
    ["stands still", ((_, response) => { response.write("x"); }) as RequestListener, /stood still/],
  ])("from a server that %s leaves nothing behind, and the error says it", async (_, answer, reason) => {
    const home = folder();
    await expect(load(home, [await serve(answer)], { synthetic: false })).rejects.toThrow(reason);
    const cache = join(home, "tensorloom", "mnist");
    expect(existsSync(cache) ? readdirSync(cache) : []).toEqual([]);
  }); // biome-ignore format: a table
});

describe("drawn digits", () => {
  it("stand in where nobody can be reached, and say so in the log and in the result", async () => {
    const { dataset, said } = await load(folder(), ["http://127.0.0.1:9/"]);
    expect(dataset.name).toBe("synthetic-digits");
    expect(dataset.origin).toMatch(/drawn by tensorloom, not MNIST/);
    expect(said).toHaveLength(1);
    expect(said[0]).toMatch(/^MNIST could not be had \(train-images.*\): these are other digits, drawn by tensorloom/);
  });

  it("with synthetic: false do not stand in: the error says why, where the data is and how to name it", async () => {
    for (const mirrors of [[], ["http://127.0.0.1:9/"]]) {
      const said: string[] = [];
      const loading = loadMnist({ env: { XDG_CACHE_HOME: folder() }, mirrors, files, synthetic: false, log: (line) => said.push(line) }); // biome-ignore format: short
      await expect(loading).rejects.toThrow(DataError);
      await expect(loading).rejects.toThrow(/^MNIST could not be had: .*Get train-images-idx3-ubyte\.gz.* from https:.*loadMnist\(\{ data: FOLDER \}\).*TENSORLOOM_DATA/); // biome-ignore format: short
      expect(said).toEqual([]);
    }
    expect((await load(folder(), [await serve(honest)])).dataset.name).toBe("mnist");
  });

  it("misspelt options are refused", async () => {
    await expect(loadMnist({ syntethic: false } as never)).rejects.toThrow(
      /no option "syntethic"; did you mean "synthetic"/,
    );
  });
});

describe("IDX files", () => {
  it("damaged in any way are a DataError, never anything else", () => {
    const good = labels(20);
    const mutated = fc.tuple(fc.nat(good.length - 1), fc.nat(255), fc.nat(good.length)).map(([at, byte, length]) => {
      const bytes = Uint8Array.from(good);
      bytes[at] = byte;
      return bytes.subarray(0, length);
    });
    const isRefusedOrRead = (bytes: Uint8Array): void => {
      try {
        parseIdx(bytes, "some file");
      } catch (error) {
        expect(error).toBeInstanceOf(DataError);
        expect((error as Error).message).toContain("some file");
      }
    };
    fc.assert(fc.property(fc.oneof(mutated, fc.uint8Array({ maxLength: 64 })), isRefusedOrRead), { numRuns: 2000 });
  });

  it("that do not belong together are refused", () => {
    const pair = (i: number, l: number) => ({
      images: { name: "images", bytes: images(i) },
      labels: { name: "labels", bytes: labels(l) },
    });
    expect(() => decodeIdxDataset({ name: "mnist", origin: "here", train: pair(3, 4), test: pair(2, 2) })).toThrow(
      DataError,
    );
  });

  it("make a data set without a folder, for a page; what is missing or damaged is named", () => {
    const files = { trainImages: images(3), trainLabels: labels(3), testImages: images(2), testLabels: labels(2) };
    const { train, test, origin } = mnistFrom({ ...files, origin: "my files" });
    expect([train.count, test.count, origin]).toEqual([3, 2, "my files"]);
    expect(train.images).toEqual(
      decodeIdxDataset({ name: "mnist", origin: "here", train: named(3), test: named(2) }).train.images,
    );
    const { testLabels: _, ...three } = files;
    expect(() => mnistFrom(three as never)).toThrow(/^mnistFrom: testLabels is missing/);
    expect(() => mnistFrom({ ...files, trainImages: images(3).subarray(1) })).toThrow(/^trainImages: /);
    expect(() => mnistFrom({ ...files, testLabels: gzipSync(labels(2)) })).toThrow(/^testLabels: .*gzip/);
  });
});

const named = (count: number) => ({
  images: { name: "images", bytes: images(count) },
  labels: { name: "labels", bytes: labels(count) },
});
const real = fileURLToPath(new URL("../../../shared/data/mnist", import.meta.url));

describe("the real MNIST", () => {
  it("is read and checked where it is at hand", async () => {
    if (!existsSync(real)) return;
    const { train, test } = await loadMnist({ data: real, env: {} });
    expect([train.count, test.count, test.labels[0]]).toEqual([60_000, 10_000, 7]);
  });
});
