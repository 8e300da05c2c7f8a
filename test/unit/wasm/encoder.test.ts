/** The WebAssembly encoder: bytes, modules, locals, the messages of its checker, threads, and the probe for features. */
import { Worker } from "node:worker_threads";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Bytes } from "../../../codegen/wasm/bytes.ts";
import type { FunctionWriter } from "../../../codegen/wasm/function.ts";
import { WasmModule } from "../../../codegen/wasm/module.ts";
import { wasmFeatures } from "../../../codegen/wasm/probe.ts";
import type { Local } from "../../../codegen/wasm/refs.ts";
import type { Label } from "../../../codegen/wasm/validator.ts";
import { CompilerBug } from "../../../src/core/errors.ts";
import { allowRelaxedSimd } from "../../../src/runtime/wasm/host.ts";

allowRelaxedSimd();

describe("bytes", () => {
  /** LEB128 as the specification defines it: the value of the bytes, and how many they are. */
  const decode = (bytes: Uint8Array, isSigned: boolean): readonly [bigint, number] => {
    const count = bytes.findIndex((byte) => byte < 0x80) + 1;
    const value = bytes.slice(0, count).reduceRight((sum, byte) => (sum << 7n) | BigInt(byte & 0x7f), 0n);
    return [isSigned ? BigInt.asIntN(7 * count, value) : value, count];
  };
  const written = (write: (to: Bytes) => void): Uint8Array => {
    const to = new Bytes(1);
    write(to);
    return to.copy();
  };
  /** The fewest bytes whose bits hold the value. */
  const shortest = (value: bigint, isSigned: boolean): number => {
    let count = 1;
    while ((isSigned ? BigInt.asIntN(7 * count, value) : BigInt.asUintN(7 * count, value)) !== value) count++;
    return count;
  };
  /** Numbers of every size, not only large ones. */
  const integers = (min: bigint, max: bigint): fc.Arbitrary<bigint> =>
    fc.tuple(fc.bigInt({ min, max }), fc.nat({ max: 63 })).map(([n, by]) => n >> BigInt(by));

  test("unsigned integers of 32 bits round trip, in the fewest bytes", () => {
    fc.assert(
      fc.property(integers(0n, 2n ** 32n - 1n), (n) => {
        const bytes = written((to) => to.u32(Number(n)));
        expect(decode(bytes, false)).toEqual([n, bytes.length]);
        expect(bytes.length).toBe(shortest(n, false));
      }),
    );
  });

  test("signed integers of 32 and 64 bits round trip, in the fewest bytes", () => {
    const check = (bits: bigint, write: (to: Bytes, n: bigint) => void): void =>
      fc.assert(
        fc.property(integers(-(2n ** (bits - 1n)), 2n ** (bits - 1n) - 1n), (n) => {
          const bytes = written((to) => write(to, n));
          expect(decode(bytes, true)).toEqual([n, bytes.length]);
          expect(bytes.length).toBe(shortest(n, true));
        }),
      );
    check(32n, (to, n) => to.i32(Number(n)));
    check(64n, (to, n) => to.i64(n));
  });

  test.each([-1, 2 ** 32, 0.5, Number.NaN])("%d is not an unsigned integer", (n) => {
    expect(() => new Bytes().u32(n)).toThrow(CompilerBug);
  });
  test.each([2 ** 31, -(2 ** 31) - 1, 0.5])("%d is not a signed integer", (n) => {
    expect(() => new Bytes().i32(n)).toThrow(CompilerBug);
  });
  test.each([2n ** 63n, -(2n ** 63n) - 1n])("%d is not a signed integer of 64 bits", (n) => {
    expect(() => new Bytes().i64(n)).toThrow(CompilerBug);
  });

  test("floats are little endian, with one NaN", () => {
    expect([...written((to) => to.f32(-0))]).toEqual([0, 0, 0, 0x80]);
    expect([...written((to) => to.f32(Number.NaN))]).toEqual([0, 0, 0xc0, 0x7f]);
    expect([...written((to) => to.f64(1.5))]).toEqual([0, 0, 0, 0, 0, 0, 0xf8, 0x3f]);
    expect([...written((to) => to.f64(Number.NaN))]).toEqual([0, 0, 0, 0, 0, 0, 0xf8, 0x7f]);
  });

  test("names are UTF-8 with a length in bytes; sections have a size", () => {
    expect([...written((to) => to.section(9, (content) => content.name("é1")))]).toEqual([9, 4, 3, 0xc3, 0xa9, 0x31]);
  });

  test("a buffer grows and keeps what it has", () => {
    const all = Uint8Array.from({ length: 1000 }, (_, i) => i & 0xff);
    const to = new Bytes(1);
    for (const byte of all.subarray(0, 100)) to.byte(byte);
    to.bytes(all.subarray(100));
    expect(to.length).toBe(1000);
    expect(to.copy()).toEqual(all);
  });
});

