/**
 * Random reductions of odd sizes against sums, products and extremes written out in doubles here: over the first axis, a middle one or
 * the last, with ties and with NaN, scheduled as for a card, with subgroups and without, and as for software. Two runs give the same bits.
 */
import { deepStrictEqual, ok } from "node:assert/strict";
import { compile, compileOn } from "../../../src/compile.ts";
import { RandomStream, uniformFromBits } from "../../../src/core/random.ts";
import type { Program } from "../../../src/dsl/program.ts";
import {
  argmax,
  argmin,
  cast,
  f32,
  l2Norm,
  logSumExp,
  max,
  mean,
  min,
  moments,
  prod,
  program,
  sum,
  type Tensor,
  u8,
  variance,
} from "../../../src/index.ts";
import { effort } from "../../effort.ts";
import { cardTarget } from "../against-js.ts";
import type { GpuCase } from "../case.ts";

/** Of [outer, n, inner], the middle axis of which is reduced. */
interface Shape {
  readonly outer: number;
  readonly n: number;
  readonly inner: number;
}

/** A number of the n elements, and how far from it one in f32 may be. */
interface Expected {
  readonly value: number;
  readonly within: number;
}

interface Reduction {
  readonly of: (x: Tensor, axis: number) => Tensor;
  readonly meant: (row: Float64Array) => Expected;
}

const total = (row: Float64Array, of: (v: number) => number = (v) => v): number =>
  row.reduce((all, v) => all + of(v), 0);
const spread = (row: Float64Array): number => {
  const average = total(row) / row.length;
  return total(row, (v) => (v - average) ** 2) / row.length;
};
const exact = (value: number): Expected => ({ value, within: 0 });

/** The first of those that no other beats; NaN beats all. */
function firstOf(row: Float64Array, beats: (a: number, b: number) => boolean): number {
  let best = 0;
  for (const [i, v] of row.entries()) {
    const held = row[best] ?? 0;
    if (!Number.isNaN(held) && (Number.isNaN(v) || beats(v, held))) best = i;
  }
  return best;
}
const above = (a: number, b: number): boolean => a > b;
const below = (a: number, b: number): boolean => a < b;
const sumOf = (row: Float64Array): Expected => ({ value: total(row), within: 2e-5 * total(row, Math.abs) });
const varianceOf = (row: Float64Array): Expected => ({ value: spread(row), within: 1e-4 * (spread(row) + 1e-3) });

const reductions: Readonly<Record<string, Reduction>> = {
  sum: { of: (x, axis) => sum(x, { axis }), meant: sumOf },
  mean: {
    of: (x, axis) => mean(x, { axis }),
    meant: (row) => ({ value: total(row) / row.length, within: (2e-5 * total(row, Math.abs)) / row.length }),
  },
  /** Of numbers near 1. */
  prod: {
    of: (x, axis) => prod(x, { axis }),
    meant: (row) => {
      const value = row.reduce((all, v) => all * v, 1);
      return { value, within: Math.abs(value) * 1e-6 * (1 + Math.sqrt(row.length)) };
    },
  },
  max: { of: (x, axis) => max(x, { axis }), meant: (row) => exact(row[firstOf(row, above)] ?? 0) },
  min: { of: (x, axis) => min(x, { axis }), meant: (row) => exact(row[firstOf(row, below)] ?? 0) },
  argmax: { of: (x, axis) => argmax(x, { axis }), meant: (row) => exact(firstOf(row, above)) },
  argmin: { of: (x, axis) => argmin(x, { axis }), meant: (row) => exact(firstOf(row, below)) },
  variance: { of: (x, axis) => variance(x, { axis }), meant: varianceOf },
  moments: { of: (x, axis) => moments(x, { axis }).variance, meant: varianceOf },
  norm: {
    of: (x, axis) => l2Norm(x, { axis }),
    meant: (row) => ({
      value: Math.sqrt(total(row, (v) => v * v)),
      within: 2e-5 * Math.sqrt(total(row, (v) => v * v)),
    }),
  },
  logSumExp: {
    of: (x, axis) => logSumExp(x, { axis }),
    meant: (row) => ({ value: Math.log(total(row, Math.exp)), within: 1e-4 }),
  },
};

/** A generator of numbers from 0 to 1. */
function generator(seed: number): () => number {
  const stream = new RandomStream(seed, "reductions");
  return () => uniformFromBits(stream.bits());
}

const lengths = [1, 2, 3, 5, 13, 31, 32, 33, 127, 257, 509, 1023, 1024, 1025, 4093, 4097, 16_383, 65_536, 65_537];
const sides = [1, 1, 2, 3, 4, 5, 7, 16, 33, 64, 129, 256, 260];
const most = 2 ** 18;

