/**
 * Programs as StableHLO: the text, arguments and results in order, what is donated, how devices share them. That XLA computes what
 * we mean, test/interop/xla.test.ts asks of XLA itself.
 */
import { expect, test } from "vitest";
import { hloModule } from "../../codegen/stablehlo/module.ts";
import { specializedEntry } from "../../src/compile.ts";
import { f32, grad, matmul, mul, normal, param, program, randomUniform, relu, sub, sum } from "../../src/index.ts";
import { encodeCheckpoint, fingerprintOf } from "../../src/io/checkpoint.ts";
import { startValuesOf } from "../../src/runtime/start-values.ts";
import { stableHloFolder } from "../../src/tools/cli/stablehlo-folder.ts";

const linear = program({
  inputs: { x: f32("batch", 3) },
  state: { "odd name": { w: param(normal(0, 1, 3, 2)) } },
  step({ x }, { "odd name": { w } }) {
    const loss = sum(relu(matmul(x, w)));
    return { outputs: { loss }, next: { "odd name": { w: sub(w, mul(grad(loss, w), 0.5)) } } };
  },
});

function moduleOf(given: typeof linear, batch: number) {
  const entry = given.entries.get("step");
  if (entry === undefined) throw new Error("no entry");
  return hloModule(specializedEntry(entry, { batch }));
}

test("an entry is one function: gradients worked out, sizes numbers, floats by their bits, a state donated to its new value", () => {
  const { text, arguments: given, results } = moduleOf(linear, 5);
  expect(text).toMatchInlineSnapshot(`
    "module @e_step attributes {mhlo.num_partitions = 1 : i32, mhlo.num_replicas = 1 : i32} {
      func.func public @main(
          %x: tensor<5x3xf32>,
          %odd_name.w: tensor<3x2xf32> {tf.aliasing_output = 1 : i32}
      ) -> (
          tensor<f32>,
          tensor<3x2xf32>
      ) {
        %0 = stablehlo.dot_general %x, %odd_name.w, contracting_dims = [1] x [0], precision = [HIGHEST, HIGHEST] : (tensor<5x3xf32>, tensor<3x2xf32>) -> tensor<5x2xf32>
        %1 = stablehlo.constant dense<0x00000000> : tensor<f32>
        %2 = stablehlo.broadcast_in_dim %1, dims = [] : (tensor<f32>) -> tensor<5x2xf32>
        %3 = stablehlo.maximum %0, %2 : tensor<5x2xf32>
        %4 = stablehlo.reduce(%3 init: %1) applies stablehlo.add across dimensions = [0, 1] : (tensor<5x2xf32>, tensor<f32>) -> tensor<f32>
        %5 = stablehlo.constant dense<0x3F800000> : tensor<f32>
        %6 = stablehlo.broadcast_in_dim %5, dims = [] : (tensor<f32>) -> tensor<5x2xf32>
        %7 = stablehlo.compare GT, %3, %2, FLOAT : (tensor<5x2xf32>, tensor<5x2xf32>) -> tensor<5x2xi1>
        %8 = stablehlo.select %7, %6, %2 : tensor<5x2xi1>, tensor<5x2xf32>
        %9 = stablehlo.dot_general %x, %8, contracting_dims = [0] x [0], precision = [HIGHEST, HIGHEST] : (tensor<5x3xf32>, tensor<5x2xf32>) -> tensor<3x2xf32>
        %10 = stablehlo.constant dense<0x3F000000> : tensor<f32>
        %11 = stablehlo.broadcast_in_dim %10, dims = [] : (tensor<f32>) -> tensor<3x2xf32>
        %12 = stablehlo.multiply %9, %11 : tensor<3x2xf32>
        %13 = stablehlo.subtract %odd_name.w, %12 : tensor<3x2xf32>
        return %4, %13 : tensor<f32>, tensor<3x2xf32>
      }
    }
    "
  `);
  expect(given.map(({ kind, name, donatedTo }) => [kind, name, donatedTo])).toEqual([
    ["input", "x", undefined],
    ["state", "odd name.w", 1],
  ]);
  expect(results.map(({ kind, name }) => [kind, name])).toEqual([
    ["output", "loss"],
    ["state", "odd name.w"],
  ]);
});

