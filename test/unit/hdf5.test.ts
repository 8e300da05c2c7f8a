/**
 * HDF5 through h5wasm: every array of every file of Keras's, chunks and compression, big-endian numbers, and files that are damaged.
 */
import * as h5wasm from "h5wasm";
import { describe, expect, it, test } from "vitest";
import { valueIn } from "../../src/core/dtype.ts";
import { DataError } from "../../src/core/errors.ts";
import { readHdf5 } from "../../src/io/hdf5.ts";
import { readZip } from "../../src/io/zip.ts";
import { arraysOf, type WeightCase, weightCases, weightFile } from "../keras-weight-files.ts";

const read = (bytes: Uint8Array, name = "a.h5") => readHdf5(bytes, name, h5wasm);

const inside = async (name: string): Promise<Uint8Array> => {
  const bytes = weightFile(name);
  return name.endsWith(".keras") ? ((await readZip(bytes, name).get("model.weights.h5")?.read()) ?? bytes) : bytes;
};

const files = weightCases.flatMap((one) => Object.keys(one.files).map((name) => [name, one] as const));

describe("every array of", () => {
  test.each(files.filter(([name]) => name !== "sequential.h5"))("%s", async (name, one) => {
    const { tensors, others, left } = await read(await inside(name), name);
    const expected = arraysOf(one);
    expect([others, left]).toEqual([[], []]);
    expect([...tensors.keys()].sort()).toEqual([...expected.keys()].sort());
    for (const [path, { shape, data, dtype, stored }] of expected) {
      const tensor = tensors.get(path);
      expect(tensor?.shape, path).toEqual(shape);
      expect(tensor?.dtype, path).toBe(stored ? "bf16" : ({ float16: "f16", int64: "i32" }[dtype ?? ""] ?? "f32"));
      const numbers = Array.from(tensor?.data ?? [], (held) => valueIn(tensor?.dtype ?? "f32", held));
      expect(numbers, path).toEqual(
        data.map((value) => (tensor?.dtype === "f32" ? Math.fround(Number(value)) : closest(value, numbers))),
      );
    }
  });

  /** Decimals of short floats are rounded: to the digits given. */
  function closest(value: unknown, numbers: readonly number[]): number {
    return numbers.find((number) => Math.abs(number - Number(value)) <= 1e-7) ?? Number(value);
  }

  it("sequential.h5, whose arrays are those of sequential.weights.h5 under other names", async () => {
    const [one] = weightCases as readonly [WeightCase];
    const { tensors, attributes } = await read(weightFile("sequential.h5"));
    const listed = one.files["sequential.h5"] as readonly {
      readonly path: string;
      readonly shape?: readonly number[];
    }[];
    const shapes = listed.filter(({ shape }) => shape !== undefined).map(({ path, shape }) => [path, shape]);
    expect([...tensors].map(([path, { shape }]) => [path, shape])).toEqual(shapes);
    const [kernel, moved] = [
      tensors.get("model_weights/answer/small/answer/kernel"),
      arraysOf(one).get("layers/dense/vars/0"),
    ];
    expect([...(kernel?.data ?? [])]).toEqual(moved?.data.map((value) => Math.fround(Number(value))));
    expect(attributes.get("model_weights")?.get("layer_names")).toEqual(
      "look batch_normalization reshape lstm dropout answer".split(" "),
    );
  });

  it("a file in chunks and compressed, of whole numbers, truth values, scalars and empty arrays; and nothing of what is no array", async () => {
    const bytes = await written((file) => {
      const data = Float32Array.from({ length: 1000 }, (_, i) => i % 7);
      file.create_dataset({
        name: "packed",
        data,
        shape: [10, 100],
        chunks: [3, 40],
        compression: "gzip",
        compression_opts: [6],
      });
      const group = file.create_group("group");
      group.create_dataset({ name: "long", data: BigInt64Array.of(5n, -3n), dtype: "<q" });
      group.create_dataset({ name: "byte", data: Int8Array.of(-128, 127), dtype: "<b" });
      group.create_dataset({ name: "scalar", data: 2.5, shape: [], dtype: "<d" });
      group.create_dataset({ name: "empty", data: new Float32Array(0), shape: [0, 3], dtype: "<f" });
      file.create_dataset({ name: "words", data: ["a", "b"] });
      file.create_soft_link("/nowhere", "broken");
      file.create_external_link("/etc/passwd", "/", "outside");
      file.create_attribute("name", "me");
    });
    const { tensors, others, attributes } = await read(bytes);
    expect([...(tensors.get("packed")?.data ?? [])]).toEqual(Array.from({ length: 1000 }, (_, i) => i % 7));
    expect(tensors.get("group/long")).toEqual({ dtype: "i32", shape: [2], data: Int32Array.of(5, -3) });
    expect(tensors.get("group/byte")).toEqual({ dtype: "i32", shape: [2], data: Int32Array.of(-128, 127) });
    expect(tensors.get("group/scalar")).toEqual({ dtype: "f64", shape: [], data: Float64Array.of(2.5) });
    expect(tensors.get("group/empty")).toEqual({ dtype: "f32", shape: [0, 3], data: new Float32Array(0) });
    expect([others, attributes.get("")?.get("name")]).toEqual([["words"], ["me"]]);
    expect(tensors.size).toBe(5);
  });

  it("a file of big-endian numbers", async () => {
    const bytes = weightFile("own.weights.h5");
    let turned = 0;
    for (let at = 0; at + 8 < bytes.length; at++) {
      // A datatype message: class 1 (floats) of version 1, little-endian, four bytes.
      if ([0x11, 0x20, 0x1f, 0, 4, 0, 0, 0].some((byte, i) => bytes[at + i] !== byte)) continue;
      bytes[at + 1] = 0x21;
      turned += 1;
    }
    const [little, big] = [await read(weightFile("own.weights.h5")), await read(bytes)];
    expect(turned).toBe(7);
    for (const [path, { data }] of little.tensors) {
      const view = new DataView(data.slice().buffer);
      const swapped = Array.from(data, (_, i) => view.getFloat32(4 * i, false));
      expect([...(big.tensors.get(path)?.data ?? [])]).toEqual(swapped);
    }
  });
});

