#!/usr/bin/env bash
# ONNX Runtime 1.30.0 (CPU, float32): GroupNormalization of [10001, 10002, 10003, 10004] in one group is NaN four times.
# LayerNormalization of the same four numbers is right, [-1.34, -0.45, 0.45, 1.34]. The variance is the mean of the squares less the
# square of the mean, and of numbers that are large beside their spread nothing, or less than nothing, is left of that in float32.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . onnxruntime-node@1.30.0 onnx-proto@8.0.1 >/dev/null
cat >seen.mjs <<'SCRIPT'
import proto from "onnx-proto";
import ort from "onnxruntime-node";
const codes = { float32: 1, int32: 6, int64: 7 };
const attributeOf = ([name, v]) => (typeof v === "string" ? { name, type: 3, s: new TextEncoder().encode(v) } : Array.isArray(v) ? { name, type: 7, ints: v } : { name, type: 2, i: v });
/** The results of a model of one node. */
async function run(opType, opset, inputs, attributes, results = ["float32"]) {
  const value = (name, type, dims) => ({ name, type: { tensorType: { elemType: codes[type], ...(dims && { shape: { dim: dims.map((dimValue) => ({ dimValue })) } }) } } });
  const given = inputs.flatMap((x, i) => (x ? [[`x${i}`, x]] : []));
  const output = results.map((type, i) => value(`y${i}`, type));
  const node = [{ opType, input: inputs.map((x, i) => (x ? `x${i}` : "")), output: output.map(({ name }) => name), attribute: Object.entries(attributes).map(attributeOf) }];
  const graph = { name: "one", node, input: given.map(([name, x]) => value(name, x.type, x.dims)), output };
  const bytes = proto.onnx.ModelProto.encode({ irVersion: 8, opsetImport: [{ domain: "", version: opset }], graph }).finish();
  const session = await ort.InferenceSession.create(bytes, { intraOpNumThreads: 1 });
  const out = await session.run(Object.fromEntries(given));
  return output.map(({ name }) => Array.from(out[name].data, Number));
}
const floats = (data, dims) => new ort.Tensor("float32", Float32Array.from(data), dims);
const numbers = [10001, 10002, 10003, 10004];
const [group] = await run("GroupNormalization", 21, [floats(numbers, [1, 1, 4]), floats([1], [1]), floats([0], [1])], { num_groups: 1 });
const [layer] = await run("LayerNormalization", 17, [floats(numbers, [1, 4]), floats([1, 1, 1, 1], [4])], {});
console.log("ONNX Runtime 1.30.0:", numbers, "by GroupNormalization", group, "by LayerNormalization", layer);
process.exit(group.every(Number.isNaN) && Math.abs(layer[0] + 1.3416) < 1e-3 ? 0 : 1);
SCRIPT
node seen.mjs
