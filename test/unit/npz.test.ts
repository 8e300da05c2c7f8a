/**
 * npz: archives of NumPy and of another tool, array by array; writing; and archives that are damaged.
 */
import { readFileSync } from "node:fs";
import { describe, expect, it, test } from "vitest";
import { valueIn } from "../../src/core/dtype.ts";
import { DataError, UserError } from "../../src/core/errors.ts";
import { readNpz, writeNpz } from "../../src/io/npz.ts";
import type { StoredTensor } from "../../src/io/safetensors.ts";
import { readZip } from "../../src/io/zip.ts";

const folder = new URL("../fixtures/npy/", import.meta.url);
const fixture = (name: string): Uint8Array => new Uint8Array(readFileSync(new URL(name, folder)));
const expected = JSON.parse(readFileSync(new URL("expected.json", folder), "utf8")) as Readonly<
  Record<string, Readonly<Record<string, { readonly shape: readonly number[]; readonly values: readonly unknown[] }>>>
>;
const archives = Object.keys(expected).filter((name) => name.endsWith(".npz"));

const numbers = ({ dtype, data }: StoredTensor): number[] => Array.from(data, (held) => valueIn(dtype, held));

test("there are five archives", () => expect(archives).toHaveLength(5));

test.each(archives)("%s: every array", async (name) => {
  const { tensors, skipped } = await readNpz(fixture(name), name);
  expect([...tensors.keys()]).toEqual(Object.keys(expected[name] ?? {}));
  expect(skipped).toEqual([]);
  for (const [array, { shape, values }] of Object.entries(expected[name] ?? {})) {
    const tensor = tensors.get(array) as StoredTensor;
    expect(tensor.shape).toEqual(shape);
    expect(numbers(tensor)).toEqual(values.flat().map(Number));
  }
});

test("arrays that are not asked for are not read", async () => {
  const { tensors, skipped } = await readNpz(fixture("deflated.npz"), "a.npz", { only: ["y", "nowhere"] });
  expect([[...tensors.keys()], skipped]).toEqual([["y"], ["x", "layer.0/weight", "é"]]);
});

describe("writing", () => {
  const tensors = new Map<string, StoredTensor>([
    ["dense1.kernel", { dtype: "f32", shape: [2, 3], data: Float32Array.of(1, -0, Number.NaN, 4, 5, 6) }],
    ["zähler", { dtype: "i32", shape: [], data: Int32Array.of(-7) }],
    ["__proto__", { dtype: "bool", shape: [1], data: Uint8Array.of(1) }],
    ["7", { dtype: "f64", shape: [0, 2], data: new Float64Array(0) }],
  ]);

  test.each([false, true])("and reading gives the same tensors in the same order, compressed: %s", async (compress) => {
    const bytes = await writeNpz(tensors, { compress });
    const read = await readNpz(bytes);
    expect([...read.tensors.keys()]).toEqual([...tensors.keys()]);
    expect(read.tensors).toEqual(tensors);
    expect(await writeNpz(tensors, { compress })).toEqual(bytes);
  });

  it("compresses where that is asked for", async () => {
    const zeros = new Map([["a", { dtype: "f32", shape: [1000], data: new Float32Array(1000) } as const]]);
    expect((await writeNpz(zeros)).length).toBeGreaterThan(4000);
    expect((await writeNpz(zeros, { compress: true })).length).toBeLessThan(400);
  });

  it("names the tensor that cannot be written", async () => {
    const brain = new Map([["w", { dtype: "bf16", shape: [1], data: new Uint16Array(1) } as const]]);
    await expect(writeNpz(brain)).rejects.toThrow(/^writeNpz: "w" is bf16, for which npy has no name.* cast it to f32/);
    await expect(writeNpz({} as never)).rejects.toThrow(UserError);
  });
});

describe("archives that are damaged", () => {
  const refusal = async (bytes: Uint8Array): Promise<string> => {
    try {
      await readNpz(bytes, "a.npz");
    } catch (error) {
      expect(error).toBeInstanceOf(DataError);
      return (error as DataError).message;
    }
    return "accepted";
  };

  it("are refused, whichever byte of an array is changed", async () => {
    for (const name of ["stored.npz", "deflated.npz"]) {
      const bytes = fixture(name);
      const { byteOffset, length } = (await readZip(bytes, name).get("x.npy")?.read()) ?? new Uint8Array();
      const [from, to] =
        name === "stored.npz" ? [byteOffset - bytes.byteOffset, byteOffset - bytes.byteOffset + length] : [60, 120];
      for (let at = from; at < to; at++) {
        const damaged = bytes.slice();
        damaged[at] = (damaged[at] ?? 0) ^ 0x10;
        expect(await refusal(damaged), `${name}, byte ${at}`).toMatch(/^a\.npz/);
      }
    }
  });

  it("are refused or read as they were, whichever byte is changed and wherever they are cut", async () => {
    const bytes = fixture("deflated_descriptors.npz");
    const whole = (await readNpz(bytes)).tensors;
    for (let at = 0; at < bytes.length; at++) {
      const damaged = bytes.slice();
      damaged[at] = (damaged[at] ?? 0) ^ (1 << (at % 8));
      const message = await refusal(damaged);
      if (message !== "accepted") expect(message).toMatch(/^a\.npz/);
      else
        expect(
          [...(await readNpz(damaged)).tensors.values()].every((tensor) =>
            [...whole.values()].some((one) => String(one.data) === String(tensor.data)),
          ),
        ).toBe(true);
      expect(await refusal(bytes.subarray(0, at))).toMatch(/^a\.npz: .*(truncated|corrupt)/);
    }
  });

  it("that claim to hold much are not believed", async () => {
    const bytes = fixture("deflated.npz");
    const view = new DataView(bytes.buffer);
    const directory = view.getUint32(bytes.length - 6, true);
    view.setUint32(directory + 24, 0xf000_0000, true);
    expect(await refusal(bytes)).toMatch(/bytes cannot hold 4026531840; the archive is corrupt/);
  });

  it("whose entries share bytes are refused", async () => {
    const zeros = { dtype: "f32", shape: [1000], data: new Float32Array(1000) } as const;
    const bytes = await writeNpz(new Map([["a", zeros], ["b", zeros]]), { compress: true }); // biome-ignore format: short
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const first = view.getUint32(bytes.length - 6, true);
    const second = first + 46 + view.getUint16(first + 28, true) + view.getUint16(first + 30, true);
    expect(await refusal(bytes)).toBe("accepted");
    view.setUint32(second + 42, view.getUint32(first + 42, true), true);
    expect(await refusal(bytes)).toBe('a.npz: the entry "b.npy" overlaps another one; the archive is corrupt');
  });

  it("are told from files of another kind", async () => {
    expect(await refusal(new Uint8Array(100))).toMatch(/expected a zip archive, found no directory at its end/);
    await expect(readNpz("a.npz" as never)).rejects.toThrow(/takes the bytes of a file/);
  });
});
