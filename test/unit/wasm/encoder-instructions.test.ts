/** Every instruction of the encoder's table, alone in a function: valid, and doing what its name says on edge values. */
import { describe, expect, test } from "vitest";
import type { FunctionWriter } from "../../../codegen/wasm/function.ts";
import { WasmModule } from "../../../codegen/wasm/module.ts";
import { instructions, type MemoryOpName, type PlainOpName, type ValType } from "../../../codegen/wasm/opcodes.ts";
import { allowRelaxedSimd } from "../../../src/runtime/wasm/host.ts";
import {
  floats,
  fromFloats,
  fromInts,
  ints,
  isComparison,
  isShared,
  meaning,
  Trap,
  type Value,
} from "./encoder-meaning.ts";

allowRelaxedSimd();

const namesOf = <Part extends object>(part: Part): readonly (keyof Part & string)[] =>
  Object.keys(part) as (keyof Part & string)[];
/** They have effects in place of results, and their own tests. */
const effects: readonly string[] = ["memory.size", "memory.grow", "memory.copy", "memory.fill", "atomic.fence"];
const computing = namesOf(instructions.plain).filter((name) => !effects.includes(name));

/** Operand i is at 16 i, the result at 64. */
const resultAt = 64;
const loads = { i32: "i32.load", i64: "i64.load", f32: "f32.load", f64: "f64.load", v128: "v128.load" } as const;
const stores = { i32: "i32.store", i64: "i64.store", f32: "f32.store", f64: "f64.store", v128: "v128.store" } as const;

describe("instructions without immediates", () => {
  test("are all there", () => {
    expect(computing.length).toBeGreaterThan(320);
  });

  test.each(computing)("%s", (name) => {
    const { takes, gives } = instructions.plain[name];
    const machine = new Machine((f) => {
      f.constI32(0);
      for (const [i, type] of takes.entries()) {
        f.constI32(16 * i);
        f.memory(loads[type], 0);
      }
      f.op(name);
      const [result] = gives;
      if (result !== undefined) f.memory(stores[result], resultAt);
    });
    const reference = meaning(name);
    let compared = 0;
    for (const operands of operandsOf(name)) {
      if (!isShared(name, operands)) continue;
      compared++;
      for (const [i, type] of takes.entries()) machine.write(16 * i, type, operands[i] ?? 0);
      let expected: Value;
      try {
        expected = reference(...operands);
      } catch (error) {
        if (!(error instanceof Trap)) throw error;
        expect(machine.run, `${name} of ${operands.join(", ")}`).toThrow(WebAssembly.RuntimeError);
        continue;
      }
      machine.run();
      const found = machine.read(resultAt, gives[0] ?? "i32");
      if (!isSame(name, found, expected)) expect(found, `${name} of ${operands.join(" | ")}`).toEqual(expected);
    }
    expect(compared).toBeGreaterThan(3);
  });

  test("of memory: size, grow, copy, fill; and the fence", () => {
    const machine = new Machine((f) => {
      f.op("atomic.fence");
      for (const [to, value, count] of [
        [100, 7, 5],
        [104, 9, 3],
      ] as const) {
        f.constI32(to);
        f.constI32(value);
        f.constI32(count);
        f.op("memory.fill");
      }
      f.constI32(103);
      f.constI32(102);
      f.constI32(4);
      f.op("memory.copy"); // overlapping
      f.constI32(0);
      f.op("memory.size");
      f.memory("i32.store", 0);
      f.constI32(4);
      f.constI32(2);
      f.op("memory.grow");
      f.memory("i32.store", 0);
      f.constI32(8);
      f.op("memory.size");
      f.memory("i32.store", 0);
    });
    machine.run();
    expect([...new Uint8Array(machine.memory.buffer, 99, 10)]).toEqual([0, 7, 7, 7, 7, 7, 9, 9, 0, 0]);
    expect([...new Int32Array(machine.memory.buffer, 0, 3)]).toEqual([1, 1, 3]);
  });
});

