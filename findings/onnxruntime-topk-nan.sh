#!/usr/bin/env bash
# ONNX Runtime 1.30.0 (CPU): one NaN hides other elements. The largest four of [5, NaN, 3, 2, 9, 8, 7, 1, 0, 4] by TopK are 9, 5, 3, NaN:
# 8 and 7 are passed over. Unique of [NaN, 1, NaN] is [NaN], found three times: the 1 is gone. NaN is neither less than nor equal to
# a number, and a sort by such a comparison has no meaning. NumPy puts every NaN at one end.
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
const four = new ort.Tensor("int64", BigInt64Array.of(4n), [1]);
const [largest] = await run("TopK", 11, [floats([5, NaN, 3, 2, 9, 8, 7, 1, 0, 4], [10]), four], {}, ["float32", "int64"]);
const [unique, , , counts] = await run("Unique", 11, [floats([NaN, 1, NaN], [3])], {}, ["float32", "int64", "int64", "int64"]);
console.log("ONNX Runtime 1.30.0: largest four =", largest, "; unique =", unique, "as often as", counts);
process.exit(!largest.includes(8) && largest.includes(3) && unique.length === 1 && counts[0] === 3 ? 0 : 1);
SCRIPT
node seen.mjs
