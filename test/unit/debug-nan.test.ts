/**
 * `debug: { nan: true }`: the first op that made a NaN or an infinity is named by the user's name and line, with what it was made of; what
 * was masked out, or written down, is not blamed; and a program without it is the same as ever.
 */
import { describe, expect, test } from "vitest";
import { stagesOf } from "../../src/compile.ts";
import { jsTarget } from "../../src/eager-targets.ts";
import { asLayer, compile, dense, div, exp, f32, flatten, full, grad, greater, layer, layerNormalization, layers, log, model, mul, program, type Shape, scan, sequential, sgd, softmax, sqrt, square, sub, sum, type Tensor, type Trainer, timeDistributed, trainer, where } from "../../src/index.ts"; // biome-ignore format: names

type Vector = Tensor<[3], "f32">;
type Formula = (x: Vector) => Tensor<Shape, "f32">;

const entryOf = (make: Formula) => program({ inputs: { x: f32(3) }, step: ({ x }) => ({ outputs: { y: make(x) } }) });

/** The line of the caller, or one so far from it. */
function line(from = 0): string {
  const found = /debug-nan\.test\.ts:(\d+):/.exec(new Error().stack?.split("\n")[2] ?? "")?.[1];
  return `debug-nan.test.ts:${Number(found) + from}:`;
}

async function messageOf(make: Formula, x: readonly number[], target: "js" | "wasm"): Promise<string> {
  const executable = await compile(entryOf(make), { target, debug: { nan: true } });
  try {
    await executable.run({ entry: "step", feeds: { x } });
    expect(await executable.nonFinite()).toBeNull();
    return "finite";
  } catch (error) {
    const message = error instanceof Error ? error.message : "no error";
    expect(await executable.nonFinite()).toBe(message);
    await expect(executable.read("y")).rejects.toThrow(message);
    return message;
  } finally {
    executable.dispose();
  }
}

const squares = (x: Vector) => scan((c) => ({ carry: square(c) }), x, {}, { length: 9 }).carry;
const inScan = line(-1);

/** Name, formula, its line, x and what is said. */
const cases: readonly (readonly [string, Formula, string, readonly number[], RegExp])[] = [
  ["log of 0", (x) => sum(log(x)), line(), [1, 0, 3], /^step: log made -Infinity of x in \[0, 3\]\n/],
  ["log of -1", (x) => sum(log(x)), line(), [1, -1, 3], /^step: log made NaN of x in \[-1, 3\]\n/],
  ["0 / 0", (x) => sum(div(x, mul(x, 2))), line(), [1, 0, 3], /^step: div made NaN of x in \[0, 3\] and the result of mul in \[0, 6\]\n/],
  ["exp", (x) => sum(mul(exp(x), 0.5)), line(), [1, 100, 3], /^step: exp made Infinity of x in \[1, 100\]\n/],
  ["inf - inf", (x) => sum(sub(exp(x), exp(mul(x, 2)))), line(), [1, 100, 3], /^step: exp made Infinity of /],
  ["a gradient", (x) => grad(sum(sqrt(x)), x), line(), [1, 0, 3], /^step: the gradient of sqrt.* made Infinity of /],
  ["a scan", squares, inScan, [1, 2, 3], /^step: scan.* made Infinity of x in \[1, 3\]\n/],
  ["an input", (x) => sum(mul(x, 2)), "", [1, Number.NaN, 3], /^step: the input x has NaN$/],
]; // biome-ignore format: a table

describe.each(["js", "wasm"] as const)("on %s", (target) => {
  test.each(cases)("%s", async (_, make, at, x, wanted) => {
    const message = await messageOf(make, x, target);
    expect(message).toMatch(wanted);
    expect(message).toContain(at);
    expect(await messageOf(make, [1, 1, 1], target)).toBe("finite");
  });

  test("what was masked out, or written down, is not blamed", async () => {
    const masked: Formula = (x) => sum(where(greater(x, 0), log(x), 0));
    expect(await messageOf(masked, [1, 0, 3], target)).toBe("finite");
    const hidden: Formula = (x) => sum(softmax(where(greater(x, 0), x, full([3], -Infinity))));
    expect(await messageOf(hidden, [1, 0, 3], target)).toBe("finite");
    expect(await messageOf(hidden, [0, 0, 0], target)).toMatch(/^step: softmax.* made NaN of/);
  });
});