describe("modules", () => {
  test("functions call imports and each other, also before they are written", () => {
    const module = new WasmModule();
    const log = module.importFunction("env", "log", ["i32"], []);
    const isOdd = module.declare("isOdd", ["i32"], ["i32"]);
    const parity = (f: FunctionWriter, params: readonly Local[], atZero: number, other: typeof isOdd.ref): void => {
      const n = at(params, 0);
      f.get(n);
      f.if(
        ["i32"],
        () => {
          f.get(n);
          f.constI32(1);
          f.op("i32.sub");
          f.call(other);
        },
        () => f.constI32(atZero),
      );
    };
    const isEven = module.function("isEven", ["i32"], ["i32"], (f, params) => {
      f.get(at(params, 0));
      f.call(log);
      parity(f, params, 1, isOdd.ref);
    });
    expect(() => module.finish()).toThrow('function "isOdd" is declared and not defined');
    isOdd.define((f, params) => parity(f, params, 0, isEven));
    expect(() => isOdd.define(() => undefined)).toThrow("defined twice");
    module.export("isEven", isEven);
    const logged: number[] = [];
    const { isEven: run } = instantiate(module, { log: (n: number) => logged.push(n) });
    expect([run?.(5), run?.(4)]).toEqual([0, 1]);
    expect(logged).toEqual([5, 3, 1, 4, 2, 0]);
  });

  test("memory, data, globals, several results", () => {
    const module = new WasmModule();
    module.importMemory("env", "memory", { min: 1, shared: false });
    const count = module.global("i32", 40, true);
    const half = module.global("f32", 0.5);
    const big = module.global("i64", -(2 ** 53) + 1);
    const precise = module.global("f64", 0.1);
    module.data(70_000 - 65_536, Uint8Array.of(1, 2, 3, 4));
    const f = module.function("f", [], ["i32", "f32", "i64", "f64", "i32"], (f) => {
      f.getGlobal(count);
      f.constI32(2);
      f.op("i32.add");
      f.setGlobal(count);
      for (const global of [count, half, big, precise]) f.getGlobal(global);
      f.constI32(4000);
      f.memory("i32.load", 464);
    });
    module.export("f", f);
    module.export("memory", "memory");
    const memory = new WebAssembly.Memory({ initial: 1 });
    const exports = instantiate(module, { memory });
    expect(exports.f?.()).toEqual([42, 0.5, -(2n ** 53n) + 1n, 0.1, 0x04030201]);
    expect(exports.memory).toBe(memory);
    expect(module.finish()).toEqual(module.finish());
  });

  test("blocks, loops, branches and select compute", () => {
    const module = new WasmModule();
    // Sums n, n - 1, ... 1, but gives [-1, 0] once the sum is above 100.
    const sum = module.function("sum", ["i32"], ["i32", "i32"], (f, params) => {
      const n = at(params, 0);
      const total = f.local("i32");
      f.block(["i32", "i32"], (out) => {
        f.loop((again) => {
          f.constI32(-1);
          f.constI32(0);
          f.get(total);
          f.constI32(100);
          f.op("i32.gt_s");
          f.brIf(out);
          f.drop();
          f.drop();
          f.get(n);
          f.get(total);
          f.op("i32.add");
          f.set(total);
          f.get(n);
          f.constI32(1);
          f.op("i32.sub");
          f.tee(n);
          f.brIf(again);
        });
        f.get(total);
        f.constI32(1);
        f.constI32(2);
        f.get(total);
        f.constI32(10);
        f.op("i32.lt_s");
        f.select();
      });
    });
    module.export("sum", sum);
    const exports = instantiate(module);
    expect([3, 4, 1000].map((n) => exports.sum?.(n))).toEqual([
      [6, 1],
      [10, 2],
      [-1, 0],
    ]);
  });

  test("a local that is released is given out again, to its own type", () => {
    const module = new WasmModule();
    module.function("f", ["i32"], [], (f) => {
      const a = f.local("i32");
      const b = f.local("f32");
      const c = f.local("f32");
      expect([a.index, b.index, c.index]).toEqual([1, 2, 3]);
      f.release(b);
      expect(f.local("i32").index).toBe(4);
      expect(() => f.get(b)).toThrow("local 2 was released");
      expect(() => f.release(b)).toThrow("local 2 was released");
      expect(f.local("f32")).toBe(b);
      f.get(b);
      f.drop();
    });
    expect(WebAssembly.validate(module.finish())).toBe(true);
  });

  test("constants of vectors are computed before a loop, and calls and addresses behind them move", () => {
    const written = (isHoisted: boolean): Float32Array => {
      const module = new WasmModule({ arena: 64 });
      module.importMemory("env", "memory", { min: 1, shared: false });
      const seven = module.function("seven", [], ["i32"], (f) => f.constI32(7));
      const run = module.function("run", ["i32"], [], (f, params) => {
        const unknown = at(params, 0);
        const [turns, before] = [f.local("i32"), f.local("v128")];
        f.release(before); // what the loop uses and lets go is no home for a constant
        const loop = (): void => {
          f.loop((again) => {
            f.clearing(() => {
              const sum = f.local("v128");
              f.constI32(0);
              f.memory("v128.load", { region: "arena", offset: 16 });
              f.splatF32(1.5);
              f.op("f32x4.add");
              f.set(sum);
              f.constI32(0);
              f.get(sum);
              f.splatF32(1.5);
              f.op("f32x4.mul");
              f.splatF32(0);
              f.op("f32x4.add");
              f.memory("v128.store", { region: "arena", offset: 16 });
              f.release(sum);
              f.splatI32(-3);
              f.drop();
            });
            f.get(turns);
            f.constI32(1);
            f.op("i32.add");
            f.tee(turns);
            f.call(seven);
            f.op("i32.lt_u");
            f.brIf(again);
          });
        };
        if (isHoisted) f.hoisting(() => f.get(unknown), loop);
        else loop();
      });
      module.export("run", run);
      const memory = new WebAssembly.Memory({ initial: 1 });
      new Float32Array(memory.buffer, 80, 4).set([1, 2, 3, 4]);
      instantiate(module, { memory }).run?.(0);
      return new Float32Array(memory.buffer, 80, 4).slice();
    };
    const one = (x: number): number => (x + 1.5) * 1.5;
    const wanted = Array.from({ length: 7 }).reduce<readonly number[]>((values) => values.map(one), [1, 2, 3, 4]);
    expect([...written(false)]).toEqual(wanted.map(Math.fround));
    expect(written(true)).toEqual(written(false));
  });

  test("names are in stack traces and in the name section, those of imports too", () => {
    const module = new WasmModule();
    module.importFunction("env", "imported", [], []);
    const inner = module.function("matmul 128x64 + bias", [], [], (f) => f.unreachable());
    module.export(
      "run",
      module.function("train_step", [], [], (f) => f.call(inner)),
    );
    const { run } = instantiate(module, { imported: () => undefined });
    let trace = "";
    try {
      run?.();
    } catch (error) {
      trace = error instanceof Error ? (error.stack ?? "") : "";
    }
    expect(trace).toMatch(/at .*matmul 128x64 \+ bias[\s\S]*at .*train_step/);
    const [section] = WebAssembly.Module.customSections(new WebAssembly.Module(module.finish()), "name");
    const names = ["imported", "matmul 128x64 + bias", "train_step"];
    const entries = names.flatMap((name, i) => [i, name.length, ...Buffer.from(name)]);
    expect([...new Uint8Array(section ?? new ArrayBuffer(0))]).toEqual([1, entries.length + 1, 3, ...entries]);
  });

  test.each<readonly [string, string, (module: WasmModule) => void]>([
    ["a second memory", "one memory", (m) => m.importMemory("env", "m", { min: 1, shared: false })],
    ["data at a negative offset", "cannot be at -1", (m) => m.data(-1, new Uint8Array(1))],
    ["an i32 global of 0.5", "cannot be 0.5", (m) => m.global("i32", 0.5)],
    ["an export of another module", "not of this module", (m) => m.export("f", emptyFunction(new WasmModule(), 5))],
    [
      "two exports of one name",
      'two exports are called "memory"',
      (m) => {
        m.export("memory", "memory");
        m.export("memory", "memory");
      },
    ],
    [
      "an import after a function",
      "must be imported before",
      (m) => {
        emptyFunction(m, 1);
        m.importFunction("env", "late", [], []);
      },
    ],
  ])("%s is refused", (_, message, write) => {
    const module = new WasmModule();
    module.importMemory("env", "memory", { min: 1, shared: false });
    expect(() => write(module)).toThrow(message);
    expect(() => write(module)).toThrow(CompilerBug);
  });

  test.each([
    { min: 1, shared: true },
    { min: 2, max: 1, shared: false },
    { min: 65_537, shared: false },
    { min: 0.5, shared: false },
  ])("a memory of %o is refused, and one without a memory has no data, no loads and no export", (pages) => {
    const module = new WasmModule();
    expect(() => module.importMemory("env", "memory", pages)).toThrow(CompilerBug);
    expect(() => module.data(0, new Uint8Array(1))).toThrow("needs a memory");
    expect(() => module.export("memory", "memory")).toThrow("not of this module");
    module.function("f", [], [], (f) => {
      f.constI32(0);
      expect(() => f.memory("i32.load", 0)).toThrow("no memory");
      expect(() => f.memoryLane("v128.load8_lane", 0, 0)).toThrow("no memory");
      expect(() => f.op("memory.grow")).toThrow("no memory");
      f.drop();
    });
    expect(WebAssembly.validate(module.finish())).toBe(true);
  });
});

