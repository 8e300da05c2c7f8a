/** npy, npz, IDX and folders of images as datasets: what comes, in blocks too, and what is refused, by its file. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { encode } from "fast-png";
import { afterAll, describe, expect, test } from "vitest";
import { Pixels } from "../../src/data/pixels.ts";
import { idx, npy, npz } from "../../src/data/sources/arrays.ts";
import { imageFolder } from "../../src/data/sources/image-folder.ts";
import { writeNpy } from "../../src/io/npy.ts";
import { writeNpz } from "../../src/io/npz.ts";
import type { StoredTensor } from "../../src/io/safetensors.ts";

const folder = mkdtempSync(join(tmpdir(), "tensorloom-files-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let files = 0;
function file(bytes: Uint8Array, ending = "npy"): string {
  const path = join(folder, `file${files++}.${ending}`);
  writeFileSync(path, bytes);
  return path;
}

const counting = (size: number): Float32Array => Float32Array.from({ length: size }, (_, i) => i);
const tensor = (shape: readonly number[], data = counting(shape.reduce((a, b) => a * b, 1))): StoredTensor => ({ dtype: "f32", shape, data }); // biome-ignore format: short

describe("npy", () => {
  test("rows of one file, numbers of another", async () => {
    const x = file(writeNpy(tensor([3, 2, 2])));
    const y = file(writeNpy({ dtype: "i32", shape: [3], data: Int32Array.of(7, 8, 9) }));
    expect(await npy({ x, y }).toArray()).toEqual(
      [0, 1, 2].map((row) => ({ x: counting(12).slice(4 * row, 4 * row + 4), y: 7 + row })),
    );
    expect(await npy(y).toArray()).toEqual([7, 8, 9]);
    expect(await npy({ x, y }).batch(2).toArray()).toEqual([
      { x: counting(8), y: Float64Array.of(7, 8) },
      { x: counting(12).slice(8), y: Float64Array.of(9) },
    ]);
  });

  test("blocks, and a place in the middle, whose rows before are not read", async () => {
    const rows = 3000;
    const data = npy(file(writeNpy(tensor([rows, 300])))).batch(7);
    const whole = await data.toArray();
    expect(whole.flatMap((batch) => [...(batch as Float32Array)])).toEqual([...counting(rows * 300)]);
    const rest: unknown[] = [];
    for await (const batch of data.iterate(0, 400)) rest.push(batch);
    expect(rest).toEqual(whole.slice(400));
  });

  test("refused", async () => {
    const x = file(writeNpy(tensor([3, 2])));
    await expect(npy({ x, y: file(writeNpy(tensor([4]))) }).toArray()).rejects.toThrow(
      /file\d+.npy has 4 rows, .*file\d+.npy 3/,
    );
    truncateSync(x, 140);
    await expect(npy(x).toArray()).rejects.toThrow(`${x}: the file is truncated: expected 152 bytes, found 140`);
    truncateSync(x, 40);
    await expect(npy(x).toArray()).rejects.toThrow(`${x}: the file is truncated: it ends within its header`);
    const half = file(writeNpy({ dtype: "f16", shape: [2], data: new Uint16Array(2) }));
    await expect(npy(half).toArray()).rejects.toThrow('is f16: save it as f4, x.astype("float32")');
    await expect(npy(file(writeNpy(tensor([], counting(1))))).toArray()).rejects.toThrow("it is a single number");
    await expect(npy(join(folder, "none.npy")).toArray()).rejects.toThrow(
      "none.npy: could not be read: there is no such file",
    );
    const turned = Buffer.from(writeNpy(tensor([2, 3]))).toString("latin1").replace("False", "True "); // biome-ignore format: short
    await expect(npy(file(Buffer.from(turned, "latin1"))).toArray()).rejects.toThrow("it is in Fortran's order");
    expect(() => npy({} as never)).toThrow('npy takes files by name, { x: "x.npy", y: "y.npy" }');
  });
});

test("npz: its arrays together; those asked for; what is not there", async () => {
  const path = file(await writeNpz(new Map([["x", tensor([2, 2])], ["y", tensor([2])], ["z", tensor([5])]])), "npz"); // biome-ignore format: short
  const data = npz<{ readonly x: Float32Array; readonly y: number }>(path, { only: ["x", "y"] });
  expect(await data.toArray()).toEqual([{ x: Float32Array.of(0, 1), y: 0 }, { x: Float32Array.of(2, 3), y: 1 }]); // biome-ignore format: rows
  expect(await data.toArray(1)).toEqual(await data.toArray());
  await expect(npz(path).toArray()).rejects.toThrow("dataset: x has 2 rows, z 5");
  await expect(npz(path, { only: ["w"] }).toArray()).rejects.toThrow(`${path}: there is no array "w"`);
  truncateSync(path, 100);
  await expect(npz(path).toArray()).rejects.toThrow(path);
});

test("IDX, packed or not: images are pixels", async () => {
  const images = file(Uint8Array.of(0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 1, 2, 3, 4), "idx");
  const labels = file(gzipSync(Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 2, 5, 6)), "idx.gz");
  const data = idx<{ readonly x: Pixels; readonly y: number }>({ x: images, y: labels });
  const [first] = await data.toArray();
  expect(first?.x).toBeInstanceOf(Pixels);
  expect(await data.toArray()).toEqual([{ x: Pixels.of(1, 2), y: 5 }, { x: Pixels.of(3, 4), y: 6 }]); // biome-ignore format: rows
  truncateSync(labels, 15);
  await expect(idx({ x: images, y: labels }).toArray()).rejects.toThrow(
    `${labels}: the gzip file is truncated or corrupt`,
  );
  truncateSync(images, 18);
  await expect(idx({ x: images }).toArray()).rejects.toThrow(`${images}: the file is truncated`);
});

/** 16 x 8, all of about 200, 10, 50; made with mozjpeg. */
const jpeg = Buffer.from(
  "/9j/4AAQSkZJRgABAQAAAQABAAD/2wCEAAgICAgJCAkKCgkNDgwODRMREBARExwUFhQWFBwrGx8bGx8bKyYuJSMlLiZENS8vNUROQj5CTl9VVV93cXecnNEBCAgICAkICQoKCQ0ODA4NExEQEBETHBQWFBYUHCsbHxsbHxsrJi4lIyUuJkQ1Ly81RE5CPkJOX1VVX3dxd5yc0f/CABEIAAgAEAMBIgACEQEDEQH/xAAoAAEBAAAAAAAAAAAAAAAAAAAABgEBAQAAAAAAAAAAAAAAAAAABAf/2gAMAwEAAhADEAAAAIYDrn//xAAUEAEAAAAAAAAAAAAAAAAAAAAQ/9oACAEBAAE/AD//xAAUEQEAAAAAAAAAAAAAAAAAAAAA/9oACAECAQE/AH//xAAUEQEAAAAAAAAAAAAAAAAAAAAA/9oACAEDAQE/AH//2Q==",
  "base64",
);

