/**
 * The safetensors format: bytes as its own library writes them, and every way in which a file can be wrong.
 */
import { describe, expect, it } from "vitest";
import { DataError, UserError } from "../../src/core/errors.ts";
import { readSafetensors, type StoredTensor, writeSafetensors } from "../../src/io/safetensors.ts";

const tensors = (entries: Readonly<Record<string, StoredTensor>>) => new Map(Object.entries(entries));

/** A file with this header and so many bytes of data: 0, 1, 2, ... */
function file(header: string, dataBytes = 0): Uint8Array {
  const text = new TextEncoder().encode(header);
  const length = new Uint8Array(new BigUint64Array([BigInt(text.length)]).buffer);
  return Uint8Array.from([...length, ...text, ...Array.from({ length: dataBytes }, (_, i) => i)]);
}

function refusal(bytes: Uint8Array): string {
  try {
    readSafetensors(bytes, "some.safetensors");
  } catch (error) {
    expect(error).toBeInstanceOf(DataError);
    const { message } = error as DataError;
    expect(message).toMatch(/^some\.safetensors: /);
    return message;
  }
  throw new Error("it was accepted");
}

describe("the bytes", () => {
  it("are those of the format's own library: one tensor, and a header that needs no padding", () => {
    const data = Float32Array.from([0, 1, 2, 3, 4, 5]);
    const header = '{"attn.0":{"dtype":"F32","shape":[1,2,3],"data_offsets":[0,24]}}';
    // biome-ignore format: four bytes a number
    const golden = Uint8Array.from([
      64, 0, 0, 0, 0, 0, 0, 0, ...new TextEncoder().encode(header),
      0, 0, 0, 0, 0, 0, 128, 63, 0, 0, 0, 64, 0, 0, 64, 64, 0, 0, 128, 64, 0, 0, 160, 64,
    ]);
    expect(writeSafetensors(tensors({ "attn.0": { dtype: "f32", shape: [1, 2, 3], data } }))).toEqual(golden);
  });

  it("are those of the format's own library: a header padded with spaces to eight bytes", () => {
    const data = Float32Array.from([0, 1, 2, 3, 4, 5]);
    const written = writeSafetensors(tensors({ attn0: { dtype: "f32", shape: [1, 1, 2, 3], data } }));
    const header = '{"attn0":{"dtype":"F32","shape":[1,1,2,3],"data_offsets":[0,24]}}       ';
    expect(written[0]).toBe(72);
    expect(new TextDecoder().decode(written.subarray(8, 80))).toBe(header);
    expect(written.length).toBe(80 + 24);
  });

  it("of every type: wide elements first, then by name, little-endian", () => {
    const written = writeSafetensors(
      tensors({
        mask: { dtype: "bool", shape: [2], data: Uint8Array.of(1, 0) },
        bytes: { dtype: "u8", shape: [1], data: Uint8Array.of(200) },
        half: { dtype: "f16", shape: [1], data: Uint16Array.of(0x3c01) },
        z: { dtype: "bf16", shape: [1], data: Uint16Array.of(0x3f81) },
        b: { dtype: "f32", shape: [], data: Float32Array.of(-1.5) },
        a: { dtype: "f32", shape: [1], data: Float32Array.of(1) },
        i: { dtype: "i32", shape: [1], data: Int32Array.of(-2) },
        u: { dtype: "u32", shape: [1], data: Uint32Array.of(0xfffefdfc) },
        d: { dtype: "f64", shape: [1], data: Float64Array.of(-2) },
      }),
      new Map([["made", 'by "us"']]),
    );
    const header =
      '{"__metadata__":{"made":"by \\"us\\""},' +
      '"d":{"dtype":"F64","shape":[1],"data_offsets":[0,8]},' +
      '"a":{"dtype":"F32","shape":[1],"data_offsets":[8,12]},' +
      '"b":{"dtype":"F32","shape":[],"data_offsets":[12,16]},' +
      '"u":{"dtype":"U32","shape":[1],"data_offsets":[16,20]},' +
      '"i":{"dtype":"I32","shape":[1],"data_offsets":[20,24]},' +
      '"z":{"dtype":"BF16","shape":[1],"data_offsets":[24,26]},' +
      '"half":{"dtype":"F16","shape":[1],"data_offsets":[26,28]},' +
      '"bytes":{"dtype":"U8","shape":[1],"data_offsets":[28,29]},' +
      '"mask":{"dtype":"BOOL","shape":[2],"data_offsets":[29,31]}}';
    const at = 8 + 8 * Math.ceil(header.length / 8);
    expect(new TextDecoder().decode(written.subarray(8, at)).trimEnd()).toBe(header);
    // biome-ignore format: a line a tensor
    expect([...written.subarray(at)]).toEqual([
      0, 0, 0, 0, 0, 0, 0, 0xc0,
      0, 0, 0x80, 0x3f,
      0, 0, 0xc0, 0xbf,
      0xfc, 0xfd, 0xfe, 0xff,
      0xfe, 0xff, 0xff, 0xff,
      0x81, 0x3f,
      0x01, 0x3c,
      200,
      1, 0,
    ]);
  });

  it("keep every bit: NaNs with a payload, -0, subnormals, from a view in the middle of a buffer", () => {
    const bits = Uint32Array.of(7, 0x7fc00001, 0xffa00002, 0x80000000, 1, 0x7f800000);
    const data = new Float32Array(bits.buffer, 4, 5);
    const bytes = writeSafetensors(tensors({ w: { dtype: "f32", shape: [5], data } }));
    const shifted = new Uint8Array(bytes.length + 3);
    shifted.set(bytes, 3);
    const read = readSafetensors(shifted.subarray(3), "shifted").tensors.get("w")?.data;
    expect(read).toBeInstanceOf(Float32Array);
    expect([...new Uint32Array(read?.buffer as ArrayBuffer)]).toEqual([...bits.subarray(1)]);
    const wide = Float64Array.of(Number.MIN_VALUE, -0, Number.POSITIVE_INFINITY);
    const back = readSafetensors(writeSafetensors(tensors({ d: { dtype: "f64", shape: [3], data: wide } })), "wide");
    expect(back.tensors.get("d")?.data).toEqual(wide);
  });
});

