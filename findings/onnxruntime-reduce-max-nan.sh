#!/usr/bin/env bash
# ONNX Runtime 1.30.0 (CPU): whether ReduceMax sees a NaN depends on where it lies: [NaN, 1, 3] gives NaN, [1, NaN, 3] gives 3.
# Max of two tensors, in the same library, gives NaN for either order. A check for "did a NaN turn up" by way of the maximum finds it
# in the first place of a row only.
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
const [first] = await run("ReduceMax", 17, [floats([NaN, 1, 3], [1, 3])], { axes: [1] });
const [second] = await run("ReduceMax", 17, [floats([1, NaN, 3], [1, 3])], { axes: [1] });
const [both] = await run("Max", 13, [floats([NaN, 1], [2]), floats([1, NaN], [2])], {});
console.log("ONNX Runtime 1.30.0: ReduceMax [NaN, 1, 3] =", first, "; ReduceMax [1, NaN, 3] =", second, "; Max of [NaN, 1] and [1, NaN] =", both);
process.exit(Number.isNaN(first[0]) && second[0] === 3 && both.every(Number.isNaN) ? 0 : 1);
SCRIPT
node seen.mjs