test("arguments whose names come out alike are told apart", () => {
  const two = program({
    inputs: { "a b": f32(2), a_b: f32(2), "1": f32(2) },
    step: (given) => ({ outputs: { y: sum(sub(mul(given["a b"], given.a_b), given["1"])) } }),
  });
  const entry = two.entries.get("step");
  const { text } = hloModule(specializedEntry(entry ?? expect.fail("no entry"), {}));
  expect([...text.matchAll(/^ {6}(%\S+):/gm)].map(([, name]) => name)).toEqual(["%in_1", "%a_b", "%a_b_2"]);
});

test("operands that XLA would rearrange are kept apart", () => {
  const twice = program({ inputs: { x: f32(4) }, step: ({ x }) => ({ outputs: { y: mul(mul(x, 3e30), 1e30) } }) });
  const once = program({ inputs: { x: f32(4) }, step: ({ x }) => ({ outputs: { y: mul(mul(x, x), 1e30) } }) });
  const textOf = (given: typeof twice) =>
    hloModule(specializedEntry(given.entries.get("step") ?? expect.fail(), {})).text;
  expect(textOf(twice)).toContain("stablehlo.reduce_precision");
  expect(textOf(once)).not.toContain("stablehlo.reduce_precision");
});

test("a mesh shares the batch, and states where that is asked for", () => {
  const mesh = [
    { name: "data", size: 2 },
    { name: "model", size: 2 },
  ];
  const state = encodeCheckpoint({
    fingerprint: fingerprintOf(linear),
    state: startValuesOf(linear.states, 0),
    seed: 0,
  });
  const folder = (options: object) => stableHloFolder(linear, state, { dims: { batch: 4 }, mesh, ...options });
  const text = String(folder({ shards: [{ pattern: "*w", division: [null, "model"] }] }).get("step.mlir"));
  expect(text).toContain('sdy.mesh @mesh = <["data"=2, "model"=2]>');
  expect(text).toContain('%x: tensor<4x3xf32> {sdy.sharding = #sdy.sharding<@mesh, [{"data"}, {}]>}');
  const divided = 'sdy.sharding = #sdy.sharding<@mesh, [{}, {"model"}]>';
  expect(text.split("\n").filter((line) => line.includes(divided))).toHaveLength(2); // the argument, and its new value
  expect(text).toContain("mhlo.num_partitions = 4 : i32");

  expect(() => folder({ dims: { batch: 5 } })).toThrow(
    /^input x: axis 0 has 5 elements, which 2 devices along "data" cannot share/,
  );
  expect(() => folder({ shards: [{ pattern: "v", division: [null] }] })).toThrow(
    /no state has a name like that; there are odd name.w/,
  );
  expect(() => folder({ shards: [{ pattern: "*", division: ["model"] }] })).toThrow(
    "odd name.w has 2 axes, and 1 are spoken of",
  );
  expect(() => folder({ shards: [{ pattern: "*", division: [null, "rows"] }] })).toThrow('the mesh has no axis "rows"');
  expect(() => folder({ shards: [{ pattern: "*", division: ["model", "model"] }] })).toThrow(
    '"model" can divide one axis of a state, not two',
  );
});

test("a manifest says what the launcher needs, and the states are a checkpoint", () => {
  const state = encodeCheckpoint({
    fingerprint: fingerprintOf(linear),
    state: startValuesOf(linear.states, 3),
    seed: 3,
  });
  const files = stableHloFolder(linear, state, { dims: { batch: 4 } });
  expect([...files.keys()]).toEqual(["step.mlir", "state.safetensors", "manifest.json"]);
  expect(JSON.parse(String(files.get("manifest.json")))).toMatchObject({
    format: "tensorloom StableHLO",
    version: 1,
    dims: { batch: 4 },
    mesh: [],
    states: [{ name: "odd name.w", dtype: "f32", shape: [3, 2] }],
    entries: [{ name: "step", file: "step.mlir" }],
  });
});

test("random numbers are written out: no op of StableHLO's own draws them, and the number of the call goes up", () => {
  const noise = program({ step: () => ({ outputs: { y: randomUniform([5]) } }) });
  const { text, results } = hloModule(specializedEntry(noise.entries.get("step") ?? expect.fail(), {}));
  expect(text).not.toMatch(/stablehlo\.rng/);
  expect(text.match(/stablehlo\.xor/g)?.length).toBeGreaterThan(20);
  expect(results.map(({ name }) => name)).toEqual(["y", "$random"]);
});
