/**
 * A module that shows whether an engine joins neighbouring vectors, and rightly: each pattern that our printer relies on, with what
 * JavaScript computes for it number by number, and a loop of square roots and divisions that takes half as long where vectors of 256
 * bits do the work. It runs in src/runtime/wasm/joining-check.ts.
 */
import type { FunctionWriter } from "./function.ts";
import { WasmModule } from "./module.ts";
import type { PlainOpName } from "./opcodes.ts";
import type { Local } from "./refs.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** Two neighbouring vectors are read at each of these addresses. */
const at = { a: 0, b: 32, c: 64, i: 96, j: 128 } as const;
const results = 256;
/** Of the loop that is timed. */
const timed = { from: 4096, bytes: 4096 };
const half = 16;
const pages = 1;

const f = Math.fround;
const a = Float32Array.of(1.5, -2, 0, -0, Number.POSITIVE_INFINITY, 3e-39, 7.25, -1e30);
const b = Float32Array.of(0.5, 3, -0, 5, 2, -4e-39, Number.NaN, 1e-30);
/** Small whole numbers: a multiply-add of them is exact, rounded once or twice. */
const c = Float32Array.of(3, -7, 11, 2, -5, 1, 9, -4);
const i = Int32Array.of(1, -2, 2147483647, -2147483648, 7, 0, -9, 65537);
const j = Int32Array.of(3, 5, 1, -1, -7, 12, 9, 65537);

type Value = (lane: number) => number;
const at8 =
  (array: Float32Array | Int32Array): Value =>
  (lane) =>
    array[lane] ?? 0;
const [aAt, bAt, cAt, iAt, jAt] = [at8(a), at8(b), at8(c), at8(i), at8(j)];

/** What must come out of a pattern in each of eight lanes, as a float or as a word. */
export interface ProbeResult {
  readonly name: string;
  readonly float?: Value;
  readonly word?: Value;
}

interface Pattern extends ProbeResult {
  /** Writes it for the half of the vectors that begins so many bytes on. */
  write(f: FunctionWriter, offset: number): void;
}

export interface JoiningProbe {
  /** Exports `check`, which writes the results, and `work`, which takes how often it goes over what is at `timed`. */
  readonly bytes: Bytes;
  /** What is to be in memory, by address. */
  readonly inputs: readonly (readonly [address: number, values: Float32Array | Int32Array])[];
  /** 32 bytes of each, from this address on. */
  readonly results: { readonly address: number; readonly of: readonly ProbeResult[] };
}

const load = (f: FunctionWriter, address: number, offset: number): void => {
  f.constI32(0);
  f.memory("v128.load", address + offset);
};

const unary = (op: PlainOpName, from: number, of: Pick<Pattern, "float" | "word">): Pattern => ({
  name: op,
  write(f, offset) {
    load(f, from, offset);
    f.op(op);
  },
  ...of,
});

const binary = (op: PlainOpName, left: number, right: number, of: Pick<Pattern, "float" | "word">): Pattern => ({
  name: op,
  write(f, offset) {
    load(f, left, offset);
    load(f, right, offset);
    f.op(op);
  },
  ...of,
});

const mask = (isTrue: boolean): number => (isTrue ? 0xffffffff : 0);
/** Math.min and Math.max agree with f32x4.min and max: -0 is below 0, and a NaN wins. */
const patterns: readonly Pattern[] = [
  binary("f32x4.add", at.a, at.b, { float: (n) => f(aAt(n) + bAt(n)) }),
  binary("f32x4.sub", at.a, at.b, { float: (n) => f(aAt(n) - bAt(n)) }),
  binary("f32x4.mul", at.a, at.b, { float: (n) => f(aAt(n) * bAt(n)) }),
  binary("f32x4.div", at.a, at.b, { float: (n) => f(aAt(n) / bAt(n)) }),
  binary("f32x4.min", at.a, at.b, { float: (n) => Math.min(aAt(n), bAt(n)) }),
  binary("f32x4.max", at.a, at.b, { float: (n) => Math.max(aAt(n), bAt(n)) }),
  binary("f32x4.pmax", at.a, at.b, { float: (n) => (aAt(n) < bAt(n) ? bAt(n) : aAt(n)) }),
  unary("f32x4.sqrt", at.a, { float: (n) => f(Math.sqrt(aAt(n))) }),
  unary("f32x4.abs", at.a, { float: (n) => Math.abs(aAt(n)) }),
  unary("f32x4.neg", at.a, { float: (n) => -aAt(n) }),
  binary("f32x4.lt", at.a, at.b, { word: (n) => mask(aAt(n) < bAt(n)) }),
  binary("f32x4.eq", at.a, at.b, { word: (n) => mask(aAt(n) === bAt(n)) }),
  unary("f32x4.convert_i32x4_s", at.i, { float: (n) => f(iAt(n)) }),
  unary("i32x4.trunc_sat_f32x4_s", at.c, { word: cAt }),
  binary("i32x4.add", at.i, at.j, { word: (n) => iAt(n) + jAt(n) }),
  binary("i32x4.mul", at.i, at.j, { word: (n) => Math.imul(iAt(n), jAt(n)) }),
  binary("i32x4.min_s", at.i, at.j, { word: (n) => Math.min(iAt(n), jAt(n)) }),
  binary("v128.and", at.i, at.j, { word: (n) => iAt(n) & jAt(n) }),
  binary("v128.xor", at.i, at.j, { word: (n) => iAt(n) ^ jAt(n) }),
  {
    name: "a choice between constants and values",
    write(f, offset) {
      load(f, at.a, offset);
      f.splatF32(0.5);
      load(f, at.a, offset);
      load(f, at.b, offset);
      f.op("f32x4.gt");
      f.op("v128.bitselect");
    },
    float: (n) => (aAt(n) > bAt(n) ? aAt(n) : 0.5),
  },
  {
    name: "a shift",
    write(f, offset) {
      load(f, at.i, offset);
      f.constI32(5);
      f.op("i32x4.shl");
    },
    word: (n) => iAt(n) << 5,
  },
  {
    name: "one number in all lanes",
    write(f, offset) {
      f.constI32(0);
      f.memory("v128.load32_splat", at.c);
      load(f, at.c, offset);
      f.op("f32x4.mul");
    },
    float: (n) => 3 * cAt(n),
  },
  {
    name: "one word in all lanes",
    write(f, offset) {
      load(f, at.i, offset);
      f.constI32(0);
      f.memory("i32.load", at.j + 4);
      f.op("i32x4.splat");
      f.op("i32x4.sub");
    },
    word: (n) => iAt(n) - 5,
  },
];