describe("folders of images", () => {
  const png = (
    width: number,
    height: number,
    channels: number,
    data: readonly number[],
    depth: 8 | 16 = 8,
  ): Uint8Array =>
    encode({ width, height, channels, depth, data: depth === 8 ? Uint8Array.from(data) : Uint16Array.from(data) });
  function images(name: string, contents: Readonly<Record<string, Uint8Array>>): string {
    const path = join(folder, name);
    for (const [file, bytes] of Object.entries(contents)) {
      mkdirSync(join(path, file, ".."), { recursive: true });
      writeFileSync(join(path, file), bytes);
    }
    return path;
  }

  test("classes and files by name; grey, transparent, 16 bits, JPEG; what is no image is passed over", async () => {
    const path = images("kinds", {
      "b/grey.png": png(1, 1, 1, [100]),
      "a/two.PNG": png(1, 1, 4, [10, 20, 30, 0]),
      "a/one.png": png(1, 1, 3, [1, 2, 3]),
      "b/deep.png": png(1, 1, 1, [0x1234], 16),
      "a/readme.txt": Uint8Array.of(1),
      "c/photo.jpeg": jpeg,
    });
    const data = imageFolder(path, { size: 1 });
    expect(data.size).toBe(5);
    expect((await data.toArray()).map(({ x, y }) => [y, ...x])).toEqual([
      [0, 1, 2, 3],
      [0, 10, 20, 30],
      [1, 0x12, 0x12, 0x12],
      [1, 100, 100, 100],
      [2, 200, 9, 50],
    ]);
    const grey = await imageFolder(path, { size: [1, 1], channels: 1, classes: ["c", "b"] }).toArray();
    expect(grey.map(({ x, y }) => [y, ...x])).toEqual([[0, 71], [1, 0x12], [1, 100]]); // biome-ignore format: rows
    expect(grey[0]?.x).toBeInstanceOf(Pixels);
  });

  test("resized between the centres of pixels, as Keras's Resizing", async () => {
    const path = images("sizes", { "a/ramp.png": png(4, 2, 1, [0, 40, 80, 120, 100, 140, 180, 220]) });
    const at = async (size: readonly number[]): Promise<number[]> => [...((await imageFolder(path, { size, channels: 1 }).toArray())[0]?.x ?? [])]; // biome-ignore format: short
    expect(await at([2, 4])).toEqual([0, 40, 80, 120, 100, 140, 180, 220]);
    expect(await at([1, 2])).toEqual([70, 150]);
    expect(await at([2, 8])).toEqual([0, 10, 30, 50, 70, 90, 110, 120, 100, 110, 130, 150, 170, 190, 210, 220]);
  });

  test("refused", async () => {
    const path = images("broken", {
      "a/x.png": png(
        4,
        4,
        1,
        Array.from({ length: 16 }, (_, i) => i),
      ),
    });
    const first = (): Promise<unknown> => imageFolder(path, { size: 2 }).toArray();
    const x = join(path, "a/x.png");
    truncateSync(x, readFileSync(x).length - 20);
    await expect(first()).rejects.toThrow(`${x}: could not be decoded`);
    writeFileSync(x, "a page that was saved as a picture");
    await expect(first()).rejects.toThrow(
      `${x}: could not be decoded: it is neither PNG nor JPEG (its name ends in .png)`,
    );
    writeFileSync(x, jpeg.subarray(0, 280));
    await expect(first()).rejects.toThrow(`${x}: could not be decoded: the JPEG file is truncated`);
    rmSync(x);
    expect(() => imageFolder(path)).toThrow("has no .png, .jpg or .jpeg file in the folders a");
    expect(() => imageFolder(join(path, "a"))).toThrow("has no folders: an image belongs in the folder of its class");
    expect(() => imageFolder(join(path, "none"))).toThrow("none: could not be read");
    expect(() => imageFolder(path, { classes: ["z"] })).toThrow('has no folder "z"');
    expect(() => imageFolder(path, { size: [1, 2, 3] })).toThrow(
      "imageFolder: size must be one number, or height and width",
    );
    expect(() => imageFolder(path, { channels: 2 as never })).toThrow("imageFolder: channels must be 1 or 3, not 2");
  });
});
