/**
 * Casts to floats of 16 bits, f16 and bf16, where another kernel would store them, and where the reader is fused with them: the number
 * is rounded either way. One table for all targets and both types. The reference is a search among the 65536 numbers of the type,
 * which are decoded here.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { compileOn } from "../src/compile.ts";
import { heldIn, type ShortFloat } from "../src/core/dtype.ts";
import * as api from "../src/index.ts";
import { type DType, f32, f64, type InputSpec, i32, program, type Tensor, u8, u32 } from "../src/index.ts";
import type { Skippable } from "../src/stages.ts";
import type { TargetSetup } from "../src/target-setup.ts";

type Loose = (...operands: readonly unknown[]) => Tensor;
const f = api as unknown as { readonly [Name in keyof typeof api]: Loose };

// ---- the reference -------------------------------------------------------------------------------------------------

/** The bits of the fraction, and what is taken off an exponent for the value of the last of them. */
const formats = { f16: { fraction: 10, bias: 25 }, bf16: { fraction: 7, bias: 134 } } as const;

/** The value of 16 bits. */
export function decodeShort(dtype: ShortFloat, bits: number): number {
  const { fraction, bias } = formats[dtype];
  const one = 2 ** fraction;
  const [exponent, rest] = [Math.floor((bits & 0x7fff) / one), bits % one];
  const sign = bits >= 0x8000 ? -1 : 1;
  if (exponent === 0x8000 / one - 1) return rest === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (exponent === 0 ? rest * 2 ** (1 - bias) : (one + rest) * 2 ** (exponent - bias));
}

/** Bits of an infinity: what lies above them is a NaN. */
const infinite = { f16: 0x7c00, bf16: 0x7f80 } as const;

/** The magnitudes in order, a power of two last: what is nearer to that than to the largest number overflows. */
const magnitudes = {
  f16: [...Array.from({ length: infinite.f16 }, (_, bits) => decodeShort("f16", bits)), 2 ** 16],
  bf16: [...Array.from({ length: infinite.bf16 }, (_, bits) => decodeShort("bf16", bits)), 2 ** 128],
} as const;

/** The nearest number of the type; between two, the one whose bits are even. */
export function nearestShort(dtype: ShortFloat, value: number): number {
  if (Number.isNaN(value)) return value;
  const all = magnitudes[dtype];
  const magnitude = Math.abs(value);
  let [below, above] = [-1, all.length]; // the last that is smaller, and the first that is not
  while (above - below > 1) {
    const middle = (below + above) >> 1;
    if ((all[middle] as number) >= magnitude) above = middle;
    else below = middle;
  }
  const bits = above === all.length ? below : above === 0 ? 0 : nearer(all, magnitude, above);
  const found = bits === all.length - 1 ? Number.POSITIVE_INFINITY : (all[bits] as number);
  return value < 0 || Object.is(value, -0) ? -found : found;
}

function nearer(all: readonly number[], magnitude: number, above: number): number {
  const [low, high] = [magnitude - (all[above - 1] as number), (all[above] as number) - magnitude];
  if (low === high) return above % 2 === 0 ? above : above - 1;
  return low < high ? above - 1 : above;
}

// ---- numbers -------------------------------------------------------------------------------------------------------

type Given = Readonly<Partial<Record<DType, readonly number[]>>>;

/** Around the smallest normal number, the multiples of the smallest of all, the first tie above 1, and the largest. */
function edges(least: number, fraction: number, most: number): readonly number[] {
  const [normal, unit, tie] = [2 ** least, 2 ** (least - fraction), 2 ** -(fraction + 1)];
  const overflow = most * (1 + tie / (2 - 2 ** -fraction)); // half way to the next power of two
  return [
    ...[normal, normal - unit / 2, normal - 0.6 * unit, normal * (1 + tie)],
    ...[unit, unit / 2, 0.75 * unit, 1.5 * unit, -unit / 2, 8.4 * unit],
    ...[1 + tie, 1 + 3 * tie, 1 + tie + 2 ** -20, 1.5 / tie + 0.5, 32 + 32 * tie, 1023.75, -0.1],
    ...[most, overflow, -overflow, overflow * (1 - 2 ** -23)],
  ];
}

/** f32 would round these to ties, or over them. */
function doubles(least: number, fraction: number, most: number): readonly number[] {
  const [unit, tie] = [2 ** (least - fraction), 2 ** -(fraction + 1)];
  const overflow = most * (1 + tie / (2 - 2 ** -fraction));
  return [
    1 + tie + 2 ** -40,
    1 + tie - 2 ** -40,
    overflow * (1 - 2 ** -46),
    unit * (0.5 + 2 ** -35),
    unit * (1.5 - 2 ** -36),
    1e300,
  ];
}

