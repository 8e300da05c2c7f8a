/**
 * What is exported as ONNX, run by onnxruntime: every op and composite against the float64 oracle, special values and training
 * against `js`. These run where the environment variable ONNX_PYTHON names a Python that has onnx and onnxruntime.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { onnxModel } from "../../codegen/onnx/model.ts";
import { modelFile } from "../../codegen/onnx/proto.ts";
import { compile, specializedEntry } from "../../src/compile.ts";
import { type DType, dtypes, isFloat } from "../../src/core/dtype.ts";
import { here } from "../../src/core/origin.ts";
import { batches, gatherRows } from "../../src/data/dataset.ts";
import { syntheticDigits } from "../../src/data/digits.ts";
import { applyOp } from "../../src/dsl/build.ts";
import * as ops from "../../src/dsl/ops.ts";
import { program } from "../../src/dsl/program.ts";
import { InputSpec } from "../../src/dsl/spec.ts";
import type { Tensor } from "../../src/dsl/tensor.ts";
import type { MapName } from "../../src/graph/op-names.ts";
import { mapOps } from "../../src/graph/ops/map.ts";
import { tensorType } from "../../src/graph/type.ts";
import { adam, dense, dropout, rmsprop, sequential, sgd, trainer } from "../../src/index.ts";
import { startValuesOf } from "../../src/runtime/start-values.ts";
import { shortTypes } from "../op-case.ts";
import { casesOf, opCases } from "../op-cases.ts";
import { compareOps } from "../op-report.ts";
import { OnnxRuntime, onnxEngine } from "./onnx-runtime.ts";

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

const { NaN: none, POSITIVE_INFINITY: endless } = Number;
const floats = [0, -0, 1, -1, 0.5, 1.5, 2.5, -2.5, 3, -7, 300.5, 2 ** 31, -(2 ** 31), 2 ** 32, 3e38, -3e38, 1e-30];
const special: Readonly<Partial<Record<DType, readonly number[]>>> = {
  f32: [...floats, none, endless, -endless],
  i32: [0, 1, -1, 2, -2, 3, -7, 300, 2 ** 31 - 1, -(2 ** 31)],
  u32: [0, 1, 2, 3, 7, 300, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1],
  bool: [0, 1],
};

type Run = (given: Record<string, Tensor>) => Record<string, Tensor>;

/** What `js` and onnxruntime make of the same numbers. */
async function both(inputs: Record<string, { readonly dtype: DType; readonly data: readonly number[] }>, step: Run) {
  const specs = Object.entries(inputs).map(
    ([name, { dtype, data }]) => [name, new InputSpec([data.length], dtype)] as const,
  );
  const made = program({
    inputs: Object.fromEntries(specs),
    step: ((given: never) => ({ outputs: step(given) })) as never,
  });
  const typed = Object.entries(inputs).map(([name, { dtype, data }]) => {
    const array = { f32: Float32Array, i32: Int32Array, u32: Uint32Array, bool: Uint8Array, u8: Uint8Array }[
      dtype as "f32"
    ];
    return [name, Reflect.construct(array, [data]) as Float32Array] as const;
  });
  const executable = await compile(made, { target: "js" });
  const own = (await executable.run({ entry: "step" as never, feeds: Object.fromEntries(typed) as never })) as Record<
    string,
    ArrayLike<number> | number
  >;
  executable.dispose();
  const entry = made.entries.get("step") ?? expect.fail("no entry");
  const found = await runtime.run(onnxModel(specializedEntry(entry, {})), new Map(typed));
  return Object.entries(own).map(([name, numbers]) => {
    const wanted = typeof numbers === "number" ? [numbers] : Array.from(numbers);
    return { name, wanted, found: Array.from(found.get(name) ?? []) };
  });
}

/** -0 counts as 0. */
function isNear(a: number, b: number, relative: number): boolean {
  return a === b || (Number.isNaN(a) && Number.isNaN(b)) || Math.abs(a - b) <= relative * Math.abs(b) + 2 ** -126;
}