describe("constants", () => {
  const integers = [0, 1, -1, 63, 64, -64, -65, 127, 128, 8191, 8192, -8193, 2 ** 31 - 1, -(2 ** 31)];
  test.each([...integers, 2 ** 31, 2 ** 32 - 1])("i32.const %d", (n) => {
    expect(constant("i32", (f) => f.constI32(n))).toBe(n | 0);
  });
  test.each([...integers.map(BigInt), 2n ** 63n - 1n, -(2n ** 63n), 2n ** 64n - 1n])("i64.const %d", (n) => {
    expect(constant("i64", (f) => f.constI64(n))).toBe(BigInt.asIntN(64, n));
  });
  test.each([0, -0, 1.5, 0.1, 1e39, -1e39, 1e-45, Number.POSITIVE_INFINITY, Number.NaN])("f32, f64.const %d", (x) => {
    expect(constant("f32", (f) => f.constF32(x))).toBe(Math.fround(x));
    expect(constant("f64", (f) => f.constF64(x))).toBe(x);
  });
  test("v128.const", () => {
    const bytes = Uint8Array.from({ length: 16 }, (_, i) => 250 - 3 * i);
    expect(constant("v128", (f) => f.constV128(bytes))).toEqual(bytes);
  });
  test("i8x16.shuffle", () => {
    const lanes = [31, 0, 16, 15, 7, 7, 20, 1, 2, 3, 30, 29, 4, 5, 17, 18];
    const shuffled = constant("v128", (f) => {
      f.constV128(Uint8Array.from({ length: 16 }, (_, i) => 100 + i));
      f.constV128(Uint8Array.from({ length: 16 }, (_, i) => 116 + i));
      f.shuffle(lanes);
    });
    expect(shuffled).toEqual(Uint8Array.from(lanes, (lane) => 100 + lane));
  });
});

/** Memory is filled with these; the high bits differ, so that sign extension shows. */
const pattern = Uint8Array.from({ length: 256 }, (_, i) => (i * 151 + 70) & 0xff);
const vector = Uint8Array.from({ length: 16 }, (_, i) => 0xf3 - 9 * i);

describe("loads, stores and atomics", () => {
  test.each(namesOf(instructions.memory))("%s", (name) => {
    const { takes, gives, alignment } = instructions.memory[name];
    const width = 1 << alignment;
    const operands: Value[] = takes.slice(1).map((type) => (type === "v128" ? vector : sample(type)));
    // An expected value that is the one in memory, so that the exchange happens; and a timeout of 0 for waiting.
    const old = little(pattern.subarray(96, 96 + width));
    if (name.endsWith("cmpxchg")) operands[0] = width === 8 ? BigInt.asIntN(64, old) : Number(BigInt.asIntN(32, old));
    if (name.startsWith("memory.atomic.wait")) operands[1] = 0n;
    if (name === "memory.atomic.wait32") operands[0] = Number(BigInt.asIntN(32, old));
    if (name === "memory.atomic.wait64") operands[0] = BigInt.asIntN(64, old);
    const machine = new Machine((f) => {
      f.constI32(resultAt);
      f.constI32(80);
      for (const [i, type] of takes.slice(1).entries()) push(f, type, operands[i] ?? 0);
      f.memory(name, 16);
      const [result] = gives;
      if (result === undefined) f.drop();
      else f.memory(stores[result], 0);
    }, name.startsWith("memory.atomic.wait"));
    new Uint8Array(machine.memory.buffer).set(pattern);
    machine.run();
    const after = new Uint8Array(machine.memory.buffer).slice(0, 256);
    const [type] = gives;
    if (type !== undefined) {
      const found = machine.read(resultAt, type);
      const expected = loaded(name, type, pattern.subarray(96, 112), alignment);
      expect(found).toEqual(expected);
    }
    const expectedAfter = pattern.slice();
    if (type !== undefined) expectedAfter.set(after.subarray(resultAt, resultAt + bytesOf(type)), resultAt);
    expectedAfter.set(stored(name, operands, old, width), 96);
    expect(after).toEqual(expectedAfter);
  });

  test.each(namesOf(instructions.memory))("%s takes every alignment it may have", (name) => {
    const { takes, gives, alignment, prefix } = instructions.memory[name];
    for (let log = 0; log <= alignment + 1; log++) {
      const isAllowed = prefix === 0xfe ? log === alignment : log <= alignment;
      const build = (): Uint8Array<ArrayBuffer> => {
        const module = new WasmModule();
        module.importMemory("env", "memory", { min: 1, max: 2, shared: true });
        module.function("f", takes, gives, (f, params) => {
          for (const param of params) f.get(param);
          f.memory(name, 2 ** 32 - 1, 2 ** log);
        });
        return module.finish();
      };
      if (isAllowed) expect(WebAssembly.validate(build())).toBe(true);
      else expect(build).toThrow("aligned");
    }
  });
});

