/**
 * summary(): what the table of a model says, and that it adds up.
 */
import { expect, test } from "vitest";
import { adam, add, dense, dropout, layers, model, sequential, sgd, summary, trainer } from "../../src/index.ts";

test("layers in order, weights as Keras counts them, arithmetic by hand", () => {
  const cnn = sequential([
    layers.conv2d(32, 3, { activation: "relu" }),
    layers.maxPooling2d({ poolSize: 2 }),
    layers.flatten(),
    dropout(0.5),
    dense(10, { activation: "softmax" }),
  ]);
  const net = trainer(cnn, { input: [28, 28, 1], loss: "softmaxCrossEntropy", optimizer: adam() });
  const found = net.summary();
  const elements = 26 * 26 * 32;
  expect(found.layers.map(({ path, output, parameters, flops }) => [path, output, parameters, flops])).toEqual([
    ["conv2d1", [26, 26, 32], 3 * 3 * 32 + 32, 2 * 9 * elements + 2 * elements],
    ["maxPooling2d1", [13, 13, 32], 0, 4 * 13 * 13 * 32],
    ["flatten1", [5408], 0, 0],
    ["dropout1", [5408], 0, 0],
    ["dense1", [10], 54_090, expect.any(Number)],
  ]);
  expect(found).toMatchObject({ parameters: 54_410, trainable: 54_410, bytes: 4 * 54_410 });
  expect(found.optimizer).toBeGreaterThanOrEqual(2 * 54_410);
  expect(found.flops).toBe(found.layers.reduce((sum, { flops }) => sum + flops, 0));
  const lines = found.text.split("\n");
  expect(lines[0]).toMatch(/^Layer \(kind\) +Output +Parameters +FLOPs$/);
  expect(lines[2]).toMatch(/^conv2d1 \(conv2d\) +\[26, 26, 32\] +320 +432,640$/);
  expect(lines.every((line) => line.length <= 80)).toBe(true);
  expect(String(found)).toBe(found.text);
});

test("layers inside a layer are indented, and counted once", () => {
  const block = sequential([dense(64), sequential([dropout(0.5), dense(32)])], { name: "block" });
  const { layers: rows, parameters, text } = summary(sequential([block, dense(3)]), { input: [20], width: 40 });
  expect(rows.map(({ path, depth, parameters }) => [path, depth, parameters])).toEqual([
    ["block", 0, 3424],
    ["block.dense1", 1, 1344],
    ["block.sequential1", 1, 2080],
    ["block.sequential1.dropout1", 2, 0],
    ["block.sequential1.dense1", 2, 2080],
    ["dense1", 0, 99],
  ]);
  expect(parameters).toBe(3424 + 99);
  expect(text.split("\n")[5]).toMatch(/^ {4}\S*…/);
});

test("a model's layers stand in the order of their calls; one that is shared is there once", () => {
  const net = trainer(
    model({
      inputs: { a: [4], b: [4] },
      layers: { head: dense(1), shared: dense(8) },
      call: ({ a, b }, { head, shared }) => head(add(shared(a), shared(b))),
    }),
    { loss: "meanSquaredError", optimizer: sgd(), trainable: ["head"] },
  );
  const { layers: rows, parameters, trainable } = net.summary();
  expect(rows.map(({ path, calls, parameters, trainable }) => [path, calls, parameters, trainable])).toEqual([
    ["shared", 2, 40, 0],
    ["head", 1, 9, 9],
  ]);
  expect([parameters, trainable]).toEqual([49, 9]);
  expect(rows[0]?.flops).toBe(2 * (2 * 4 * 8 + 8));
});

test("a layer by itself; what is wrong is said", () => {
  expect(summary(dense(3), { input: [4] })).toMatchObject({ parameters: 15, flops: 2 * 4 * 3 + 3, optimizer: 0 });
  const none: object = {};
  expect(() => summary(dense(3), none as { input: number[] })).toThrow(/summary: input is missing/);
});

test("a dot in a name is no layer inside a layer", () => {
  const net = sequential([dense(3, { name: "first.half" }), dense(2, { name: "" })]);
  const { layers: rows, text } = summary(net, { input: [4] });
  expect(rows.map(({ depth, parameters }) => [depth, parameters])).toEqual([
    [0, 15],
    [0, 8],
  ]);
  expect(text.split("\n")[2]).toMatch(/^first\.half \(dense\)/);
});
