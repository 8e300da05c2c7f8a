#!/usr/bin/env bash
# ONNX Runtime 1.30.0 (CPU): MaxPool over two times -Infinity is -3.4e38, a number that is not in the window; ask for the second result,
# Indices, as well, and the first becomes -Infinity. So a mask of -Infinity in front of a pool comes out finite, and one result
# depends on whether another is wanted.
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
const x = floats([-Infinity, -Infinity], [1, 1, 2]);
const [alone] = await run("MaxPool", 12, [x], { kernel_shape: [2] });
const [beside] = await run("MaxPool", 12, [x], { kernel_shape: [2] }, ["float32", "int64"]);
console.log("ONNX Runtime 1.30.0: MaxPool of [-Infinity, -Infinity] =", alone, "; with Indices =", beside);
process.exit(Number.isFinite(alone[0]) && alone[0] < -3e38 && beside[0] === -Infinity ? 0 : 1);
SCRIPT
node seen.mjs