describe("lanes", () => {
  test.each(namesOf(instructions.lane))("%s", (name) => {
    const { takes, gives, lanes } = instructions.lane[name];
    const bits = 128 / lanes;
    for (let lane = 0; lane < lanes; lane++) {
      const found = constant(gives[0] ?? "v128", (f) => {
        f.constV128(vector);
        const scalar = takes[1];
        if (scalar !== undefined) push(f, scalar, sample(scalar));
        f.lane(name, lane);
      });
      const isFloat = name.startsWith("f");
      if (name.includes("replace")) {
        const scalar = sample(takes[1] ?? "i32");
        const expected = isFloat
          ? fromFloats(floats(vector, bits).with(lane, Number(scalar)), bits)
          : fromInts(ints(vector, bits).with(lane, BigInt(scalar)), bits);
        expect(found).toEqual(expected);
      } else if (isFloat) expect(found).toBe(floats(vector, bits)[lane]);
      else {
        const signed = ints(vector, bits)[lane] ?? 0n;
        expect(BigInt(Number(found))).toBe(BigInt(Number(name.endsWith("_u") ? BigInt.asUintN(bits, signed) : signed)));
      }
    }
  });

  test.each(namesOf(instructions.memoryLane))("%s", (name) => {
    const { lanes, gives } = instructions.memoryLane[name];
    const width = 16 / lanes;
    for (let lane = 0; lane < lanes; lane++) {
      const machine = new Machine((f) => {
        if (gives.length > 0) f.constI32(resultAt);
        f.constI32(80);
        f.constV128(vector);
        f.memoryLane(name, 16, lane);
        if (gives.length > 0) f.memory("v128.store", 0);
      });
      new Uint8Array(machine.memory.buffer).set(pattern);
      machine.run();
      const expected = (gives.length > 0 ? vector : pattern.subarray(96, 112)).slice();
      if (gives.length > 0) expected.set(pattern.subarray(96, 96 + width), lane * width);
      else expected.set(vector.subarray(lane * width, (lane + 1) * width));
      expect(machine.read(gives.length > 0 ? resultAt : 96, "v128")).toEqual(expected);
    }
  });
});

/** A module of one function without parameters, and its memory. */
class Machine {
  readonly memory: WebAssembly.Memory;
  readonly run: () => void;

  constructor(write: (f: FunctionWriter) => void, shared = false) {
    const module = new WasmModule();
    module.importMemory("env", "memory", { min: 1, max: 4, shared });
    module.export(
      "run",
      module.function("run", [], [], (f) => {
        write(f);
      }),
    );
    const bytes = module.finish();
    expect(WebAssembly.validate(bytes)).toBe(true);
    this.memory = new WebAssembly.Memory({ initial: 1, maximum: 4, shared });
    const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { memory: this.memory } });
    this.run = instance.exports.run as () => void;
  }

  write(at: number, type: ValType, value: Value): void {
    if (value instanceof Uint8Array) new Uint8Array(this.memory.buffer).set(value, at);
    else if (type === "i64") new BigInt64Array(this.memory.buffer)[at / 8] = BigInt(value);
    else if (type === "i32") new Int32Array(this.memory.buffer)[at / 4] = Number(value);
    else if (type === "f32") new Float32Array(this.memory.buffer)[at / 4] = Number(value);
    else new Float64Array(this.memory.buffer)[at / 8] = Number(value);
  }

  read(at: number, type: ValType): Value {
    const view = new DataView(this.memory.buffer);
    if (type === "i32") return view.getInt32(at, true);
    if (type === "i64") return view.getBigInt64(at, true);
    if (type === "f32") return view.getFloat32(at, true);
    if (type === "f64") return view.getFloat64(at, true);
    return new Uint8Array(this.memory.buffer).slice(at, at + 16);
  }
}