describe("reading", () => {
  it("takes what other writers make: any order of names and keys, spaces, escapes, empty tensors", () => {
    const header =
      '{ "late" : {"shape":[1],"data_offsets":[4,8],"dtype":"I32"},\n\t"\\u0065mpty":{"dtype":"F64","shape":[3,0],"data_offsets":[4,4]},' +
      '"early":{"dtype":"U8","shape":[2,2],"data_offsets":[0,4]}, "__metadata__":{} } \r\n ';
    const { tensors: found, metadata } = readSafetensors(file(header, 8), "other");
    expect([...found.keys()]).toEqual(["early", "empty", "late"]);
    expect(found.get("early")).toEqual({ dtype: "u8", shape: [2, 2], data: Uint8Array.of(0, 1, 2, 3) });
    expect(found.get("empty")?.data).toEqual(new Float64Array(0));
    expect(found.get("late")?.data).toEqual(Int32Array.of(0x07060504));
    expect(metadata.size).toBe(0);
    expect(readSafetensors(file("{}"), "nothing").tensors.size).toBe(0);
  });

  it("takes __proto__ and its kin for names like any other", () => {
    const names = ["__proto__", "constructor", "toString", 'a"b', "a\nb", "ü😀", ""];
    const written = writeSafetensors(
      new Map(names.map((name, i) => [name, { dtype: "u8", shape: [], data: Uint8Array.of(i) }] as const)),
      new Map(names.map((name) => [name, name])),
    );
    const { tensors: found, metadata } = readSafetensors(written, "names");
    expect(new Map([...found].map(([name, { data }]) => [name, data[0]]))).toEqual(
      new Map(names.map((name, i) => [name, i])),
    );
    expect([...metadata]).toEqual(names.map((name) => [name, name]));
  });
});

const entry = (dtype: string, shape: string, begin: number | string, end: number | string) =>
  `{"dtype":"${dtype}","shape":${shape},"data_offsets":[${begin},${end}]}`;

