/**
 * Each optimizer against five steps that Keras 3 made in float64 (see test/fixtures/README.md): the formulas, the defaults
 * and the place of epsilon. The oracle must agree to the last digits; `js`, in f32, to the accuracy of f32.
 */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  adam,
  adamw,
  add,
  compileOn,
  div,
  f32,
  f64,
  grad,
  i32,
  jsTarget,
  matmul,
  mean,
  mul,
  type Optimizer,
  optimizer,
  type Parameter,
  param,
  pow,
  program,
  rmsprop,
  sgd,
  slot,
  softmaxCrossEntropy,
  sqrt,
  sub,
  sum,
  tanh,
  values,
  zeros,
} from "../../src/index.ts";
import { largestError, ProgramOracle } from "../program-oracle.ts";

interface Case {
  readonly losses: readonly number[];
  readonly final: readonly (readonly unknown[])[];
}

interface Fixture {
  readonly names: readonly string[];
  readonly init: readonly (readonly unknown[])[];
  readonly x: readonly (readonly unknown[])[];
  readonly label: readonly (readonly number[])[];
  readonly cases: Readonly<Record<string, Case>>;
}

const fixture = JSON.parse(
  readFileSync(new URL("../fixtures/keras-optimizers.json", import.meta.url), "utf8"),
) as Fixture;

const flat = (nested: unknown): readonly number[] => [nested].flat(9) as readonly number[];

/**
 * Keras casts some hyper-parameters through float32 on their way to float64: momentum, weight decay, and the betas of
 * Adam's bias correction (not those of its moments). The oracle gets the same numbers, so that the formulas can agree to the last digit.
 */
function asKerasRounds(value: number): number {
  for (const beta of [0.8, 0.9, 0.95, 0.999]) if (value === Math.log(beta)) return Math.log(Math.fround(beta));
  return value === 0.1 ? Math.fround(0.1) : value;
}

const optimizers: Readonly<Record<string, Optimizer>> = {
  sgd: sgd({ learningRate: 0.1 }),
  "sgd-momentum": sgd({ learningRate: 0.1, momentum: 0.9 }),
  "sgd-nesterov": sgd({ learningRate: 0.1, momentum: 0.9, nesterov: true }),
  rmsprop: rmsprop(),
  "rmsprop-options": rmsprop({ learningRate: 0.01, rho: 0.8, momentum: 0.5, epsilon: 1e-3, centered: true }),
  adam: adam(),
  "adam-options": adam({ learningRate: 0.05, beta1: 0.8, beta2: 0.95, epsilon: 1e-4, amsgrad: true }),
  adamw: adamw({ learningRate: 0.01, weightDecay: 0.1 }),
};

/** Two of them as somebody would write them who has not got them. */
const own: Readonly<Record<string, Optimizer>> = {
  "sgd-momentum": optimizer({
    name: "mine",
    learningRate: 0.1,
    moments: ["velocity"],
    update({ w, g, lr }, { velocity }) {
      const next = sub(mul(velocity, 0.9), mul(lr, g));
      return { w: add(w, next), velocity: next };
    },
  }),
  adam: optimizer({
    name: "mine",
    learningRate: 1e-3,
    moments: ["m", "v"],
    counts: true,
    update({ w, g, lr, t }, { m, v }) {
      const next = { m: add(m, mul(sub(g, m), 1 - 0.9)), v: add(v, mul(sub(mul(g, g), v), 1 - 0.999)) };
      const correction = div(sqrt(sub(1, pow(0.999, t))), sub(1, pow(0.9, t)));
      return { ...next, w: sub(w, div(mul(mul(lr, correction), next.m), add(sqrt(next.v), 1e-7))) };
    },
  }),
};