/** A file made by the library. */
async function written(make: (file: InstanceType<typeof h5wasm.File>) => void): Promise<Uint8Array> {
  const { FS } = await h5wasm.ready;
  const file = new h5wasm.File("/made.h5", "w");
  make(file);
  file.close();
  const bytes = FS.readFile("/made.h5").slice();
  FS.unlink("/made.h5");
  return bytes;
}

describe("files that are damaged", () => {
  const bytes = weightFile("float16.weights.h5");

  it("are refused wherever they are cut", async () => {
    for (let at = 0; at < bytes.length; at += 97) {
      await expect(read(bytes.subarray(0, at), "cut.h5"), `at ${at}`).rejects.toThrow(
        /^cut\.h5: the HDF5 file cannot be read, it is truncated or corrupt: H5Fopen/,
      );
    }
  });

  it("are refused or read, whichever byte is changed, and leave the library as it was", async () => {
    let refused = 0;
    for (let at = 8; at < bytes.length; at += 23) {
      const damaged = bytes.slice();
      damaged[at] = (damaged[at] ?? 0) ^ 0xff;
      await read(damaged, "damaged.h5").catch((error: unknown) => {
        expect(error).toBeInstanceOf(DataError);
        expect(String(error)).toContain("damaged.h5: ");
        refused += 1;
      });
    }
    expect(refused).toBeGreaterThan(10);
    expect((await read(bytes)).tensors.size).toBe(2);
    expect((await h5wasm.ready).FS.analyzePath("/tensorloom.h5", false).exists).toBe(false);
  });

  it("that claim to hold much are not believed", async () => {
    const grown = (rows: number, filler: number) =>
      written((file) => {
        file.create_dataset({ name: "a", data: new Float32Array(filler), shape: [filler], dtype: "<f" });
        const data = new Float32Array(4);
        file.create_dataset({ name: "w", data, shape: [4], maxshape: [null], chunks: [4], dtype: "<f" });
        file.get("w") instanceof h5wasm.Dataset &&
          (file.get("w") as InstanceType<typeof h5wasm.Dataset>).resize([rows]);
      });
    const huge = await grown(1e12, 1);
    await expect(read(huge, "huge.h5")).rejects.toThrow(
      /huge\.h5: the dataset "w": 4000000000000 bytes are expected of a file of/,
    );
    // as much as deflate might hold in so many bytes, and a little more than 4 GiB
    const large = await grown(2 ** 30 + 58_176, 1.2e6);
    await expect(read(large, "large.h5")).rejects.toThrow(
      /"w": its 4295200000 bytes are more than the HDF5 library takes/,
    );
    expect((await read(bytes)).tensors.size).toBe(2);
  });

  it("that go round in circles come to an end", async () => {
    const circle = await written((file) => file.create_hard_link("/", "again"));
    await expect(read(circle, "circle.h5").then(({ tensors }) => tensors.size)).rejects.toThrow(
      /nest deeper than 64, or in a circle/,
    );
  });
});
