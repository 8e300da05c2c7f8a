/** Activations against Keras's at edge values, with their derivatives: test/fixtures/keras/activations.json. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compile, f32, gelu, grad, leakyRelu, mul, program, type Shape, sum, type Tensor } from "../../src/index.ts"; // biome-ignore format: names
import * as keras from "../../src/nn/keras-activations.ts";
import { type ActivationName, activate, activationKind } from "../../src/nn/layers/activations.ts";
import { errorOf } from "../keras-error.ts";
import { type Numbers, numberOf } from "../keras-layer-cases.ts";
import { note } from "../keras-record.ts";

interface Case {
  readonly name: string;
  readonly options: Readonly<Record<string, number | boolean>>;
  readonly x: Numbers;
  readonly y: Numbers;
  readonly grad: Numbers;
  readonly cotangent?: Numbers;
}
type Any = Tensor<Shape, "f32">;

const { cases } = JSON.parse(readFileSync(new URL("../fixtures/keras/activations.json", import.meta.url), "utf8")) as {
  readonly cases: readonly Case[];
};

const camel = (name: string): string => name.replace(/_(.)/g, (_, it: string) => it.toUpperCase());

/** Those that take options, or change the shape, and so are no names. */
const withOptions: Readonly<Record<string, (x: Any, options: Readonly<Record<string, number>>) => Any>> = {
  elu: (x, { alpha }) => keras.elu(x, alpha),
  gelu: (x) => gelu(x, { approximate: true }),
  glu: (x) => keras.glu(x),
  leaky_relu: (x, { negative_slope }) => leakyRelu(x, negative_slope),
  relu: (x, { negative_slope = 0, max_value, threshold = 0 }) =>
    keras.bentRelu(x, { negativeSlope: negative_slope, maxValue: max_value, threshold }),
  threshold: (x, { threshold = 0, default_value = 0 }) => keras.threshold(x, threshold, default_value),
};

const ours = ({ name, options }: Case, x: Any): Any => {
  const special = withOptions[name];
  if (special !== undefined && (Object.keys(options).length > 0 || name === "glu")) return special(x, options as never);
  return activate(camel(name) as ActivationName, x);
};

/** What differs on purpose: for which x, and why. */
const valueDiffers: Readonly<Record<string, (x: number) => boolean>> = {
  hard_shrink: Number.isNaN, // a NaN stays one; Keras makes 0 of it
  soft_shrink: Number.isNaN,
  threshold: Number.isNaN,
  sparsemax: () => true, // Keras's rows do not sum to 1: see below
};
/** Derivatives at 0 that Keras takes from both sides at once; and those of NaN and infinities, which are nobody's. */
const slopeDiffers: Readonly<Record<string, (x: number) => boolean>> = {
  celu: (x) => x === 0, // 1, where Keras has 2
  sparsemax: () => true,
};