/** The fixture's classifier, in f32 (for js) or f64 (for the oracle, where constants must not be rounded to f32). */
function classifier(opt: Optimizer, dtype: "f32" | "f64") {
  const start = (i: number): readonly number[] => flat(fixture.init[i]);
  const model = {
    w1: param(values(start(0), 6, 5), { dtype }),
    b1: param(values(start(1), 5), { dtype }),
    w2: param(values(start(2), 5, 3), { dtype }),
    b2: param(values(start(3), 3), { dtype }),
  };
  return program({
    inputs: { x: dtype === "f32" ? f32(4, 6) : f64(4, 6), label: i32(4) },
    state: { model, opt: opt.slots(model) },
    step({ x, label }, { model, opt: slots }) {
      const hidden = tanh(add(matmul(x, model.w1), model.b1));
      const loss = mean(softmaxCrossEntropy(add(matmul(hidden, model.w2), model.b2), label));
      return { outputs: { loss }, next: opt.update({ model, slots, gradients: grad(loss, model) }) };
    },
  });
}

describe("optimizers follow Keras", () => {
  for (const [name, opt] of Object.entries(optimizers)) {
    const wanted = fixture.cases[name] as Case;

    it(`${name} in the oracle`, () => {
      const constant = name.startsWith("sgd")
        ? (value: number) => (value === 0.9 ? Math.fround(0.9) : value)
        : asKerasRounds;
      const oracle = new ProgramOracle(classifier(opt, "f64"), { unrounded: true, constant });
      fixture.x.forEach((x, step) => {
        const outputs = oracle.run("step", { x: flat(x), label: fixture.label[step] ?? [] });
        expect(Math.abs(oracle.number(outputs, "loss") - (wanted.losses[step] ?? 0))).toBeLessThan(1e-14);
      });
      fixture.names.forEach((parameter, i) => {
        expect(largestError(oracle.state(`model.${parameter}`), flat(wanted.final[i]))).toBeLessThan(1e-13);
      });
    });
  }

  for (const [name, opt] of [...Object.entries(optimizers), ...Object.entries(own)]) {
    const wanted = fixture.cases[name] as Case;

    it(`${name}, ${opt.name}, on js`, async () => {
      const executable = await compileOn(classifier(opt, "f32"), jsTarget, {});
      for (const [step, x] of fixture.x.entries()) {
        executable.step({ x: Float32Array.from(flat(x)), label: Int32Array.from(fixture.label[step] ?? []) });
        expect(Math.abs((await executable.read("loss")) - (wanted.losses[step] ?? 0))).toBeLessThan(1e-6);
      }
      for (const [i, parameter] of fixture.names.entries()) {
        const found = await executable.state.read(`model.${parameter}`);
        expect(largestError(found, flat(wanted.final[i]))).toBeLessThan(2e-6);
      }
    });
  }
});

