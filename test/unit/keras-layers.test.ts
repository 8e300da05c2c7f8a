/**
 * Convolutions and pools against those of Keras (test/fixtures/README.md), values and gradients: within 1e-5 of the largest
 * element, which is three times what Keras's own float32 and float64 differ by.
 */
import { beforeAll, describe, expect, test } from "vitest";
import { add, avgPool, type ConvOptions, type ConvTransposeOptions, compile, conv, convTranspose, type DType, depthwiseConv, f32, globalPool, grad, maxPool, mul, type PoolOptions, program, relu, type Shape, sum, type Tensor, tanh } from "../../src/index.ts"; // biome-ignore format: names
import { type KerasCase, kerasCases, type Numbers } from "../keras-cases.ts";

const cases = ["conv", "pool"].flatMap(kerasCases);

/** A tensor whose type says nothing of it. */
type Any = Tensor<Shape, DType>;

/** What is given of Keras's options, by our names. */
function given<O>({ options }: KerasCase, names: Readonly<Record<string, string>>): O {
  const pairs = Object.entries(names).map(([ours, theirs]) => [ours, options[theirs]]);
  return Object.fromEntries(pairs.filter(([, value]) => value !== undefined)) as O;
}

/** The layer in our words. */
function layer(one: KerasCase, x: Any, weights: readonly Any[]): Any {
  const { class: kind, options } = one;
  if (kind.startsWith("Global")) {
    return globalPool(x, kind.includes("Max") ? "max" : "average", { keepDims: options.keepdims === true });
  }
  if (kind.includes("Pooling")) {
    const pool = given<PoolOptions>(one, { size: "pool_size", stride: "strides", padding: "padding" });
    return kind.startsWith("Max") ? maxPool(x, pool) : avgPool(x, pool);
  }
  const [filter, second, third] = weights as readonly [Any, Any, Any];
  const steps = { stride: "strides", dilation: "dilation_rate", padding: "padding" };
  const finished = (y: Any, bias: Any | undefined): Any => {
    const added = bias === undefined ? y : add(y, bias);
    return options.activation === "relu" ? relu(added) : options.activation === "tanh" ? tanh(added) : added;
  };
  if (kind.startsWith("Depthwise")) return finished(depthwiseConv(x, filter, given(one, steps)), second);
  if (kind.startsWith("Separable")) return finished(conv(depthwiseConv(x, filter, given(one, steps)), second), third);
  if (kind.endsWith("Transpose")) {
    const transposed = given<ConvTransposeOptions>(one, { ...steps, outputPadding: "output_padding" });
    return finished(convTranspose(x, filter, transposed), second);
  }
  return finished(conv(x, filter, given<ConvOptions>(one, { ...steps, groups: "groups" })), second);
}

const inputs = Object.fromEntries(
  cases.flatMap((one, n) =>
    [...one.inputs, ...one.weights, ...one.cotangents].map(({ shape }, i) => [`c${n}x${i}`, f32(...shape)] as const),
  ),
);

const layers = program({
  inputs,
  step: (given: Readonly<Record<string, Any>>) => ({
    outputs: Object.fromEntries(
      cases.map((one, n) => {
        const at = (i: number): Any => given[`c${n}x${i}`] as Any;
        const weights = one.weights.map((_, i) => at(1 + i));
        const y = layer(one, at(0), weights);
        const loss = sum(mul(y, at(1 + weights.length)));
        return [`c${n}`, { y, x: grad(loss, at(0)), ...weights.map((w) => grad(loss, w)) }];
      }),
    ),
  }),
});

describe.each(["js", "wasm"] as const)("on %s", (target) => {
  let found: Readonly<Record<string, Readonly<Record<string, { readonly data: ArrayLike<number> }>>>>;
  beforeAll(async () => {
    const executable = await compile(layers, { target });
    const feeds = cases.flatMap((one, n) =>
      [...one.inputs, ...one.weights, ...one.cotangents].map(({ data }, i) => [`c${n}x${i}`, data] as const),
    );
    found = (await executable.run({ entry: "step", feeds: Object.fromEntries(feeds) as never })) as never;
    await executable.dispose();
  }, 60_000);

  test.each(cases.map((one, n) => [one.name, one, n] as const))("%s", (_name, one, n) => {
    const results = found[`c${n}`] ?? {};
    const close = (name: string, wanted: Numbers | undefined): void => {
      const data = wanted?.data ?? [];
      const largest = Math.max(...data.map(Math.abs));
      const values = Array.from(results[name]?.data ?? (results[name] as never) ?? []);
      expect(values.length, name).toBe(data.length);
      for (const [i, value] of values.entries()) {
        expect(Math.abs(value - (data[i] ?? 0)), `${name}[${i}]`).toBeLessThanOrEqual(1e-5 * largest);
      }
    };
    close("y", one.outputs[0]);
    close("x", one.grad_inputs[0]);
    one.grad_weights.forEach((wanted, i) => {
      close(String(i), wanted);
    });
  });
});