function constant(type: ValType, write: (f: FunctionWriter) => void): Value {
  const machine = new Machine((f) => {
    f.constI32(resultAt);
    write(f);
    f.memory(stores[type], 0);
  });
  machine.run();
  return machine.read(resultAt, type);
}

function push(f: FunctionWriter, type: ValType, value: Value): void {
  if (value instanceof Uint8Array) f.constV128(value);
  else if (type === "i64") f.constI64(BigInt(value));
  else if (type === "i32") f.constI32(Number(value));
  else if (type === "f32") f.constF32(Number(value));
  else f.constF64(Number(value));
}

function sample(type: ValType): number | bigint {
  return type === "i64" ? -0x123456789abcdef0n : type === "i32" ? -0x1234567 : 1.25;
}

function bytesOf(type: ValType): number {
  return type === "v128" ? 16 : type.endsWith("64") ? 8 : 4;
}

function little(bytes: Uint8Array): bigint {
  return bytes.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
}

function littleBytes(value: bigint, count: number): Uint8Array {
  return Uint8Array.from({ length: count }, (_, i) => Number((value >> BigInt(8 * i)) & 0xffn));
}

/** What a load or an atomic gives, from the bytes at its address. */
function loaded(name: MemoryOpName, type: ValType, source: Uint8Array, alignment: number): Value {
  if (name === "memory.atomic.notify") return 0;
  if (name.startsWith("memory.atomic.wait")) return 2; // timed out
  const width = 1 << alignment;
  const bits = 8 * width;
  const raw = little(source.subarray(0, width));
  const [, lane = "8"] = /load(\d+)x\d/.exec(name) ?? [];
  const laneBits = Number(lane);
  if (type === "v128") {
    if (name === "v128.load") return source.slice();
    if (name.endsWith("_splat")) return fromInts(new Array<bigint>(128 / bits).fill(raw), bits);
    if (name.endsWith("_zero")) return fromInts([raw], 128);
    const lanes = ints(fromInts([raw], 128), laneBits).slice(0, 64 / laneBits);
    const extended = name.endsWith("_u") ? lanes.map((x) => BigInt.asUintN(laneBits, x)) : lanes;
    return fromInts(extended, 2 * laneBits);
  }
  if (type === "f32" || type === "f64") return floats(source, bits)[0] ?? 0;
  const value = name.endsWith("_u") ? raw : BigInt.asIntN(bits, raw);
  return type === "i64" ? BigInt.asIntN(64, value) : Number(BigInt.asIntN(32, value));
}

/** The bytes at the address afterwards. */
function stored(name: MemoryOpName, operands: readonly Value[], old: bigint, width: number): Uint8Array {
  const raw = (value: Value | undefined): bigint => {
    if (value === undefined || value instanceof Uint8Array) return 0n;
    if (name === "f32.store") return little(fromFloats([Number(value)], 32).subarray(0, 4));
    if (name === "f64.store") return little(fromFloats([Number(value)], 64).subarray(0, 8));
    return BigInt(value);
  };
  const [first, second] = operands;
  if (name === "v128.store") return vector;
  if (name.includes("store") || name.endsWith("xchg")) {
    return littleBytes(raw(name.endsWith("cmpxchg") ? second : first), width);
  }
  const change: Readonly<Record<string, bigint>> = {
    add: old + raw(first),
    sub: old - raw(first),
    and: old & raw(first),
    or: old | raw(first),
    xor: old ^ raw(first),
  };
  const result = change[name.split(".").at(-1) ?? ""] ?? old;
  return littleBytes(BigInt.asUintN(8 * width, result), width);
}

function isSame(name: PlainOpName, found: Value, expected: Value): boolean {
  if (!(found instanceof Uint8Array && expected instanceof Uint8Array)) return Object.is(found, expected);
  if (found.every((byte, i) => byte === expected[i])) return true;
  // Which of the many NaNs an operation gives is the engine's choice.
  if (!name.startsWith("f") || isComparison(name)) return false;
  const bits = name.startsWith("f32x4") ? 32 : 64;
  const lanes = floats(expected, bits);
  return floats(found, bits).every((x, i) => Object.is(x, lanes[i]));
}

