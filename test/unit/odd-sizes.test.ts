/**
 * Programs with several entries over one state, with random numbers, and of the sizes where loops vanish: an empty batch, a
 * batch of one, scalars only. Each is run several calls in every variant of the pipeline (see program-case.ts).
 */
import { describe, expect, it } from "vitest";
import { RandomStream } from "../../src/core/random.ts";
import {
  adam,
  add,
  cast,
  compileOn,
  dropout,
  exp,
  f32,
  grad,
  i32,
  jsTarget,
  matmul,
  mean,
  meanSquaredError,
  mul,
  normal,
  param,
  program,
  relu,
  sgd,
  slot,
  softmax,
  softmaxCrossEntropy,
  sub,
  sum,
  values,
  zeros,
} from "../../src/index.ts";
import { type Call, expectSound } from "../program-case.ts";

/** Seeded numbers with the given name. */
function noise(name: string, count: number): Float32Array {
  const random = new RandomStream(11, name);
  return Float32Array.from({ length: count }, () => random.uniform(-1, 1));
}

const times = (count: number, entry = "step"): Call[] => Array.from({ length: count }, () => ({ entry }));

describe("entries, random numbers and odd sizes", () => {
  const opt = sgd({ learningRate: 0.1, momentum: 0.9 });
  const model = { w1: param(normal(0, 0.5, 6, 8)), b1: param(zeros(8)), w2: param(normal(0, 0.5, 8, 3)) };
  const network = program({
    inputs: { x: f32("batch", 6), label: i32("batch") },
    state: { model, opt: opt.slots(model), seen: slot(zeros(), { dtype: "u32" }) },
    entries: {
      train({ x, label }, { model: m, opt: slots, seen }) {
        const hidden = dropout(relu(add(matmul(x, m.w1), m.b1)), 0.5);
        const loss = mean(softmaxCrossEntropy(matmul(hidden, m.w2), label));
        return {
          outputs: { loss },
          next: { ...opt.update({ model: m, slots, gradients: grad(loss, m) }), seen: add(seen, 1) },
        };
      },
      predict({ x }, { model: m, seen }) {
        const scores = matmul(relu(add(matmul(x, m.w1), m.b1)), m.w2);
        return { outputs: { scores, total: sum(scores), seen: cast(seen, "i32") } };
      },
    },
  });
  const feedsOf = (i: number, batch: number) => ({
    x: noise(`x ${i}`, batch * 6),
    label: Int32Array.from({ length: batch }, (_, row) => (row + i) % 3),
  });
  const alternating = (batch: number): Call[] =>
    [0, 1, 2].flatMap((i) => {
      const { x, label } = feedsOf(i, batch);
      return [
        { entry: "train", feeds: { x, label } },
        { entry: "predict", feeds: { x } },
      ];
    });

  it("dropout, and two entries over one state", async () => {
    const { trace } = await expectSound({ program: network, dims: { batch: 5 }, calls: alternating(5) }, 2e-5);
    expect(trace.get("state seen")?.[0]).toBe(3);
    expect(trace.get("state $random")?.[1]).toBe(3);
  });

  it("a batch of one", async () => {
    await expectSound({ program: network, dims: { batch: 1 }, calls: alternating(1) }, 2e-5);
  });

  it("an empty batch: sums are 0, the mean of nothing is NaN, nothing is touched out of bounds", async () => {
    const calls = [{ entry: "predict", feeds: { x: new Float32Array(0) } }];
    const { trace } = await expectSound({ program: network, dims: { batch: 0 }, calls });
    expect(trace.get("call 0 total")?.[0]).toBe(0);
    const train = await expectSound({ program: network, dims: { batch: 0 }, calls: alternating(0) });
    expect(train.trace.get("call 0 loss")?.[0]).toBeNaN();
  });

  it("sizes of 1 everywhere", async () => {
    const tiny = program({
      inputs: { x: f32(1, 1) },
      state: { w: param(values([0.5], 1, 1)), b: param(values([0.25], 1)) },
      step({ x }, s) {
        const y = add(matmul(exp(x), s.w), s.b);
        const loss = meanSquaredError(y, x);
        const g = grad(loss, s);
        return { outputs: { loss, y: softmax(y) }, next: { w: sub(s.w, g.w), b: sub(s.b, g.b) } };
      },
    });
    const calls = [0.1, 0.2, -0.3].map((x): Call => ({ entry: "step", feeds: { x: Float32Array.of(x) } }));
    await expectSound({ program: tiny, calls });
  });

  it("scalars only: Adam minimises w² - 10w + 25", async () => {
    const opt = adam({ learningRate: 0.1 });
    const model = { w: param(zeros()) };
    const parabola = program({
      state: { model, opt: opt.slots(model) },
      step(_, { model: { w }, opt: slots }) {
        const loss = add(sub(mul(w, w), mul(w, 10)), 25);
        return { outputs: { loss }, next: opt.update({ model: { w }, slots, gradients: grad(loss, { w }) }) };
      },
    });
    await expectSound({ program: parabola, calls: times(20) }, 2e-5);
    const executable = await compileOn(parabola, jsTarget, {});
    const wanted = new Map([
      [1, 0.0999993],
      [65, 4.66822],
      [577, 5.000001],
    ]);
    for (let step = 1; step <= 577; step++) {
      executable.step();
      const value = wanted.get(step);
      if (value === undefined) continue;
      expect(Math.abs(((await executable.state.read("model.w"))[0] ?? 0) - value), `step ${step}`).toBeLessThan(5e-5);
    }
  });
});
