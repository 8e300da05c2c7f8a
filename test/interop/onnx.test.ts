/**
 * What is exported as ONNX, run by onnxruntime: every op and composite against the float64 oracle, special values and training
 * against `js`. These run where the environment variable ONNX_PYTHON names a Python that has onnx and onnxruntime.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { onnxModel } from "../../codegen/onnx/model.ts";
import { modelFile } from "../../codegen/onnx/proto.ts";
import { onnxTolerances } from "../../codegen/onnx/tolerances.ts";
import { compile, specializedEntry } from "../../src/compile.ts";
import * as ops from "../../src/dsl/ops.ts";
import { program } from "../../src/dsl/program.ts";
import { InputSpec } from "../../src/dsl/spec.ts";
import { startValuesOf } from "../../src/runtime/start-values.ts";
import { minutes, testEveryOp } from "./every-op.ts";
import { OnnxRuntime } from "./onnx-runtime.ts";
import { batch, digits, feeds, optimizerNames, ownLosses, programBy, seed, steps } from "./short-training.ts";
import { isNear, testSpecialValues } from "./special-values.ts";

let runtime: OnnxRuntime;
beforeAll(() => {
  runtime = new OnnxRuntime();
});
afterAll(() => runtime.stop());

describe("every op", () => testEveryOp("ONNX", onnxTolerances, (entry, given) => runtime.run(onnxModel(entry), given)));

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

const data = digits();

describe("a training step", () => {
  test.each(optimizerNames)("with %s has the losses of js", { timeout: 2 * minutes }, async (of) => {
    const made = programBy(of);
    const entry = made.entries.get("train") ?? expect.fail("no entry");
    const model = onnxModel(specializedEntry(entry, { batch }));
    const states = new Map<string, ArrayLike<number>>(startValuesOf(made.states, seed));
    const wanted = await ownLosses(of, data);
    let [worst, count] = [0, 0];
    for (const fed of feeds(data)) {
      const found = await runtime.run(model, new Map<string, ArrayLike<number>>([...states, ...Object.entries(fed)]));
      for (const { kind, name, as } of model.outputs) {
        if (kind === "state") states.set(name, found.get(as) ?? []);
      }
      const loss = wanted[count] ?? Number.NaN;
      worst = Math.max(worst, Math.abs((found.get("loss")?.[0] ?? Number.NaN) - loss) / Math.abs(loss));
      count += 1;
    }
    expect(count).toBe(steps);
    expect(worst).toBeLessThan(1e-5);
  });
});

describe("an entry for inference", () => {
  test("has its weights inside or in a file beside it, and the predictions of js", { timeout: minutes }, async () => {
    const made = programBy("adam");
    const executable = await compile(made, { target: "js", seed, dims: { batch } });
    const image = data.x.slice(0, batch * 784);
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