describe.each(["js", "wasm"] as const)("on %s", (target) => {
  let found: Readonly<Record<string, { y: ArrayLike<number>; slope: ArrayLike<number> }>>;
  let dispose = (): void => {};
  beforeAll(async () => {
    const inputs = Object.fromEntries(
      cases.flatMap(({ x }, i) => [[`x${i}`, f32(...x.shape)], [`g${i}`, f32(...x.shape)]] as const),
    ); // biome-ignore format: pairs
    const made = program({
      inputs: { ...inputs, ...Object.fromEntries(cases.map(({ y }, i) => [`g${i}`, f32(...y.shape)])) },
      step: (given: Readonly<Record<string, Tensor>>) => ({
        outputs: Object.fromEntries(
          cases.map((one, i) => {
            const x = given[`x${i}`] as Any;
            const y = ours(one, x);
            return [`c${i}`, { y, slope: grad(sum(mul(y, given[`g${i}`] as Any)) as Tensor<[], "f32">, x) }];
          }),
        ),
      }),
    });
    const executable = await compile(made, { target });
    dispose = () => executable.dispose();
    const feeds = Object.fromEntries(
      cases.flatMap(({ x, y, cotangent }, i) => [
        [`x${i}`, x.data.map(numberOf)],
        [`g${i}`, cotangent?.data.map(numberOf) ?? y.data.map(() => 1)],
      ]),
    );
    found = (await executable.run({ entry: "step", feeds: feeds as never })) as never;
  }, 60_000);
  afterAll(() => dispose());

  const within = (ours: number, wanted: number): boolean =>
    Object.is(ours, wanted) || ours === wanted || Math.abs(ours - wanted) <= 1e-5 * Math.max(1, Math.abs(wanted));

  test.each(cases.map((one, i) => [`${one.name} ${JSON.stringify(one.options)}`, one, i] as const))(
    "%s",
    (_, one, i) => {
      const { y, slope } = found[`c${i}`] ?? { y: [], slope: [] };
      const wrong: string[] = [];
      for (const [k, entry] of one.x.data.entries()) {
        const x = Number(numberOf(entry));
        const [value, derivative] = [one.y.data[k], one.grad.data[k]].map((it) => (it === undefined ? null : Number(numberOf(it)))) as [number | null, number]; // biome-ignore format: short
        const name = `${one.name} ${JSON.stringify(one.options)}`;
        const known = [value !== null && !valueDiffers[one.name]?.(x) ? errorOf(y[k] ?? 9e9, [value], 1) : 0, Number.isFinite(x) && !slopeDiffers[one.name]?.(x) ? errorOf(slope[k] ?? 9e9, [derivative], 1) : 0]; // biome-ignore format: pairs
        note("activations", name, target, Math.max(...known));
        if (value !== null && !valueDiffers[one.name]?.(x) && !within(y[k] ?? 9e9, value)) {
          wrong.push(`${one.name}(${x}) is ${y[k]}, Keras has ${value}`);
        }
        if (Number.isFinite(x) && !slopeDiffers[one.name]?.(x) && !within(slope[k] ?? 9e9, derivative)) {
          wrong.push(`${one.name}'(${x}) is ${slope[k]}, Keras has ${derivative}`);
        }
      }
      expect(wrong).toEqual([]);
    },
  );

  test("sparsemax is the nearest point of the simplex", () => {
    const i = cases.findIndex(({ name }) => name === "sparsemax");
    const [x, g] = [cases[i]?.x, cases[i]?.cotangent].map((it) => (it?.data ?? []).map(Number)) as [number[], number[]];
    for (let row = 0; row < x.length; row += 4) {
      const wanted = projected(x.slice(row, row + 4), g.slice(row, row + 4));
      for (let k = 0; k < 4; k++) {
        expect(found[`c${i}`]?.y[row + k]).toBeCloseTo(wanted.y[k] ?? 9, 4);
        expect(found[`c${i}`]?.slope[row + k]).toBeCloseTo(wanted.slope[k] ?? 9, 4);
      }
    }
  });

  test("what differs is what is said", () => {
    const at = (name: string, x: number): readonly [number, number] => {
      const i = cases.findIndex((one) => one.name === name);
      const k = cases[i]?.x.data.findIndex((it) => Object.is(Number(numberOf(it)), x)) ?? -1;
      return [found[`c${i}`]?.y[k] ?? 9, found[`c${i}`]?.slope[k] ?? 9];
    };
    for (const name of ["hard_shrink", "soft_shrink", "threshold"]) expect(at(name, Number.NaN)[0]).toBeNaN();
    expect(at("celu", 0)).toEqual([0, 1]);
  });
});

/** The nearest point of the simplex, by its threshold, and its derivative: g minus the mean of g where the point is not 0. */
function projected(z: readonly number[], g: readonly number[]): { readonly y: number[]; readonly slope: number[] } {
  const sorted = z.toSorted((a, b) => b - a);
  const taus = sorted.map((_, k) => (sorted.slice(0, k + 1).reduce((a, b) => a + b, 0) - 1) / (k + 1));
  const tau = taus.findLast((it, k) => (sorted[k] ?? 0) > it) ?? 0;
  const y = z.map((it) => Math.max(0, it - tau));
  const inside = g.filter((_, i) => (y[i] ?? 0) > 0);
  const mean = inside.reduce((a, b) => a + b, 0) / inside.length;
  return { y, slope: g.map((it, i) => ((y[i] ?? 0) > 0 ? it - mean : 0)) };
}

test("every name is one of Keras's, and the other way round", () => {
  const theirs = new Set([...cases.map(({ name }) => camel(name)), "swish", "hardSwish"]);
  const names = new Set(activationKind.words);
  expect([...names].filter((name) => !theirs.has(name))).toEqual([]);
  expect([...theirs].filter((name) => !names.has(name)).toSorted()).toEqual(["glu", "threshold"]);
});
