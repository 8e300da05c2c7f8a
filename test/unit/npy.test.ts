/**
 * npy: files of NumPy, array by array; bytes as NumPy writes them; and every way in which a file can be wrong.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, it, test } from "vitest";
import { valueIn } from "../../src/core/dtype.ts";
import { DataError, UserError } from "../../src/core/errors.ts";
import { readNpy, writeNpy } from "../../src/io/npy.ts";
import { readNpyHeader } from "../../src/io/npy-header.ts";
import type { StoredTensor } from "../../src/io/safetensors.ts";

const folder = new URL("../fixtures/npy/", import.meta.url);
const fixture = (name: string): Uint8Array => new Uint8Array(readFileSync(new URL(name, folder)));

interface Expected {
  readonly version: readonly number[];
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly sha256?: string;
  readonly values: readonly unknown[];
}

const expected = new Map<string, Expected>(
  Object.entries(JSON.parse(readFileSync(new URL("expected.json", folder), "utf8"))),
);
const arrays = [...expected].filter(([name]) => name.endsWith(".npy"));

/** What is refused, and why. */
const refused: ReadonlyMap<string, string> = new Map([
  ["complex64.npy", 'found "<c8", complex numbers'],
  ["text.npy", 'found "<U2", texts'],
  ["bytes.npy", 'found "|S2", bytes'],
  ["fields.npy", "found records"],
  ["fields_unicode.npy", "found records"],
]);

/** Names of NumPy's types -> what they are read as. */
const readAs: Readonly<Record<string, string>> = {
  float16: "f16",
  float32: "f32",
  float64: "f64",
  bfloat16: "bf16",
  bool: "bool",
  int8: "i32",
  int16: "i32",
  int32: "i32",
  int64: "i32",
  uint8: "u8",
  uint16: "u32",
  uint32: "u32",
  uint64: "u32",
};

const numbers = ({ dtype, data }: StoredTensor): number[] => Array.from(data, (held) => valueIn(dtype, held));
const flat = (values: unknown): number[] =>
  (Array.isArray(values) ? values.flat(Number.POSITIVE_INFINITY) : [values]).map(Number);

describe("files of NumPy", () => {
  test.each(arrays.filter(([name]) => !refused.has(name)))("%s", (name, { dtype, shape, values, sha256 }) => {
    const tensor = readNpy(fixture(name), name, { bfloat16: dtype === "bfloat16" });
    expect([tensor.dtype, tensor.shape]).toEqual([readAs[dtype], shape]);
    expect(numbers(tensor)).toEqual(flat(values));
    const isWider = tensor.data.byteLength !== flat(values).length * bytesOf(dtype);
    if (!isWider) expect(createHash("sha256").update(new Uint8Array(tensor.data.buffer)).digest("hex")).toBe(sha256);
  });

  test.each([...refused])("%s is refused: %s", (name, why) => {
    expect(() => readNpy(fixture(name), name)).toThrow(DataError);
    expect(() => readNpy(fixture(name), name)).toThrow(why);
    expect(() => readNpy(fixture(name), name)).toThrow(`${name}: `);
  });

  it("hold bfloat16 as void, which is refused where it was not said", () => {
    const read = () => readNpy(fixture("bfloat16_as_void.npy"), "b.npy");
    expect(read).toThrow(/found "<V2", raw bytes; bfloat16 is written so, and { bfloat16: true } reads it/);
  });

  it("are all there", () => {
    expect(arrays.length).toBe(31);
    expect([...expected.values()].filter(({ version }) => version?.[0] === 2)).toHaveLength(1);
  });
});

function bytesOf(dtype: string): number {
  return dtype === "bool" ? 1 : Number(/\d+$/.exec(dtype)?.[0]) / 8;
}

describe("writing", () => {
  const plain = [
    "float16",
    "float32",
    "float64",
    "int32",
    "uint8",
    "uint32",
    "bool",
    "specials",
    "one_column",
    "scalar",
    "empty",
  ];
  test.each(plain)("gives the bytes of NumPy: %s", (name) => {
    const bytes = fixture(`${name}.npy`);
    expect(writeNpy(readNpy(bytes))).toEqual(bytes);
  });

  it("has the rows first, whatever was read", () => {
    const written = writeNpy(readNpy(fixture("fortran.npy")));
    expect(new TextDecoder().decode(written.subarray(10, 128)).trimEnd()).toBe(
      "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }",
    );
    expect(numbers(readNpy(written))).toEqual(flat(expected.get("fortran.npy")?.values));
  });

  it("refuses bf16, for which npy has no name", () => {
    const tensor: StoredTensor = { dtype: "bf16", shape: [1], data: Uint16Array.of(0x3f80) };
    expect(() => writeNpy(tensor)).toThrow(UserError);
    expect(() => writeNpy(tensor)).toThrow(/is bf16, for which npy has no name/);
  });

  it("refuses what is no tensor", () => {
    expect(() => writeNpy({ dtype: "f32", shape: [2], data: new Float32Array(3) })).toThrow(
      /takes a Float32Array of 2/,
    );
    const deep = { dtype: "f32", shape: Array.from({ length: 65 }, () => 1), data: new Float32Array(1) } as const;
    expect(() => writeNpy(deep)).toThrow(/65 dimensions, npy at most 64/);
  });
});

/** A version 1 file with this header and so many bytes of data. */
function file(header: string, dataBytes: number, version = 1): Uint8Array {
  const text = new TextEncoder().encode(header);
  const length = version === 1 ? [text.length & 255, text.length >> 8] : [text.length & 255, text.length >> 8, 0, 0];
  return Uint8Array.of(
    0x93,
    0x4e,
    0x55,
    0x4d,
    0x50,
    0x59,
    version,
    0,
    ...length,
    ...text,
    ...new Uint8Array(dataBytes),
  );
}