const edgeIntegers = (bits: number): readonly bigint[] => {
  const top = 1n << BigInt(bits - 1);
  const pair = 0x5aa5_1234_9876_0fedn;
  return [
    0n,
    1n,
    -1n,
    2n,
    7n,
    -8n,
    BigInt(bits - 1),
    BigInt(bits),
    top - 1n,
    -top,
    1n - top,
    top >> 1n,
    pair,
    -pair,
  ].map((x) => BigInt.asIntN(bits, x));
};
const edgeFloats = (bits: number): readonly number[] => {
  const some = [0, 0.5, 1, 1.5, 2.5, 3.75, 100.125, 2 ** 23 + 1, 2147483520, 2 ** 31, 2 ** 32, 2 ** 63, 2 ** 64];
  const more = [
    8388607.5,
    4294967040,
    1e-45,
    1.17549435e-38,
    3.4028234e38,
    1e300,
    5e-324,
    0.1,
    Number.POSITIVE_INFINITY,
  ];
  const both = [...some, ...more].flatMap((x) => [x, -x]);
  return [...both, Number.NaN].map((x) => (bits === 32 ? Math.fround(x) : x));
};

/** Operands that meet every pair of edge values, lane by lane for vectors. */
function* operandsOf(name: PlainOpName): Generator<readonly Value[]> {
  const { takes } = instructions.plain[name];
  if (!takes.includes("v128")) {
    const edges = takes.map((type): readonly Value[] => {
      if (type === "i64") return edgeIntegers(64);
      return type === "i32" ? edgeIntegers(32).map(Number) : edgeFloats(type === "f32" ? 32 : 64);
    });
    const [first = [], second] = edges;
    for (const a of first) {
      if (second === undefined) yield [a];
      else for (const b of second) yield [a, b];
    }
    return;
  }
  const shapes = new Set(name.match(/[if]\d+x\d+/g) ?? ["i8x16", "i64x2"]);
  if (name.includes("relaxed")) yield* gentleOperands(takes.length);
  for (const shape of shapes) {
    const bits = Number(/\d+/.exec(shape)?.[0]);
    const vectors = shape.startsWith("f")
      ? pairs(edgeFloats(bits), bits, fromFloats)
      : pairs(edgeIntegers(bits), bits, fromInts);
    for (const [i, [a, b]] of vectors.entries()) {
      if (takes[1] === "i32") for (const count of edgeIntegers(32)) yield [a, Number(count)];
      else yield [a, b, vectors[(i * 7 + 3) % vectors.length]?.[0] ?? a].slice(0, takes.length);
    }
  }
}

/** Vectors on which all engines agree about relaxed instructions. */
function* gentleOperands(count: number): Generator<readonly Value[]> {
  for (let i = 0; i < 8; i++) {
    const small = (k: number): number => ((i * 5 + k * 3) % 13) + 1;
    const vectors: readonly ((k: number) => Uint8Array)[] = [
      (k) => fromFloats([small(k), small(k + 1) / 2, small(k + 2), small(k + 3) / 4], 32),
      (k) => fromFloats([small(k) / 8, small(k + 1)], 64),
      (k) => Uint8Array.from({ length: 16 }, (_, j) => small(k + j)),
      (k) => fromInts([0n, small(k) % 2 === 0 ? -1n : 0n], 64),
    ];
    for (const make of vectors) {
      yield [make(0), make(1), make(2)].slice(0, count);
      yield [vectors[2]?.(0) ?? make(0), vectors[2]?.(5) ?? make(1), make(2)].slice(0, count);
    }
  }
}

/** Every pair of two values, packed into as few pairs of vectors as they fill. */
function pairs<T>(
  values: readonly T[],
  bits: number,
  pack: (lanes: readonly T[], bits: number) => Uint8Array,
): readonly (readonly [Uint8Array, Uint8Array])[] {
  const lanes = 128 / bits;
  const all = values.flatMap((a) => values.map((b) => [a, b] as const));
  const found: (readonly [Uint8Array, Uint8Array])[] = [];
  for (let at = 0; at < all.length; at += lanes) {
    const group = [...all.slice(at, at + lanes), ...all].slice(0, lanes);
    found.push([
      pack(
        group.map(([a]) => a),
        bits,
      ),
      pack(
        group.map(([, b]) => b),
        bits,
      ),
    ]);
  }
  return found;
}
