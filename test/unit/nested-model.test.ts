/** Models inside models: one set of weights under the inner model's name, its inputs and outputs by their order. */
import { describe, expect, test } from "vitest";
import { add, asLayer, dense, model, ones, sequential, sgd, sub, trainer } from "../../src/index.ts";

const twice = () =>
  model({
    inputs: { a: [2], b: [2] },
    layers: {
      sum: dense(1, { initializer: ones }),
      difference: dense(1, { initializer: ones, activation: "sigmoid" }),
    },
    call: ({ a, b }, { sum, difference }) => ({ sum: sum(add(a, b)), difference: difference(sub(a, b)) }),
  });

describe("a model inside another", () => {
  test("is called by its inputs in order, gives its outputs in order, and has its weights under its name", async () => {
    const outer = model({
      inputs: { x: [2], y: [2] },
      layers: { pair: twice(), end: dense(1, { initializer: ones, useBias: false }) },
      call({ x, y }, { pair, end }) {
        const [total, share] = pair.all(x, y);
        return { total: end(total), share: share ?? total };
      },
    });
    const net = trainer(outer, {
      loss: { total: "meanSquaredError", share: "meanSquaredError" },
      optimizer: sgd({ learningRate: 0.1 }),
    });
    await net.compile({ target: "js", batch: 1 });
    expect(net.executable.state.names.filter((name) => name.startsWith("model."))).toEqual([
      "model.pair.sum.kernel", "model.pair.sum.bias", "model.pair.difference.kernel", "model.pair.difference.bias", "model.end.kernel",
    ]); // biome-ignore format: names
    const { total, share } = await net.predict({ x: { x: [1, 2], y: [1, 2] } });
    expect([...(total ?? []), ...(share ?? [])]).toEqual([6, 0.5]);
    await net.fit({ x: { x: [1, 2], y: [1, 2] }, y: { total: [0], share: [0] } });
    expect((await net.executable.state.read("model.pair.sum.kernel"))[0]).toBeLessThan(1);
    net.dispose();
  });

  test("called twice it has one set of weights; in a sequential it stands as a layer", async () => {
    const inner = model({
      inputs: [2],
      layers: { d: dense(2, { initializer: ones, useBias: false }) },
      call: (x, { d }) => d(d(x)),
    });
    const net = trainer(sequential([asLayer(inner, { name: "inner" }), dense(1, { initializer: ones })]), {
      input: [2], loss: "meanSquaredError", optimizer: sgd(),
    }); // biome-ignore format: short
    await net.compile({ target: "js", batch: 1 });
    expect([...(await net.predict({ x: [1, 2] }))]).toEqual([12]);
    expect(net.executable.state.names).toContain("model.inner.d.kernel");
    net.dispose();
  });

  test("a loss on logits takes the last activation of its first output off", async () => {
    const inner = model({
      inputs: [2],
      layers: { d: dense(2, { initializer: ones, activation: "softmax" }) },
      call: (x, { d }) => d(x),
    });
    const net = trainer(sequential([asLayer(inner)]), { input: [2], loss: "softmaxCrossEntropy", optimizer: sgd() });
    await net.compile({ target: "js", batch: 1 });
    expect((await net.evaluate({ x: [1, 2], y: [1] })).loss).toBeCloseTo(Math.log(2), 6);
    net.dispose();
  });

  test("samples of another shape, and what is no model, are refused", () => {
    expect(() => model({ inputs: [3], layers: { pair: twice() }, call: (x, { pair }) => pair(x, x) })).toThrow(
      'the model "pair" was made for samples of [2] and [2], not [3] and [3]',
    );
    expect(() => asLayer(dense(2) as never)).toThrow("asLayer takes what model() made");
    expect(() => sequential([twice() as never])).toThrow("asLayer(net)");
  });
});