describe("an ill-typed body", () => {
  test("is refused at its instruction, with the function and the stack", () => {
    const module = new WasmModule();
    const write = (f: FunctionWriter): void => {
      f.constI32(1);
      f.constF32(2);
      f.op("f32.add");
    };
    expect(() => module.function("softmax_3", [], [], write)).toThrow(
      'wasm function "softmax_3", f32.add: it takes [f32 f32]; the stack is [i32 f32]',
    );
  });

  test.each<readonly [string, string, (f: FunctionWriter, param: Local) => void]>([
    ["a missing result", "end: it takes [i32]", () => undefined],
    [
      "a result too many",
      "end: its block leaves more than its result [i32]; the stack is [i32 i32]",
      (f) => {
        f.constI32(0);
        f.constI32(1);
      },
    ],
    ["a local of another function", "local 0 is not of this function", (f) => f.get({ index: 0, type: "i32" })],
    [
      "a local of another type",
      "local.set: it takes [i64]",
      (f) => {
        f.constI32(0);
        f.set(f.local("i64"));
      },
    ],
    ["the release of a parameter", "local 0 is a parameter", (f, param) => f.release(param)],
    [
      "an operand from below the block",
      "it takes [i32 i32] (the lowest 1 belong to enclosing blocks); the stack is [i32 i32]",
      (f) => {
        f.constI32(0);
        f.loop(() => {
          f.constI32(1);
          f.op("i32.add");
        });
      },
    ],
    [
      "a select in unreachable code, of another type than what follows takes",
      "f32.neg: it takes [f32]; the stack is [i64]",
      (f) => {
        f.unreachable();
        f.constI64(1n);
        f.constI32(1);
        f.select();
        f.op("f32.neg");
      },
    ],
    ["if with a result and no else", "if: it has results and no else", (f) => f.if(["i32"], () => f.constI32(1))],
    [
      "a branch out of a block that has ended",
      "br: its label is of a block that is not open here",
      (f) => {
        const labels: Label[] = [];
        f.block([], (label) => labels.push(label));
        f.block([], () => f.br(at(labels, 0)));
      },
    ],
    ["a lane that is not there", "there is no lane 4 of 4", (f) => f.lane("f32x4.extract_lane", 4)],
    ["too few lanes", "15 lanes", (f) => f.shuffle(new Array<number>(15).fill(0))],
    ["a lane of neither vector", "there is no lane 32 of 32", (f) => f.shuffle(new Array<number>(16).fill(32))],
    ["a vector of 4 bytes", "4 bytes in place of 16", (f) => f.constV128(new Uint8Array(4))],
    ["i32 of 2^32", "4294967296 is not a 32-bit integer", (f) => f.constI32(2 ** 32)],
    ["i32 of NaN", "NaN is not a 32-bit integer", (f) => f.constI32(Number.NaN)],
    ["i64 of 2^64", "18446744073709551616 is not a 64-bit integer", (f) => f.constI64(2n ** 64n)],
    ["an offset of 2^32", "4294967296 is not an offset", (f) => f.memory("i32.load", 2 ** 32)],
    ["an alignment of 3", "aligned to 3 bytes", (f) => f.memory("i32.load", 0, 3)],
    ["a function of another module", "not of this module", (f) => f.call(emptyFunction(new WasmModule(), 1))],
    ["a global of another module", "not of this module", (f) => f.getGlobal(new WasmModule().global("i32", 0))],
  ])("has %s", (_, message, write) => {
    const module = new WasmModule();
    module.importMemory("env", "memory", { min: 1, shared: false });
    const build = (): unknown => module.function("f", ["i32"], ["i32"], (f, params) => write(f, at(params, 0)));
    expect(build).toThrow(message);
    expect(build).toThrow(CompilerBug);
  });

  test("cannot be written to when it has ended", () => {
    const kept: FunctionWriter[] = [];
    new WasmModule().function("f", [], [], (f) => kept.push(f));
    expect(() => kept[0]?.op("atomic.fence")).toThrow("the body has ended");
    expect(() => kept[0]?.constI32(0)).toThrow("the body has ended");
  });
});