describe("refused", () => {
  it.each<[string, Uint8Array, string]>([
    ["an empty file", new Uint8Array(0), "truncated: expected a safetensors file"],
    ["a few bytes", Uint8Array.of(2, 0, 0, 0, 0, 0, 0, 0, 0x7b), "found 9 bytes"],
    [
      "a header longer than the file",
      file("{}").fill(200, 0, 1),
      "found a header length of 200, which can be at most 2",
    ],
    ["an endless header", file("{}").fill(255, 0, 8), "found a header length of 18446744073709551615"],
    ["a web page", new TextEncoder().encode("<!doctype html><html></html>"), "something else"],
    ["a header that is a list", file("[]"), "found the byte 5b in its place"],
    ["a header that is no UTF-8", file("{} ").fill(0xff, 10, 11), "in UTF-8"],
    ["a byte order mark", file('{"\u{feff}'), "expected a name in double quotes, as JSON spells texts"],
    ["half an object", file('{"a":'), "expected {, found the end of the header"],
    ["text behind the object", file("{}{}"), 'expected nothing but spaces after the last }, found "{}"'],
    ["a comma too many", file('{"a":{},}'), "expected a dtype"],
    ["no comma", file('{"__metadata__":{"a":"b" "c":"d"}}'), "expected , or }"],
    ["a control character in a name", file('{"a\nb":{}}'), "expected a name in double quotes"],
    ["half a surrogate pair", file('{"\\ud800":{}}'), "expected a name in double quotes"],
    ["a tensor twice", file(`{"a":${entry("U8", "[0]", 0, 0)},"\\u0061":${entry("U8", "[0]", 0, 0)}}`), '"a" a second'],
    ["__proto__ twice", file('{"__metadata__":{"__proto__":"","__proto__":""}}'), '"__proto__" a second time'],
    ["metadata twice", file('{"__metadata__":{},"__metadata__":{}}'), '"__metadata__" a second time'],
    ["a dtype twice", file('{"a":{"dtype":"U8","dtype":"U8"}}'), '"dtype" a second time'],
    ["a key that there is not", file('{"a":{"offset":3}}'), 'found "offset"'],
    ["no dtype", file('{"a":{"shape":[],"data_offsets":[0,0]}}'), 'expected a dtype of the tensor "a", found none'],
    ["no shape", file('{"a":{"dtype":"U8","data_offsets":[0,0]}}'), "expected a shape"],
    ["no offsets", file('{"a":{"dtype":"U8","shape":[0]}}'), "expected data_offsets"],
    ["three offsets", file('{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0,0]}}'), "expected two data_offsets"],
    ["metadata that is a number", file('{"__metadata__":{"a":1}}'), 'expected a text for "a"'],
    ["no metadata", file('{"__metadata__":null}'), "expected {"],
    ["nested metadata", file('{"__metadata__":{"a":{"b":"c"}}}'), 'expected a text for "a"'],
    [
      "an unknown type",
      file(`{"a":${entry("F8_E4M3", "[1]", 0, 1)}}`, 1),
      'F32, F64, F16, BF16, I32, U32, U8, BOOL, I8, I16, U16, I64, U64; found "F8_E4M3"',
    ],
    ["a negative size", file(`{"a":${entry("U8", "[-1]", 0, 1)}}`, 1), "expected whole numbers from 0"],
    ["a fraction", file(`{"a":${entry("U8", "[1.0]", 0, 1)}}`, 1), "expected whole numbers"],
    ["an exponent", file(`{"a":${entry("U8", "[1e0]", 0, 1)}}`, 1), "expected whole numbers"],
    ["a leading zero", file(`{"a":${entry("U8", "[01]", 0, 1)}}`, 1), "expected whole numbers"],
    ["a size beyond 2^53", file(`{"a":${entry("U8", "[9007199254740992]", 0, 1)}}`, 1), "to 9007199254740991"],
    ["a long number", file(`{"a":${entry("U8", "[1]", 0, "1".repeat(400))}}`, 1), "expected whole numbers"],
    ["a size in quotes", file(`{"a":${entry("U8", '["1"]', 0, 1)}}`, 1), "expected whole numbers"],
    [
      "sizes whose product overflows",
      file(`{"a":${entry("U8", "[4294967296,4294967296]", 0, 0)}}`),
      "than any file has",
    ],
    [
      "a range too short",
      file(`{"a":${entry("F32", "[2]", 0, 4)}}`, 4),
      "expected 8 bytes for f32[2]; found the range from 0 to 4",
    ],
    ["a range that ends before it begins", file(`{"a":${entry("U8", "[0]", 4, 2)}}`, 4), "the range from 4 to 2"],
    [
      "a hole at the start",
      file(`{"a":${entry("U8", "[2]", 2, 4)}}`, 4),
      '"a" leaves a hole after the header: expected it to begin at byte 0',
    ],
    [
      "a hole",
      file(`{"a":${entry("U8", "[2]", 0, 2)},"b":${entry("U8", "[2]", 3, 5)}}`, 5),
      '"b" leaves a hole after "a"',
    ],
    [
      "an overlap",
      file(`{"b":${entry("U8", "[2]", 1, 3)},"a":${entry("U8", "[2]", 0, 2)}}`, 3),
      '"b" overlaps "a": expected it to begin at byte 2 of the data, found 1',
    ],
    [
      "the same bytes twice",
      file(`{"a":${entry("U8", "[2]", 0, 2)},"b":${entry("U8", "[2]", 0, 2)}}`, 2),
      '"b" overlaps "a"',
    ],
    ["an empty tensor far away", file(`{"a":${entry("U8", "[0]", 7, 7)}}`), "leaves a hole"],
    ["too little data", file(`{"a":${entry("F32", "[2]", 0, 8)}}`, 7), "truncated: expected 8 bytes of data, found 7"],
    [
      "too much data",
      file(`{"a":${entry("F32", "[2]", 0, 8)}}`, 9),
      "after the last tensor: expected 8 bytes of data, found 9",
    ],
    [
      "truth values that are none",
      file(`{"a":${entry("BOOL", "[3]", 0, 3)}}`, 3),
      '"a": expected truth values, 0 or 1; found 2 at position 2',
    ],
  ])("%s", (_, bytes, message) => {
    expect(refusal(bytes)).toContain(message);
  });

  it("a header beyond 100 MB, even in a file that is large enough", () => {
    const bytes = new Uint8Array(100_000_100).fill(0x20);
    new DataView(bytes.buffer).setBigUint64(0, 100_000_001n, true);
    expect(refusal(bytes)).toContain("at most 100000000 for a file of 100000100 bytes");
  });

  it("keeps messages short whatever the names", () => {
    const name = "n".repeat(1_000_000);
    expect(refusal(file(`{"${name}":${entry("F8", "[]", 0, 0)}}`)).length).toBeLessThan(300);
    const shape = `[${"1,".repeat(100_000)}1]`;
    expect(refusal(file(`{"a":${entry("U8", shape, 0, 0)}}`)).length).toBeLessThan(300);
  });
});

describe("writing refuses", () => {
  const one = (name: string, tensor: StoredTensor) => () => writeSafetensors(new Map([[name, tensor]]));
  const scalar: StoredTensor = { dtype: "u8", shape: [], data: Uint8Array.of(1) };
  it.each<[string, () => Uint8Array, string]>([
    ["the name of the metadata", one("__metadata__", scalar), "cannot be called"],
    ["half a surrogate pair", one("\ud800", scalar), 'well-formed Unicode, not "\\ud800"'],
    [
      "the wrong length",
      one("a", { ...scalar, shape: [2] }),
      '"a" is u8[2], which takes a Uint8Array of 2, not a Uint8Array of 1',
    ],
    ["the wrong array", one("a", { ...scalar, dtype: "f32" }), "takes a Float32Array of 1, not a Uint8Array"],
    ["a size that is none", one("a", { ...scalar, shape: [0.5, 2] }), "sizes are whole numbers"],
    ["metadata that is no Unicode", () => writeSafetensors(new Map(), new Map([["a", "\udfff"]])), "metadata must be"],
  ])("%s", (_, write, message) => {
    expect(write).toThrow(UserError);
    expect(write).toThrow(message);
  });
});
