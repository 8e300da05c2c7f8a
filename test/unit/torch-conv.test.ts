/**
 * Random convolutions, their transposes and pools against PyTorch in float64: values, gradients and gradients of those, on `js`.
 * Strides with dilation, groups, asymmetric borders, one to three axes, channels in both places (test/foreign/torch_conv.py).
 */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { add, arange, avgPool, type ConvOptions, type ConvTransposeOptions, compile, conv, convTranspose, type DataFormat, f64, grad, maxPool, mul, type PoolOptions, permute, program, reshape, type Shape, sin, sum, type Tensor } from "../../src/index.ts"; // biome-ignore format: names

interface Numbers {
  /** In PyTorch's layout: [batch, channels, sizes..], and [features, channels, sizes..] or, transposed, [channels, features, sizes..]. */
  readonly x: readonly number[];
  readonly w: readonly number[];
  readonly numbers: readonly number[];
}

type Case = Numbers &
  (
    | { readonly kind: "conv"; readonly options: ConvOptions }
    | { readonly kind: "transpose"; readonly options: ConvTransposeOptions }
    | { readonly kind: "max" | "average"; readonly options: PoolOptions }
  );

const { cases } = JSON.parse(readFileSync(new URL("../fixtures/torch-conv.json", import.meta.url), "utf8")) as {
  cases: readonly Case[];
};

type Any = Tensor<Shape, "f64">;

const countOf = (shape: Shape): number => shape.reduce((n: number, dim) => n * Number(dim), 1);
const ramp = (shape: Shape, phase: number): Any =>
  reshape(sin(add(mul(arange(countOf(shape), "f64"), 0.7), phase)), shape) as Any;
const under = (x: Any): Any => sum(mul(x, ramp(x.shape, 0.3))) as Any;

/** The other place for channels, and back. */
const toLast = (x: Any): Any => permute(x, [0, ...x.shape.slice(2).map((_, i) => i + 2), 1]) as Any;
const toFirst = (x: Any): Any => permute(x, [0, x.rank - 1, ...x.shape.slice(2).map((_, i) => i + 1)]) as Any;

/** The filter as we have it. */
const filterOf = (w: Any): Any => permute(w, [...w.shape.slice(2).map((_, i) => i + 2), 1, 0]) as Any;

/** The case on channels in one place or the other. */
function applied(one: Case, x: Any, w: Any, dataFormat: DataFormat): Any {
  const given = dataFormat === "channelsLast" ? toLast(x) : x;
  const call = (): Tensor => {
    if (one.kind === "conv") return conv(given, filterOf(w), { ...one.options, dataFormat });
    if (one.kind === "transpose") return convTranspose(given, filterOf(w), { ...one.options, dataFormat });
    const options = { ...one.options, dataFormat };
    return one.kind === "max" ? maxPool(given, options) : avgPool(given, options);
  };
  const made = call() as Any;
  return dataFormat === "channelsLast" ? toFirst(made) : made;
}

function numbersOf(one: Case, x: Any, w: Any, dataFormat: DataFormat): readonly Any[] {
  const y = applied(one, x, w, dataFormat);
  const loss = sum(mul(mul(y, y), ramp(y.shape, 1.1))) as Any;
  const by = one.w.length === 0 ? [x] : [x, w];
  const firsts = by.map((input) => grad(loss, input) as Any);
  const squares = firsts.map((g) => sum(mul(g, g)) as Any).reduce((a, b) => add(a, b) as Any);
  return [under(y), ...firsts.map(under), ...by.map((input) => under(grad(squares, input) as Any))];
}

const size = 20;
const parts = Array.from({ length: Math.ceil(cases.length / size) }, (_, i) => cases.slice(i * size, (i + 1) * size));

test.each(parts.map((part, i) => [i * size, part] as const))("cases from %i on", async (_first, part) => {
  const shapes = part.flatMap(({ x, w }, n) => [[`x${n}`, x] as const, [`w${n}`, w] as const]);
  const made = program({
    inputs: Object.fromEntries(shapes.map(([name, shape]) => [name, f64(...shape)])),
    step: (given: Readonly<Record<string, Any>>) => ({
      outputs: part.map((one, n) =>
        numbersOf(one, given[`x${n}`] as Any, given[`w${n}`] as Any, n % 2 === 0 ? "channelsLast" : "channelsFirst"),
      ),
    }),
  });
  const executable = await compile(made, { target: "js", onWarning: () => {} });
  const phases = { x: 0.1, w: 0.2 };
  const feeds = Object.fromEntries(
    shapes.map(([name, shape]) => {
      const phase = phases[name.startsWith("x") ? "x" : "w"];
      return [name, Array.from({ length: countOf(shape) }, (_, i) => Math.sin(0.7 * i + phase))];
    }),
  );
  const found = (await executable.run({ entry: "step", feeds } as never)) as unknown as readonly (readonly number[])[];
  executable.dispose();
  for (const [n, one] of part.entries()) {
    expect(one.numbers.length).toBe(one.w.length === 0 ? 3 : 5);
    for (const [i, wanted] of one.numbers.entries()) {
      const error = Math.abs((found[n]?.[i] ?? Number.NaN) - wanted);
      expect(error, `${JSON.stringify(one)}, number ${i}`).toBeLessThanOrEqual(1e-9 * Math.max(1, Math.abs(wanted)));
    }
  }
});
