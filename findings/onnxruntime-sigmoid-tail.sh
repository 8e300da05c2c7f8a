#!/usr/bin/env bash
# ONNX Runtime 1.30.0 (CPU, float32): Sigmoid is 0 from -18.1 down, where float32 has numbers for it as far as -103 (2.1e-9 at -20),
# and at -16 it is half of what it should be (6.0e-8 for 1.1e-7). Its double variant is right.
# The logarithm of a small probability, which a loss takes, is then -Infinity in place of -20.
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
const at = [-16, -17, -18.1, -20];
const [seen] = await run("Sigmoid", 13, [floats(at, [4])], {});
console.log("ONNX Runtime 1.30.0: Sigmoid at", at, "=", seen, "; right:", at.map((x) => 1 / (1 + Math.exp(-x))));
process.exit(seen[0] < 0.7e-7 && seen[2] === 0 && seen[3] === 0 ? 0 : 1);
SCRIPT
node seen.mjs