const plain = [3e9, -1.9, 1 / 3, 65519, 1e-8, 65504, 65520, -65520, 1, -0.1, 0, -0, 2049, 2051, 4098, 257, 259, 1e-30];
const special = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN, 3.4e38, 3.4028234663852886e38];

function drawn(count: number, range: number, from: number): readonly number[] {
  return Array.from({ length: count }, (_, i) =>
    Math.fround((i % 2 === 0 ? 1 : -1) * 2 ** (((i * 37) % range) + from) * (1 + ((i * 7919) % 1009) / 1009)),
  );
}

function numbersFor(least: number, fraction: number, most: number): Given {
  const all = [...plain, ...edges(least, fraction, most), ...special, ...drawn(200, 15 - 2 * least, 2 * least)];
  const whole = [0, 1, 255, 257, 259, 2049, 2051, 65519, 65520];
  return {
    f32: all.map(Math.fround),
    f64: [...all, ...doubles(least, fraction, most)],
    i32: [...whole, -1, -257, -65519, 2147483647, -2147483648],
    u32: [...whole, 4294967295],
    u8: [0, 1, 254, 255],
  };
}

/** What is cast, by what it is. */
export const shortInputs: Readonly<Record<ShortFloat, Given>> = {
  f16: numbersFor(-14, 10, 65504),
  bf16: numbersFor(-126, 7, 2 ** 128 - 2 ** 120),
};
const specs: Readonly<Partial<Record<DType, (count: number) => InputSpec>>> = { f32, f64, i32, u32, u8 } as never;

const torch = JSON.parse(readFileSync(new URL("fixtures/torch-short.json", import.meta.url), "utf8")) as {
  readonly lower: readonly number[];
} & Readonly<Record<ShortFloat, string>>;

/** What PyTorch rounded (test/foreign/torch_short.py): around the ties of both types, every upper half with these lower ones. */
export function torchNumbers(): Float32Array {
  const bits = new Uint32Array(9 * 0x10000);
  const singles = new Uint32Array(Float32Array.from({ length: 0x10000 }, (_, i) => decodeShort("f16", i)).buffer);
  for (let i = 0; i < 0x10000; i++) {
    torch.lower.forEach((low, part) => {
      bits[part * 0x10000 + i] = i * 0x10000 + low;
    });
    [0xfff, 0x1000, 0x1001].forEach((more, part) => {
      bits[(torch.lower.length + part) * 0x10000 + i] = (singles[i] ?? 0) + more;
    });
  }
  return new Float32Array(bits.buffer);
}

/** Whether these are the bits that PyTorch has for its numbers; one NaN is as good as another. */
export function isAsTorch(dtype: ShortFloat, found: ArrayLike<number>): boolean {
  const nan = heldIn(dtype, Number.NaN);
  const bits = Uint16Array.from(found, (held) => ((held & 0x7fff) > infinite[dtype] ? nan : held));
  return createHash("sha256").update(new Uint8Array(bits.buffer)).digest("hex") === torch[dtype];
}

// ---- programs ------------------------------------------------------------------------------------------------------

interface Row {
  readonly says: string;
  /** What is made of the numbers as short floats, and of the numbers themselves. */
  readonly make: (short: Tensor, x: Tensor) => Tensor;
  readonly wanted: (shorts: readonly number[], dtype: ShortFloat, from: DType) => readonly number[];
}

const wide = (short: Tensor): Tensor => f.cast(short, "f32");
const asIs = (shorts: readonly number[]): readonly number[] => shorts;
const sumOf = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