describe("what an optimizer keeps", () => {
  const model = { w: param(zeros(2)), stats: { mean: slot(zeros(3)), list: [{ scale: param(zeros()) }] } };

  it("moments for trainable leaves only, under the model's names", () => {
    const opt = adam({ amsgrad: true });
    const { states } = program({
      state: { model, opt: opt.slots(model) },
      step: (_, { model, opt: slots }) => ({ outputs: { w: model.w, lr: slots.learningRate } }),
    });
    expect(states.map(({ path }) => path)).toEqual([
      "model.w",
      "model.stats.mean",
      "model.stats.list.0.scale",
      "opt.learningRate",
      "opt.t",
      ...["m", "v", "vMax"].flatMap((moment) => [`opt.${moment}.w`, `opt.${moment}.stats.list.0.scale`]),
    ]);
    expect(states.find(({ path }) => path === "opt.t")?.leaf.dtype).toBe("u32");
    expect(states.filter(({ leaf }) => leaf.trainable)).toHaveLength(2);
  });

  it("updates trainable leaves and hands the others through", async () => {
    const opt = sgd({ learningRate: 0.5 });
    const executable = await compileOn(
      program({
        state: { model, opt: opt.slots(model) },
        step(_, { model, opt: slots }) {
          const loss = sum(sub(model.w, 3));
          const updated = opt.update({ model, slots, gradients: grad(loss, model) });
          return {
            outputs: { loss },
            next: {
              ...updated,
              model: { ...updated.model, stats: { ...updated.model.stats, mean: add(model.stats.mean, 1) } },
            },
          };
        },
      }),
      jsTarget,
      { onWarning: () => undefined },
    );
    executable.step();
    expect([...(await executable.state.read("model.w"))]).toEqual([-0.5, -0.5]);
    expect([...(await executable.state.read("model.stats.mean"))]).toEqual([1, 1, 1]);
  });

  it("a learning rate that can be changed without recompiling", async () => {
    const opt = sgd({ learningRate: 1 });
    const weight = { w: param(values([8])) };
    const executable = await compileOn(
      program({
        state: { model: weight, opt: opt.slots(weight) },
        step: (_, { model, opt: slots }) => ({ next: opt.update({ model, slots, gradients: grad(model.w, model) }) }),
      }),
      jsTarget,
      {},
    );
    executable.step();
    executable.state.write("opt.learningRate", 2);
    for (const wrong of [Number.NaN, Number.POSITIVE_INFINITY, -1, 1e300]) {
      expect(() => executable.state.write("opt.learningRate", wrong)).toThrow(
        'the state "opt.learningRate" takes finite numbers from 0, not ',
      );
    }
    executable.step();
    expect([...(await executable.state.read("model.w"))]).toEqual([5]);
    expect(executable.report.entries).toHaveLength(1);
  });

  it("refuses an optimizer of one's own that is not whole", () => {
    const whole = { name: "mine", learningRate: 1, update: ({ w }: Parameter) => ({ w }) };
    expect(() => optimizer({ ...whole, name: undefined } as never)).toThrow(
      /^optimizer: needs a name, a learningRate and/,
    );
    expect(() => optimizer({ ...whole, moment: ["m"] } as never)).toThrow('optimizer: there is no option "moment"');
    expect(() => optimizer({ ...whole, moments: ["t"] } as never)).toThrow('a moment cannot be called "t"');
    const weight = { w: param(zeros(2)) };
    const build = (opt: Optimizer) => () =>
      program({
        state: { model: weight, opt: opt.slots(weight) },
        step: (_, { model, opt: slots }) => ({
          next: opt.update({ model, slots, gradients: grad(sum(model.w), model) }),
        }),
      });
    expect(build(optimizer({ ...whole, update: ({ w, t }) => ({ w: mul(w, t) }) }))).toThrow("updates are not counted");
    const giving = (found: unknown) => build(optimizer({ ...whole, moments: ["m"], update: () => found as never }));
    for (const [found, message] of [
      [undefined, 'optimizer "mine": update must give an object with w and its moments, not undefined'],
      [Promise.resolve({}), 'optimizer "mine": update gave a promise'],
      [{ m: 3 }, 'optimizer "mine": update: w must give a tensor, not undefined'],
    ] as const) {
      expect(giving(found)).toThrow(message);
    }
    expect(build(optimizer({ ...whole, moments: ["m"], update: ({ w }: Parameter) => ({ w }) as never }))).toThrow(
      'optimizer "mine": update: m must give a tensor, not undefined',
    );
    expect(build(optimizer({ ...whole, update: ({ w }) => ({ w: sum(w) }) }))).toThrow('next "model.w" is f32');
  });

  it("refuses options that make no sense, and slots of another optimizer", () => {
    expect(() => adam({ beta1: 1 })).toThrow("adam: beta1 must be a number from 0 to below 1, not 1");
    expect(() => sgd({ learningRate: Number.NaN })).toThrow(
      "sgd: learningRate must be a number from 0, or one of `schedules`, not NaN",
    );
    const weight = { w: param(zeros(2)) };
    const build = (): unknown =>
      program({
        state: { model: weight, opt: sgd().slots(weight) },
        step: (_, { model, opt: slots }) => ({
          next: rmsprop().update({ model, slots, gradients: grad(sum(model.w), model) }),
        }),
      });
    expect(build).toThrow('rmsprop: update: slots.v has nothing at "w"');
  });
});