/** Of 1, 2, ... rounds: sums over a loop that are stored behind it, as a block of a product keeps them. */
const rounds = 5;

function writeSums(f: FunctionWriter, relaxed: boolean, to: number): void {
  const count = f.local("i32");
  const sums = [f.local("v128"), f.local("v128")];
  f.loop((again) => {
    for (const [k, sum] of sums.entries()) {
      const product = (): void => {
        f.constI32(0);
        f.memory("v128.load32_splat", at.c + 4);
        load(f, at.c, k * half);
      };
      if (relaxed) {
        product();
        f.get(sum);
        f.op("f32x4.relaxed_madd");
      } else {
        f.get(sum);
        product();
        f.op("f32x4.mul");
        f.op("f32x4.add");
      }
      f.set(sum);
    }
    f.get(count);
    f.constI32(1);
    f.op("i32.add");
    f.tee(count);
    f.constI32(rounds);
    f.op("i32.lt_u");
    f.brIf(again);
  });
  storeBoth(f, sums, to);
}

function storeBoth(f: FunctionWriter, [first, second]: readonly Local[], to: number): void {
  if (first === undefined || second === undefined) return;
  for (const [k, value] of [first, second].entries()) {
    f.constI32(0);
    f.get(value);
    f.memory("v128.store", to + k * half);
  }
}

/** `relaxed`: with multiply-adds that are rounded once. `mark` makes modules of the same code differ: an engine gives for the same bytes what it compiled before. */
export function joiningProbe(relaxed: boolean, mark: number): JoiningProbe {
  const module = new WasmModule();
  module.importMemory("", "m", { min: pages, max: pages, shared: false });
  const check = module.function("check", [], [], (f) => {
    const halves = [f.local("v128"), f.local("v128")];
    for (const [n, pattern] of patterns.entries()) {
      for (const [k, held] of halves.entries()) {
        pattern.write(f, k * half);
        f.set(held);
      }
      storeBoth(f, halves, results + n * 2 * half);
    }
    writeSums(f, relaxed, results + patterns.length * 2 * half);
  });
  module.export("check", check);
  module.export("work", module.function("work", ["i32"], [], writeWork));
  module.global("i32", mark);
  const sums: ProbeResult = { name: "a sum of products", float: (n) => rounds * -7 * cAt(n) };
  const inputs = [[at.a, a], [at.b, b], [at.c, c], [at.i, i], [at.j, j], [timed.from, new Float32Array(timed.bytes / 4).fill(2)]] as const; // biome-ignore format: a table
  return { bytes: module.finish(), inputs, results: { address: results, of: [...patterns, sums] } };
}

/** Square roots over a quotient, so many times over 4 KiB. */
function writeWork(f: FunctionWriter, [times]: readonly Local[]): void {
  if (times === undefined) return;
  const address = f.local("i32");
  const halves = [f.local("v128"), f.local("v128")];
  f.loop((again) => {
    f.constI32(timed.from);
    f.set(address);
    f.loop((next) => {
      for (const [k, held] of halves.entries()) {
        f.get(address);
        f.memory("v128.load", k * half);
        f.op("f32x4.sqrt");
        f.splatF32(1.25);
        f.op("f32x4.div");
        f.set(held);
      }
      for (const [k, held] of halves.entries()) {
        f.get(address);
        f.get(held);
        f.memory("v128.store", k * half);
      }
      f.get(address);
      f.constI32(2 * half);
      f.op("i32.add");
      f.tee(address);
      f.constI32(timed.from + timed.bytes);
      f.op("i32.lt_u");
      f.brIf(next);
    });
    f.get(times);
    f.constI32(1);
    f.op("i32.sub");
    f.tee(times);
    f.brIf(again);
  });
}
