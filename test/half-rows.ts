/**
 * Casts to f16 where another kernel would store them, and where the reader is fused with them: the number is rounded either way.
 * One table for all targets. The reference is a search among the 65536 numbers of half precision, which are decoded here.
 */
import { compileOn } from "../src/compile.ts";
import * as api from "../src/index.ts";
import { type DType, f32, f64, type InputSpec, i32, program, type Tensor, u8, u32 } from "../src/index.ts";
import type { Skippable } from "../src/stages.ts";
import type { TargetSetup } from "../src/targets.ts";

type Loose = (...operands: readonly unknown[]) => Tensor;
const f = api as unknown as { readonly [Name in keyof typeof api]: Loose };

// ---- the reference -------------------------------------------------------------------------------------------------

/** The value of 16 bits. */
export function decodeHalf(bits: number): number {
  const [exponent, fraction] = [(bits >> 10) & 31, bits & 1023];
  const sign = bits >= 0x8000 ? -1 : 1;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25));
}

/** The magnitudes in order, 2^16 last: what is nearer to that than to 65504 overflows. */
const magnitudes = [...Array.from({ length: 0x7c00 }, (_, bits) => decodeHalf(bits)), 65536];

/** The nearest number of half precision; between two, the one whose bits are even. */
export function nearestHalf(value: number): number {
  if (Number.isNaN(value)) return value;
  const magnitude = Math.abs(value);
  const above = magnitudes.findIndex((half) => half >= magnitude);
  const bits = above < 0 ? magnitudes.length - 1 : above === 0 ? 0 : nearer(magnitude, above);
  const found = bits === magnitudes.length - 1 ? Number.POSITIVE_INFINITY : (magnitudes[bits] as number);
  return value < 0 || Object.is(value, -0) ? -found : found;
}

function nearer(magnitude: number, above: number): number {
  const [low, high] = [magnitude - (magnitudes[above - 1] as number), (magnitudes[above] as number) - magnitude];
  if (low === high) return above % 2 === 0 ? above : above - 1;
  return low < high ? above - 1 : above;
}

// ---- numbers -------------------------------------------------------------------------------------------------------

const plain = [3e9, -1.9, 1 / 3, 65519, 1e-8, 65504, 65520, -65520, 65519.99, 1, -0.1, 0, -0, 2049, 2051, 4098, 4102];
const small = [
  2 ** -14,
  2 ** -14 - 2 ** -25,
  6.1e-5,
  2 ** -24,
  2 ** -25,
  2 ** -25 * 1.5,
  3 * 2 ** -25,
  -(2 ** -25),
  5e-7,
  1e-30,
];
const ties = [
  1 + 2 ** -11,
  1 + 3 * 2 ** -11,
  1 + 2 ** -11 + 2 ** -20,
  2048.5,
  1023.75,
  32 + 2 ** -6,
  2 ** -14 * (1 + 2 ** -11),
];
const special = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN, 3.4e38];
/** f32 would round these to ties, or over them. */
const doubles = [
  1 + 2 ** -11 + 2 ** -40,
  1 + 2 ** -11 - 2 ** -40,
  65520 - 2 ** -30,
  2 ** -25 + 2 ** -60,
  3 * 2 ** -25 - 2 ** -60,
  1e300,
];
const drawn = Array.from({ length: 200 }, (_, i) =>
  Math.fround((i % 2 === 0 ? 1 : -1) * 2 ** (((i * 37) % 45) - 27) * (1 + ((i * 7919) % 1009) / 1009)),
);
const given: Readonly<Partial<Record<DType, readonly number[]>>> = {
  f32: [...plain, ...small, ...ties, ...special, ...drawn].map(Math.fround),
  f64: [...plain, ...small, ...ties, ...special, ...doubles, ...drawn],
  i32: [0, 1, -1, 2049, -2051, 65519, 65520, -65519, 2147483647, -2147483648],
  u32: [0, 1, 2049, 2051, 65519, 65520, 4294967295],
  u8: [0, 1, 254, 255],
};
const specs: Readonly<Partial<Record<DType, (count: number) => InputSpec>>> = { f32, f64, i32, u32, u8 } as never;

// ---- programs ------------------------------------------------------------------------------------------------------

interface Row {
  readonly says: string;
  /** What is made of the numbers as f16, of the numbers themselves, and of the ones that are in no f16. */
  readonly make: (half: Tensor, x: Tensor) => Tensor;
  readonly wanted: (halves: readonly number[], x: readonly number[]) => readonly number[];
}

const wide = (half: Tensor): Tensor => f.cast(half, "f32");
const asIs = (halves: readonly number[]): readonly number[] => halves;
const sumOf = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