describe("headers", () => {
  const read = (header: string, dataBytes: number) => readNpy(file(header, dataBytes), "a.npy");

  it("may have their keys in any order, no space, either quote, no last comma, Python 2's long numbers, and no line end", () => {
    expect(read(`{"shape":(2L,1L),'fortran_order':False,'descr':'|u1'}`, 2).shape).toEqual([2, 1]);
    expect(read("{'descr': '=i4', 'fortran_order': False, 'shape': ()}\n", 4).shape).toEqual([]);
  });

  // biome-ignore format: a table
  const wrong: readonly (readonly [header: string, why: RegExp])[] = [
    ["", /expected \{, found the end/],
    ["{'descr': '<f4', 'fortran_order': False, 'shape': (1,)", /expected , or \}/],
    ["{'descr': '<f4', 'fortran_order': False}", /expected all of/],
    ["{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (1,)}", /once, and nothing else, found "descr"/],
    ["{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'more': 1}", /found "more"/],
    ["{'descr': '<f4', 'fortran_order': 0, 'shape': (1,)}", /expected True or False/],
    ["{'descr': '<f4', 'fortran_order': False, 'shape': 1}", /a shape in parentheses/],
    ["{'descr': '<f4', 'fortran_order': False, 'shape': (1)}", /expected \(3,\)/],
    ["{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}", /a whole number, found "-1/],
    ["{'descr': '<f4', 'fortran_order': False, 'shape': (1.5,)}", /a whole number/],
    ["{'descr': '<f4', 'fortran_order': False, 'shape': (9007199254740993,)}", /at most 64 sizes of at most/],
    ["{'descr': '<f4', 'fortran_order': False, 'shape': (94906267, 94906267)}", /more bytes than any file has/],
    [`{'descr': '<f4', 'fortran_order': False, 'shape': (${"1, ".repeat(65)})}`, /at most 64 sizes/],
    ["{'descr': '<f4', 'fortran_order': False, 'shape': (1,)} or __import__('os')", /nothing behind the \}/],
    ["{'descr': '<f16', 'fortran_order': False, 'shape': (1,)}", /found "<f16"/],
    ["{'descr': '<f1', 'fortran_order': False, 'shape': (1,)}", /found "<f1"/],
    ["{'descr': '|O', 'fortran_order': False, 'shape': (1,)}", /Python objects, pickled/],
    ["{'descr': '<M8[ns]', 'fortran_order': False, 'shape': (1,)}", /dates/],
  ];
  test.each(wrong)("%s", (header, why) => {
    expect(() => read(header, 4)).toThrow(DataError);
    expect(() => read(header, 4)).toThrow(why);
  });

  it("say what the file must hold, to the byte", () => {
    const header = "{'descr': '<f4', 'fortran_order': False, 'shape': (3,)}";
    expect(() => read(header, 11)).toThrow(
      /a\.npy: the file is truncated: expected 12 bytes for the shape \[3\], 4 an element; found 11/,
    );
    expect(() => read(header, 13)).toThrow(/there are bytes behind the array/);
  });

  it("must have a version and a length that there is", () => {
    expect(() => readNpy(file("{}", 0, 4), "a.npy")).toThrow(/found 4\.0/);
    expect(() => readNpy(file(" ".repeat(10_001), 0), "a.npy")).toThrow(/at most 10000 bytes, found one of 10001/);
    expect(() => readNpy(fixture("version_3.npy").subarray(0, 60), "a.npy")).toThrow(/it ends within its header/);
    expect(() => readNpy(new Uint8Array(), "a.npy")).toThrow(/truncated/);
    expect(() => readNpy(Uint8Array.of(0x50, 0x4b, 3, 4), "a.npy")).toThrow(/expected an npy file.*found 50 4b 03 04/);
    expect(() => readNpy("a.npy" as never)).toThrow(/takes the bytes of a file/);
  });

  it("of a part of a file are read as soon as all of them is there", () => {
    const bytes = fixture("float32.npy");
    for (const length of [0, 5, 9, 11, 127]) expect(readNpyHeader(bytes.subarray(0, length), "a.npy")).toBeNull();
    expect(readNpyHeader(bytes.subarray(0, 128), "a.npy")).toMatchObject({ headerBytes: 128, count: 5, width: 4 });
  });
});

describe("values", () => {
  it("are refused where no type of ours holds them", () => {
    const header = "{'descr': '>i8', 'fortran_order': False, 'shape': (1,)}";
    const bytes = file(header, 8);
    bytes[bytes.length - 5] = 1; // 2 to the 32nd
    expect(() => readNpy(bytes, "a.npy")).toThrow(
      /a\.npy: expected whole numbers that are i32; found 4294967296 at position 0/,
    );
    const truth = fixture("bool.npy");
    truth[truth.length - 1] = 2;
    expect(() => readNpy(truth, "a.npy")).toThrow(/truth values, 0 or 1; found 2 at position 2/);
  });

  it("survive any single byte that is changed, or are refused by a DataError", () => {
    const bytes = fixture("fortran_3d.npy");
    for (let at = 0; at < 128; at++) {
      for (const value of [0, 0x20, 0x27, 0x39, 0xff]) {
        const damaged = bytes.slice();
        damaged[at] = value;
        try {
          readNpy(damaged, "a.npy");
        } catch (error) {
          expect(error).toBeInstanceOf(DataError);
          expect(String(error)).toContain("a.npy: ");
        }
      }
    }
  });
});