const rows: readonly Row[] = [
  { says: "read at once", make: wide, wanted: asIs },
  { says: "turned round", make: (short) => wide(f.flip(short, [0])), wanted: (shorts) => shorts.toReversed() },
  { says: "reshaped", make: (short) => f.reshape(wide(f.reshape(short, [1, -1])), [-1]), wanted: asIs },
  { says: "sliced", make: (short) => wide(f.slice(short, [1, 4])), wanted: (shorts) => shorts.slice(1, 4) },
  {
    says: "joined",
    make: (short) => wide(f.concat([short, short])),
    wanted: (shorts) => [...shorts, ...shorts],
  },
  {
    says: "repeated",
    make: (short) => f.reshape(wide(f.broadcastTo(short, [2, short.shape[0]])), [-1]),
    wanted: (shorts) => [...shorts, ...shorts],
  },
  {
    says: "padded with a tenth",
    make: (short) => wide(f.pad(short, [[1, 0]], 0.1)),
    wanted: (shorts, dtype) => [nearestShort(dtype, 0.1), ...shorts],
  },
  { says: "looked up", make: (short) => wide(f.gather(short, f.arange(2))), wanted: (shorts) => shorts.slice(0, 2) },
  {
    says: "multiplied, where a device need not flush",
    make: (short) => f.where(f.less(f.abs(wide(short)), 2 ** -120), wide(short), f.mul(wide(short), 0.25)),
    wanted: (shorts) => shorts.map((x) => (Math.abs(x) < 2 ** -120 ? x : x * 0.25)),
  },
  {
    says: "added up, the finite",
    make: (short) => f.sum(f.slice(wide(short), [1, 3])),
    wanted: (shorts) => [Math.fround(sumOf(shorts.slice(1, 3)))],
  },
  {
    says: "a product of matrices",
    make: (short) => f.reshape(f.matmul(f.reshape(f.slice(wide(short), [1, 3]), [1, 2]), f.full([2, 1], 1)), [1]),
    wanted: (shorts) => [Math.fround(sumOf(shorts.slice(1, 3)))],
  },
];

const direct: readonly Row[] = [
  { says: "stored", make: (short) => short, wanted: asIs },
  ...rows,
  {
    says: "counted",
    make: ({ dtype }) => wide(f.slice(f.arange(2060, dtype), [2046, 2060])),
    wanted: (_, dtype) => Array.from({ length: 14 }, (_, i) => nearestShort(dtype, 2046 + i)),
  },
  {
    says: "a slope",
    make: (short, x) => (x.dtype === "f32" ? f.grad(f.sum(f.mul(wide(short), 0.1)), x) : wide(short)),
    wanted: (shorts, dtype, from) => (from === "f32" ? shorts.map(() => nearestShort(dtype, 0.1)) : shorts),
  },
];

/** What a target makes otherwise: a line each. */
export async function brokenShorts(
  dtype: ShortFloat,
  target: TargetSetup,
  skip: readonly Skippable[] = [],
): Promise<readonly string[]> {
  const froms = (Object.keys(shortInputs[dtype]) as DType[]).filter((from) => from !== "f64" || target.traits.hasF64);
  const broken = await Promise.all(froms.map((from) => brokenFor(dtype, from, target, skip)));
  return broken.flat();
}

async function brokenFor(
  dtype: ShortFloat,
  from: DType,
  target: TargetSetup,
  skip: readonly Skippable[],
): Promise<readonly string[]> {
  const executable = await compileOn(shortProgram(dtype, from), target, { skip, onWarning: () => {} });
  try {
    const feeds = { x: shortInputs[dtype][from] };
    const found = (await executable.run({ entry: "step", feeds } as never)) as Readonly<Record<string, unknown>>;
    return brokenResults(dtype, from, (name) => {
      const value = found[name];
      const list = typeof value === "number" ? [value] : Array.from(value as ArrayLike<number>);
      return value instanceof Uint16Array ? list.map((bits) => decodeShort(dtype, bits)) : list;
    });
  } finally {
    executable.dispose();
  }
}

/** Every row for numbers of one dtype: outputs r0, r1... */
export function shortProgram(dtype: ShortFloat, from: DType): api.Program<Record<string, unknown>> {
  const numbers = shortInputs[dtype][from] ?? [];
  const spec = specs[from] as (count: number) => InputSpec;
  return program({
    inputs: { x: spec(numbers.length) },
    step: ({ x }) => {
      const tensor = x as unknown as Tensor;
      const short = f.cast(tensor, dtype);
      return { outputs: Object.fromEntries(direct.map(({ make }, i) => [`r${i}`, make(short, tensor)])) };
    },
  }) as never;
}

/** What is otherwise, by any means that gives arrays. */
export function brokenResults(
  dtype: ShortFloat,
  from: DType,
  found: (name: string) => ArrayLike<number>,
): readonly string[] {
  const shorts = (shortInputs[dtype][from] ?? []).map((number) => nearestShort(dtype, number));
  return direct.flatMap(({ says, wanted }, i) =>
    compare(`${dtype} of ${from}, ${says}`, Array.from(found(`r${i}`)), wanted(shorts, dtype, from)),
  );
}

function compare(what: string, found: readonly number[], wanted: readonly number[]): readonly string[] {
  if (found.length !== wanted.length) return [`${what}: ${found.length} numbers, not ${wanted.length}`];
  return wanted.flatMap((value, i) =>
    found[i] === value || Object.is(found[i], value) ? [] : [`${what}: element ${i} is ${found[i]}, not ${value}`],
  );
}
