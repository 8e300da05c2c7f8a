/**
 * What is exported as ONNX, run by onnxruntime: every op and composite against the float64 oracle, special values and training
 * against `js`. These run where the environment variable ONNX_PYTHON names a Python that has onnx and onnxruntime.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { onnxModel } from "../../codegen/onnx/model.ts";
import { modelFile } from "../../codegen/onnx/proto.ts";
import { compile, specializedEntry } from "../../src/compile.ts";
import { batches, gatherRows } from "../../src/data/dataset.ts";
import { syntheticDigits } from "../../src/data/digits.ts";
import * as ops from "../../src/dsl/ops.ts";
import { program } from "../../src/dsl/program.ts";
import { InputSpec } from "../../src/dsl/spec.ts";
import { adam, dense, dropout, rmsprop, sequential, sgd, trainer } from "../../src/index.ts";
import { startValuesOf } from "../../src/runtime/start-values.ts";
import { shortTypes } from "../op-case.ts";
import { casesOf, opCases } from "../op-cases.ts";
import { compareOps } from "../op-report.ts";
import { OnnxRuntime, onnxEngine } from "./onnx-runtime.ts";
import { isNear, testSpecialValues } from "./special-values.ts";

const minutes = 60_000;

/** Ops that no entry has when it is exported: what others are written in for our own targets. */
const inner = /^\w+ (mergeRuns|searchSorted|covering|chosen|spread|runBlock)\b/;

let runtime: OnnxRuntime;
beforeAll(() => {
  runtime = new OnnxRuntime();
});
afterAll(() => runtime.stop());

describe("every op", () => {
  const compared = async (cases: typeof opCases) => {
    const { rows, failures } = await compareOps(onnxEngine(runtime), "ONNX", cases);
    expect(failures.join("\n")).toBe("");
    return rows.length;
  };

  test("is within its tolerances of the oracle, value and gradient", { timeout: 10 * minutes }, async () => {
    expect(await compared(opCases.filter(({ op }) => !inner.test(op)))).toBeGreaterThan(190);
  });

  test.each(shortTypes)("of %s is rounded as we round", { timeout: 5 * minutes }, async (dtype) => {
    expect(await compared(casesOf(dtype).filter(({ op }) => !inner.test(op)))).toBeGreaterThan(100);
  });
});

// ---- special values ------------------------------------------------------------------------------------------------

describe("special values", () => {
  testSpecialValues((entry, given) => runtime.run(onnxModel(entry), given));

  test("what onnxruntime has no kernel for is an error that names it", () => {
    const made = program({
      inputs: { x: new InputSpec([3], "f64") },
      step: ({ x }) => ({ outputs: { y: ops.erf(x) } }),
    });
    const entry = made.entries.get("step") ?? expect.fail("no entry");
    expect(() => onnxModel(specializedEntry(entry, {}))).toThrow(/erf of f64 cannot be exported/);
  });
});

// ---- training ------------------------------------------------------------------------------------------------------

const [samples, batch, seed, steps] = [1024, 64, 7, 50];
const optimizers = { sgd: sgd({ learningRate: 0.05 }), rmsprop: rmsprop(), adam: adam() };
type OptimizerName = keyof typeof optimizers;

function net(optimizer: OptimizerName) {
  const layers = [
    dense(32, { activation: "relu" }),
    ...(optimizer === "adam" ? [dropout(0.3)] : []),
    dense(10, { activation: "softmax" }),
  ];
  return trainer(sequential(layers), {
    input: [784],
    loss: "softmaxCrossEntropy",
    optimizer: optimizers[optimizer],
    metrics: ["accuracy"],
  });
}

const { train } = syntheticDigits({ seed: 3, train: samples, test: 1 });
const x = Float32Array.from(train.images, (byte) => byte / 255);
const y = Int32Array.from(train.labels);

function* feeds() {
  for (let epoch = 0, count = 0; ; epoch++) {
    for (const { indices, from, to } of batches({ count: samples, batch, seed, epoch })) {
      const image = new Float32Array(batch * 784);
      gatherRows(x, 784, indices, from, to, image);
      yield { x: image, y: Int32Array.from(indices.subarray(from, to), (row) => y[row] ?? 0) };
      if (++count === steps) return;
    }
  }
}

describe("a training step", () => {
  test.each(["sgd", "rmsprop", "adam"] as const)(
    "with %s has the losses of js",
    { timeout: 2 * minutes },
    async (of) => {
      const made = net(of).program;
      const executable = await compile(made, { target: "js", seed, dims: { batch } });
      const entry = made.entries.get("train") ?? expect.fail("no entry");
      const model = onnxModel(specializedEntry(entry, { batch }));
      const states = new Map<string, ArrayLike<number>>(startValuesOf(made.states, seed));
      let [worst, count] = [0, 0];
      for (const fed of feeds()) {
        const { loss } = (await executable.run({ entry: "train" as never, feeds: fed as never })) as {
          readonly loss: number;
        };
        const found = await runtime.run(model, new Map<string, ArrayLike<number>>([...states, ...Object.entries(fed)]));
        for (const { kind, name, as } of model.outputs) {
          if (kind === "state") states.set(name, found.get(as) ?? []);
        }
        worst = Math.max(worst, Math.abs((found.get("loss")?.[0] ?? Number.NaN) - loss) / Math.abs(loss));
        count += 1;
      }
      executable.dispose();
      expect(count).toBe(steps);
      expect(worst).toBeLessThan(1e-5);
    },
  );
});

describe("an entry for inference", () => {
  test("has its weights inside or in a file beside it, and the predictions of js", { timeout: minutes }, async () => {
    const made = net("adam").program;
    const executable = await compile(made, { target: "js", seed, dims: { batch } });
    const image = x.slice(0, batch * 784);
    const { output } = (await executable.run({ entry: "predict" as never, feeds: { x: image } as never })) as {
      readonly output: ArrayLike<number>;
    };
    executable.dispose();
    const baked = new Map(
      [...startValuesOf(made.states, seed)].map(([name, { buffer, byteOffset, byteLength }]) => {
        return [name, new Uint8Array(buffer, byteOffset, byteLength)] as const;
      }),
    );
    const entry = made.entries.get("predict") ?? expect.fail("no entry");
    for (const mostInside of [undefined, 1000]) {
      const model = onnxModel(specializedEntry(entry, { batch }), baked);
      expect(model.inputs.map(({ as }) => as)).toEqual(["x"]);
      expect(modelFile(model.graph, "weights.data", mostInside).external === undefined).toBe(mostInside === undefined);
      const found = (await runtime.run(model, new Map([["x", image]]), mostInside)).get("output") ?? [];
      expect(found).toHaveLength(output.length);
      const wrong = Array.from(found).filter((is, i) => !isNear(is, output[i] ?? Number.NaN, 1e-5));
      expect(wrong).toEqual([]);
    }
  });
});