describe("threads", () => {
  test("share a memory: atomic additions are not lost, and waiting threads are woken", async () => {
    const [gate, counter, times, threads] = [0, 4, 20_000, 4];
    const module = new WasmModule();
    module.importMemory("env", "memory", { min: 1, max: 1, shared: true });
    const open = module.function("open", [], ["i32"], (f) => {
      f.constI32(gate);
      f.constI32(1);
      f.memory("i32.atomic.store", 0);
      f.constI32(gate);
      f.constI32(threads);
      f.memory("memory.atomic.notify", 0);
    });
    const count = module.function("count", [], [], (f) => {
      const left = f.local("i32");
      f.loop((again) => {
        f.constI32(gate);
        f.constI32(0);
        f.constI64(-1n);
        f.memory("memory.atomic.wait32", 0);
        f.drop();
        f.constI32(gate);
        f.memory("i32.atomic.load", 0);
        f.op("i32.eqz");
        f.brIf(again);
      });
      f.constI32(times);
      f.set(left);
      f.loop((again) => {
        f.constI32(0);
        f.constI32(1);
        f.memory("i32.atomic.rmw.add", counter);
        f.drop();
        f.get(left);
        f.constI32(1);
        f.op("i32.sub");
        f.tee(left);
        f.brIf(again);
      });
    });
    module.export("open", open);
    module.export("count", count);
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
    const compiled = new WebAssembly.Module(module.finish());
    const script = `
      const { parentPort, workerData: { compiled, memory } } = require("node:worker_threads");
      const { count } = new WebAssembly.Instance(compiled, { env: { memory } }).exports;
      parentPort.postMessage("ready");
      count();
    `;
    const workers = Array.from({ length: threads }, () => {
      const worker = new Worker(script, { eval: true, workerData: { compiled, memory } });
      const ready = new Promise((resolve) => worker.once("message", resolve));
      const done = new Promise((resolve, reject) => worker.once("exit", resolve).once("error", reject));
      return { ready, done };
    });
    await Promise.all(workers.map(({ ready }) => ready));
    const total = new Int32Array(memory.buffer);
    expect(total[counter / 4]).toBe(0);
    const run = new WebAssembly.Instance(compiled, { env: { memory } }).exports.open as () => number;
    expect(run()).toBeLessThanOrEqual(threads);
    await Promise.all(workers.map(({ done }) => done));
    expect(total[counter / 4]).toBe(times * threads);
  });
});

