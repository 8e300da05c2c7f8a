/** ONNX models as they are written: names, manifest, weights inside, and what is refused. onnxruntime runs them in test/interop. */
import { expect, test } from "vitest";
import { irVersion, type OnnxGraph, opset } from "../../codegen/onnx/graph.ts";
import { onnxModel } from "../../codegen/onnx/model.ts";
import { specializedEntry } from "../../src/compile.ts";
import { whileLoop } from "../../src/dsl/loops.ts";
import * as ops from "../../src/dsl/ops.ts";
import { program } from "../../src/dsl/program.ts";
import { adam, dense, dropout, f32, i32, param, sequential, trainer, zeros } from "../../src/index.ts";
import { encodeCheckpoint, fingerprintOf } from "../../src/io/checkpoint.ts";
import { startValuesOf } from "../../src/runtime/start-values.ts";
import { onnxFolder } from "../../src/tools/cli/onnx-folder.ts";

const net = () =>
  trainer(sequential([dense(8, { activation: "relu" }), dropout(0.5), dense(3)]), {
    input: [5],
    loss: "softmaxCrossEntropy",
    optimizer: adam(),
  }).program;

function checkpointOf(made: ReturnType<typeof net>) {
  return encodeCheckpoint({ fingerprint: fingerprintOf(made), state: startValuesOf(made.states, 1), seed: 1 });
}

interface Told {
  readonly name: string;
  readonly file: string;
  readonly data?: string;
  readonly inputs: readonly {
    readonly kind: string;
    readonly name: string;
    readonly as: string;
    readonly next?: string;
  }[];
  readonly outputs: readonly { readonly kind: string; readonly name: string; readonly as: string }[];
  readonly initializers?: readonly string[];
}

function manifestOf(files: ReadonlyMap<string, string | Uint8Array>) {
  return JSON.parse(String(files.get("manifest.json"))) as {
    readonly opset: number;
    readonly irVersion: number;
    readonly entries: readonly Told[];
  };
}

test("a folder has a model for each entry, and the manifest tells which output is the new value of what", () => {
  const made = net();
  const files = onnxFolder(made, checkpointOf(made), { dims: { batch: 4 } });
  const { entries, ...manifest } = manifestOf(files);
  expect(manifest).toMatchObject({ opset: 21, irVersion: 10, dims: { batch: 4 } });
  expect([opset, irVersion]).toEqual([21, 10]);
  expect(entries.map(({ file }) => file)).toEqual([...files.keys()].filter((name) => name.endsWith(".onnx")));
  const train = entries.find(({ name }) => name === "train") ?? expect.fail("no train");
  const kernel = train.inputs.find(({ name }) => name === "model.dense1.kernel");
  expect(kernel).toMatchObject({ as: "model.dense1.kernel", next: "model.dense1.kernel_new" });
  const states = train.inputs.filter(({ kind }) => kind === "state");
  const changed = train.outputs.filter(({ kind }) => kind === "state").map(({ as }) => as);
  expect(new Set(states.flatMap(({ next }) => next ?? []))).toEqual(new Set(changed));
  expect(train.outputs.map(({ as }) => as)).toContain("loss");
});

test("baked states are initializers where an entry changes none, beside the model where there are many", () => {
  const made = net();
  const files = onnxFolder(made, checkpointOf(made), { dims: { batch: 4 }, baked: true, mostInside: 100 });
  const [predict, train] = ["predict", "train"].map((name) =>
    manifestOf(files).entries.find((each) => each.name === name),
  );
  expect(predict?.inputs.map(({ name }) => name)).toEqual(["x"]);
  expect(predict?.initializers).toContain("model.dense2.bias");
  expect(predict?.data).toBe("predict.onnx.data");
  expect((files.get("predict.onnx.data") as Uint8Array).length % 4).toBe(0);
  expect(train?.initializers).toBeUndefined();
});

test("a checkpoint of another program is an error that says what differs", () => {
  const other = program({ state: { w: param(zeros(2)) }, step: (_, { w }) => ({ outputs: { y: ops.add(w, 1) } }) });
  const bytes = checkpointOf(other as never);
  expect(() => onnxFolder(net(), bytes, { dims: { batch: 4 }, baked: true, checkpointName: "w.ckpt" })).toThrow(
    /w\.ckpt: the checkpoint does not fit the program/,
  );
});

/** Every node, those of graphs inside too. */
function allNodes(graph: OnnxGraph): OnnxGraph["nodes"] {
  return graph.nodes.flatMap((node) => [
    node,
    ...Object.values(node.attributes).flatMap((value) =>
      typeof value === "object" && "nodes" in value ? allNodes(value) : [],
    ),
  ]);
}

test("no two nodes and no two values have one name, whatever inputs and outputs are called", () => {
  const made = program({
    inputs: { t0: f32(3), y: f32(3), w_new: f32(3), n: i32() },
    state: { w: param(zeros(3)) },
    step: ({ t0, y, w_new, n }, { w }) => {
      const grown = whileLoop(
        ({ i }) => ops.less(i, 5),
        ({ x, i }) => ({ x: ops.add(x, w), i: ops.add(i, 1) }),
        { x: t0, i: n },
        { most: 9 },
      );
      return { outputs: { y: ops.add(grown.x, w_new), w: ops.mul(y, 2) }, next: { w: ops.add(w, 1) } };
    },
  });
  const entry = made.entries.get("step") ?? expect.fail("no entry");
  const { graph, outputs } = onnxModel(specializedEntry(entry, {}));
  const nodes = allNodes(graph);
  expect(new Set(nodes.map(({ name }) => name)).size).toBe(nodes.length);
  const values = [...graph.inputs.map(({ name }) => name), ...nodes.flatMap((node) => node.outputs)];
  expect(new Set(values).size).toBe(values.length);
  expect(outputs.map(({ as }) => as)).toEqual(["y_2", "w_2", "w_new_2"]);
});