const rows: readonly Row[] = [
  { says: "read at once", make: wide, wanted: asIs },
  { says: "turned round", make: (half) => wide(f.flip(half, [0])), wanted: (halves) => halves.toReversed() },
  { says: "reshaped", make: (half) => f.reshape(wide(f.reshape(half, [1, -1])), [-1]), wanted: asIs },
  { says: "sliced", make: (half) => wide(f.slice(half, [1, 4])), wanted: (halves) => halves.slice(1, 4) },
  {
    says: "joined",
    make: (half) => wide(f.concat([half, half])),
    wanted: (halves) => [...halves, ...halves],
  },
  {
    says: "repeated",
    make: (half) => f.reshape(wide(f.broadcastTo(half, [2, half.shape[0]])), [-1]),
    wanted: (halves) => [...halves, ...halves],
  },
  {
    says: "padded with a tenth",
    make: (half) => wide(f.pad(half, [[1, 0]], 0.1)),
    wanted: (halves) => [nearestHalf(0.1), ...halves],
  },
  { says: "looked up", make: (half) => wide(f.gather(half, f.arange(2))), wanted: (halves) => halves.slice(0, 2) },
  { says: "multiplied", make: (half) => f.mul(wide(half), 4), wanted: (halves) => halves.map((x) => x * 4) },
  {
    says: "added up, the finite",
    make: (half) => f.sum(f.slice(wide(half), [1, 3])),
    wanted: (halves) => [Math.fround(sumOf(halves.slice(1, 3)))],
  },
  {
    says: "a product of matrices",
    make: (half) => f.reshape(f.matmul(f.reshape(f.slice(wide(half), [1, 3]), [1, 2]), f.full([2, 1], 1)), [1]),
    wanted: (halves) => [Math.fround(sumOf(halves.slice(1, 3)))],
  },
];

const direct: readonly Row[] = [
  { says: "stored", make: (half) => half, wanted: asIs },
  ...rows,
  {
    says: "counted",
    make: () => wide(f.slice(f.arange(2060, "f16"), [2046, 2060])),
    wanted: () => Array.from({ length: 14 }, (_, i) => nearestHalf(2046 + i)),
  },
  {
    says: "a slope",
    make: (half, x) => (x.dtype === "f32" ? f.grad(f.sum(f.mul(wide(half), 0.1)), x) : wide(half)),
    wanted: (halves, x) => (x === given.f32 ? halves.map(() => nearestHalf(0.1)) : halves),
  },
];

/** What a target makes otherwise: a line each. */
export async function brokenHalves(target: TargetSetup, skip: readonly Skippable[] = []): Promise<readonly string[]> {
  const dtypes = (Object.keys(given) as DType[]).filter((dtype) => dtype !== "f64" || target.traits.hasF64);
  const broken = await Promise.all(dtypes.map((dtype) => brokenFor(dtype, target, skip)));
  return broken.flat();
}

async function brokenFor(dtype: DType, target: TargetSetup, skip: readonly Skippable[]): Promise<readonly string[]> {
  const numbers = given[dtype] ?? [];
  const halves = numbers.map(nearestHalf);
  const made = halfProgram(dtype);
  const executable = await compileOn(made, target, { skip, onWarning: () => {} });
  try {
    const found = (await executable.run({ entry: "step", feeds: { x: numbers } } as never)) as Readonly<
      Record<string, unknown>
    >;
    return direct.flatMap(({ says, wanted }, i) => {
      const value = found[`r${i}`];
      const list = typeof value === "number" ? [value] : Array.from(value as ArrayLike<number>);
      const read = value instanceof Uint16Array ? list.map(decodeHalf) : list;
      return compare(`${dtype}, ${says}`, read, wanted(halves, numbers));
    });
  } finally {
    executable.dispose();
  }
}

/** Every row for numbers of one dtype: outputs r0, r1... */
export function halfProgram(dtype: DType): api.Program<Record<string, unknown>> {
  const numbers = given[dtype] ?? [];
  const spec = specs[dtype] as (count: number) => InputSpec;
  return program({
    inputs: { x: spec(numbers.length) },
    step: ({ x }) => {
      const tensor = x as unknown as Tensor;
      const half = f.cast(tensor, "f16");
      return { outputs: Object.fromEntries(direct.map(({ make }, i) => [`r${i}`, make(half, tensor)])) };
    },
  }) as never;
}

/** The same by any means that gives arrays: for the oracle. */
export function brokenResults(dtype: DType, found: (name: string) => ArrayLike<number>): readonly string[] {
  const numbers = given[dtype] ?? [];
  const halves = numbers.map(nearestHalf);
  return direct.flatMap(({ says, wanted }, i) =>
    compare(`${dtype}, ${says}`, Array.from(found(`r${i}`)), wanted(halves, numbers)),
  );
}

export const halfInputs = given;

function compare(what: string, found: readonly number[], wanted: readonly number[]): readonly string[] {
  if (found.length !== wanted.length) return [`${what}: ${found.length} numbers, not ${wanted.length}`];
  return wanted.flatMap((value, i) =>
    found[i] === value || Object.is(found[i], value) ? [] : [`${what}: element ${i} is ${found[i]}, not ${value}`],
  );
}