function shapeOf(random: () => number): Shape {
  const pick = (of: readonly number[]): number => of[Math.floor(random() * of.length)] ?? 1;
  const shape = { outer: pick(sides), n: pick(lengths), inner: pick(sides) };
  return shape.outer * shape.n * shape.inner > most ? shapeOf(random) : shape;
}

interface One {
  readonly name: string;
  readonly shape: Shape;
  readonly isBytes: boolean;
  readonly values: Float32Array | Uint8Array;
}

function drawOne(random: () => number, given?: Shape): One {
  const shape = given ?? shapeOf(random);
  const names = Object.keys(reductions);
  const name = names[Math.floor(random() * names.length)] ?? "sum";
  const count = shape.outer * shape.n * shape.inner;
  if (name === "sum" && random() < 0.3)
    return { name, shape, isBytes: true, values: Uint8Array.from({ length: count }, () => random() * 256) };
  const steps = random() < 0.3 ? 3 : 2 ** 20;
  const size = name === "prod" ? 1e-3 : 2;
  const values = Float32Array.from(
    { length: count },
    () => (name === "prod" ? 1 : 0) + size * (Math.floor(random() * steps) / steps - 0.5),
  );
  if (random() < 0.25) for (let i = 0; i < 3; i += 1) values[Math.floor(random() * count)] = Number.NaN;
  return { name, shape, isBytes: false, values };
}

const kinds = ["a card with subgroups", "a card without subgroups", "software"] as const;
type Kind = (typeof kinds)[number];

/** Some reductions in one program, on one kind of schedule. */
async function check(device: GPUDevice, all: readonly One[], kind: Kind): Promise<void> {
  const inputs = Object.fromEntries(
    all.map(({ shape: { outer, n, inner }, isBytes }, i) => [`x${i}`, (isBytes ? u8 : f32)(outer, n, inner)]),
  );
  const made = program({
    inputs,
    step: (given: Readonly<Record<string, Tensor>>) => ({
      outputs: Object.fromEntries(
        all.map(({ name, isBytes }, i) => {
          const x = given[`x${i}`];
          const of = reductions[name]?.of;
          if (x === undefined || of === undefined) throw new Error(name);
          return [`y${i}`, of(isBytes ? cast(x, "f32") : x, 1)];
        }),
      ),
    }),
  }) as Program;
  const compiled =
    kind === "software"
      ? await compile(made, { device, target: "wgsl" })
      : await compileOn(made, kind === "a card with subgroups" ? cardTarget(device) : cardTarget(device, 0), {});
  const feeds = Object.fromEntries(all.map(({ values }, i) => [`x${i}`, values]));
  const outputs = (await compiled.run({ entry: "step", feeds })) as Readonly<Record<string, ArrayLike<number>>>;
  deepStrictEqual(await compiled.run({ entry: "step", feeds }), outputs);
  compiled.dispose();
  for (const [i, one] of all.entries()) compare(one, outputs[`y${i}`] ?? [], kind);
}

function compare({ name, shape: { outer, n, inner }, isBytes, values }: One, found: ArrayLike<number>, kind: Kind) {
  const meant = reductions[name]?.meant;
  for (let i = 0; i < outer * inner; i += 1) {
    const start = Math.floor(i / inner) * n * inner + (i % inner);
    const row = Float64Array.from({ length: n }, (_, k) => values[start + k * inner] ?? 0);
    const { value, within } = meant?.(row) ?? exact(0);
    const got = found[i] ?? 0;
    const isNear = Number.isNaN(value) ? Number.isNaN(got) : Math.abs(got - value) <= within + 1e-6;
    const where = `${name} of ${isBytes ? "bytes " : ""}[${outer}, ${n}, ${inner}] as for ${kind}`;
    ok(isNear, `${where}: the ${i}th is ${got}, and should be ${value}`);
  }
}

const perProgram = 8;
const programs = effort === 1 ? 63 : kinds.length;
const large: readonly Shape[] =
  effort === 1
    ? [
        { outer: 1, n: 2 ** 24, inner: 1 },
        { outer: 1, n: 2 ** 24 - 1, inner: 1 },
        { outer: 1, n: 2 ** 22 + 1, inner: 3 },
        { outer: 1, n: 2 ** 14, inner: 1024 },
      ]
    : [{ outer: 1, n: 2 ** 18 - 1, inner: 1 }];

export const cases: readonly GpuCase[] = [
  {
    name: "random reductions of odd sizes, as for a card and as for software",
    async run({ device }) {
      for (let seed = 0; seed < programs; seed += 1) {
        const random = generator(seed);
        const all = Array.from({ length: perProgram }, () => drawOne(random));
        await check(device, all, kinds[seed % kinds.length] ?? "software");
      }
    },
  },
  {
    name: "random reductions of very many elements",
    async run({ device }) {
      for (const [seed, shape] of large.entries()) {
        const one = drawOne(generator(1000 + seed), shape);
        for (const kind of kinds) await check(device, [one], kind);
      }
    },
  },
];