describe("the probe for features", () => {
  const lacking =
    (...parts: readonly (readonly number[])[]) =>
    (bytes: Uint8Array): boolean =>
      !parts.some((part) => Buffer.from(bytes).includes(Buffer.from(part)));
  const vectorConstant = [0xfd, 12];
  const multiplyAdd = [0xfd, 0x85, 0x02];

  test("finds what this engine has", () => {
    expect(wasmFeatures((bytes) => WebAssembly.validate(bytes))).toEqual({ simd: true, relaxed: true });
  });

  test.each([
    ["nothing", () => false, { simd: false, relaxed: false }],
    ["no SIMD", lacking(vectorConstant), { simd: false, relaxed: false }],
    ["no relaxed SIMD", lacking(multiplyAdd), { simd: true, relaxed: false }],
  ])("sees an engine with %s", (_, validate, features) => {
    expect(wasmFeatures(validate)).toEqual(features);
  });
});

function at<T>(list: readonly T[], index: number): T {
  const item = list[index];
  if (item === undefined) throw new Error(`no item ${index}`);
  return item;
}

/** A function at an index at least as high as given, so that its index alone does not tell its module. */
function emptyFunction(module: WasmModule, count: number) {
  for (let i = 1; i < count; i++) module.function("f", [], [], () => undefined);
  return module.function("f", [], [], () => undefined);
}

type Exports = Readonly<Record<string, ((...args: readonly number[]) => unknown) | undefined>>;

function instantiate(module: WasmModule, env: WebAssembly.ModuleImports = {}): Exports {
  const instance = new WebAssembly.Instance(new WebAssembly.Module(module.finish()), { env });
  return instance.exports as unknown as Exports;
}