test("fit names the op of a layer, of a loss, of an optimizer", async () => {
  const x = Float32Array.from({ length: 12 }, (_, i) => i + 1);
  const y = Float32Array.from({ length: 12 }, () => 1);
  const failed = async (net: Trainer): Promise<string> => {
    await net.compile({ target: "js", batch: 4, debug: { nan: true } });
    return net.fit({ x, y, shuffle: false }).then(
      () => "finite",
      (error: Error) => error.message,
    );
  };
  const options = { input: [1], loss: "meanSquaredError", optimizer: sgd() } as const;
  const root = layer({ name: "root", apply: (_, h) => log(sub(h, h)) });
  const atRoot = line(-1);
  const ofLayer = await failed(trainer(sequential([root, dense(1)]), options));
  expect(ofLayer).toMatch(/^fit: the loss is .* in epoch 1 of 1, at step 1 of 3: train: in the layer "root1", log made -Infinity of the result of sub in \[0\]\n/); // biome-ignore format: short
  expect(ofLayer).toContain(atRoot);
  const inner = timeDistributed(sequential([sequential([layerNormalization({ epsilon: 0 })])]));
  const ofInner = await failed(trainer(sequential([layers.reshape([1, 1]), inner, flatten(), dense(1)]), options));
  const atInner = line(-1);
  expect(ofInner).toMatch(
    /train: in the layer "timeDistributed1\.layer\.sequential1\.layerNormalization1", trainer: rsqrt made Infinity of the result of add in \[0\]\n/,
  );
  expect(ofInner).toContain(atInner);
  const steep = layer({ name: "steep", apply: (_, h) => sqrt(sub(h, h)) });
  const nested = model({
    inputs: [1],
    layers: { encoder: asLayer(model({ inputs: [1], layers: { steep, body: dense(1) }, call: (x, { steep, body }) => steep(body(x)) })), head: dense(1, { name: "other" }) },
    call: (x, { encoder, head }) => head(encoder(x)),
  }); // biome-ignore format: short
  const { input: _, ...others } = options;
  expect(await failed(trainer(nested, others))).toMatch(
    /train: in the layer "encoder\.steep", the gradient of sqrt.* made (Infinity|NaN) of/,
  );
  const loss = (output: Tensor, target: Tensor) => div(target, sub(output, output));
  const atLoss = line(-1);
  const ofLoss = await failed(trainer(dense(1), { ...options, loss }));
  expect(ofLoss).toMatch(/train: div made Infinity of y in \[1\] and the result of sub in \[0\]\n/);
  expect(ofLoss).toContain(atLoss);
  const wild = await failed(trainer(dense(1), { ...options, optimizer: sgd({ learningRate: 3e38 }) }));
  expect(wild).toMatch(
    /at step 1 of 3, whose loss is finite: train: trainer: mul made Infinity of opt\.learningRate in \[3e\+38\] and a gradient of dot in \[1.35\d*\]\n/,
  );
  expect(wild).toContain("debug-nan.test.ts:");
  expect(await failed(trainer(dense(1), options))).toBe("finite");
});

test("a program without it is the same; what debug takes is checked", async () => {
  const made = entryOf((x) => sum(log(x)));
  const plain = stagesOf(made, "step", {}, jsTarget, {});
  const not = stagesOf(made, "step", {}, jsTarget, { debug: { nan: false } });
  expect(JSON.stringify(not.entry.artifact)).toBe(JSON.stringify(plain.entry.artifact));
  expect(not.entry).not.toHaveProperty("watched");
  const looked = stagesOf(made, "step", {}, jsTarget, { debug: { nan: true } });
  expect([...looked.entry.outputs.keys()]).toEqual(["y"]);
  const misspelt: object = { naan: true };
  await expect(compile(made, { debug: misspelt })).rejects.toThrow(/compile: debug: .*"naan"/);
});