async function expectSame(
  inputs: Parameters<typeof both>[0],
  step: Run,
  relative = 0,
  told: (name: string, i: number) => string = String,
) {
  const wrong = (await both(inputs, step)).flatMap(({ name, wanted, found }) => {
    expect(found).toHaveLength(wanted.length);
    return wanted.flatMap((should, i) => {
      const is = found[i] ?? none;
      return isNear(is, should, relative) ? [] : [`${name} ${told(name, i)}: ${is}, not ${should}`];
    });
  });
  expect(wrong).toEqual([]);
}

describe("special values", () => {
  const numbers: readonly DType[] = ["f32", "i32", "u32"];

  test.each(["f32", "i32", "u32", "bool"] as const)("of %s, element by element", async (dtype) => {
    const all = special[dtype] ?? [];
    const x = { dtype, data: all.flatMap((a) => all.map(() => a)) };
    const y = { dtype, data: all.flatMap(() => all) };
    const wants = (name: MapName): boolean => {
      if (name === "select") return false;
      try {
        mapOps[name].infer(Array.from({ length: mapOps[name].arity }, () => tensorType(dtype, [])) as never, {});
        return true;
      } catch {
        return false;
      }
    };
    const names = (Object.keys(mapOps) as MapName[]).filter(wants);
    expect(names.length).toBeGreaterThan(dtype === "bool" ? 4 : 12);
    const step: Run = ({ x: a, y: b }) => {
      const made = names.map((name) => {
        const args = [a, b].slice(0, mapOps[name].arity) as Tensor[];
        return [name, applyOp(mapOps[name], args, {}, here(name))] as const;
      });
      return Object.fromEntries(made);
    };
    await expectSame({ x, y }, step, isFloat(dtype) ? 1e-6 : 0, (_, i) => `${x.data[i]}, ${y.data[i]}`);
  });

  test.each(numbers)("cast from %s", async (from) => {
    const data = special[from] ?? [];
    const to = dtypes.filter((dtype) => dtype !== "f64" && dtype !== "f16" && dtype !== "bf16");
    const step: Run = ({ x }) => Object.fromEntries(to.map((dtype) => [dtype, ops.cast(x as Tensor, dtype)]));
    await expectSame({ x: { dtype: from, data } }, step, 0, (_, i) => String(data[i]));
  });

  test("in folds, in sorting and beyond the ends", async () => {
    const data = [1, -endless, 3, none, -0, 0, endless, 3, -2, none, 5, 5];
    const rows = (x: Tensor | undefined): Tensor => ops.reshape(x as Tensor, [4, 3]);
    const step: Run = ({ x, i }) => {
      const table = rows(x);
      const { values, indexes } = ops.maxWithIndex(table, { axis: 1 });
      const least = ops.minWithIndex(table, { axis: 0 });
      return {
        max: ops.max(table, { axis: 1 }),
        min: ops.min(table, { axis: 0 }),
        values,
        indexes,
        least: least.values,
        leastAt: least.indexes,
        up: ops.sort(x as Tensor),
        down: ops.sort(x as Tensor, { descending: true }),
        upAt: ops.argsort(x as Tensor),
        downAt: ops.argsort(x as Tensor, { descending: true }),
        taken: ops.gather(x as Tensor, i as Tensor),
        hot: ops.oneHot(ops.neg(i as Tensor), 4),
        running: ops.cumulativeMax(x as Tensor),
      };
    };
    const indexes = [0, 11, 12, -1, 2 ** 31 - 1, -(2 ** 31), 5];
    await expectSame({ x: { dtype: "f32", data }, i: { dtype: "i32", data: indexes } }, step);
  });

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
        worst = Math.max(worst, Math.abs((found.get("loss")?.[0] ?? none) - loss) / Math.abs(loss));
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
      const wrong = Array.from(found).filter((is, i) => !isNear(is, output[i] ?? none, 1e-5));
      expect(wrong).toEqual([]);
    }
  });
});
