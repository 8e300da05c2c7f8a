#!/usr/bin/env bash
# ONNX Runtime 1.30.0 (CPU): ConvTranspose with auto_pad SAME_UPPER, a filter of 2 and strides of 3 makes 5 elements of 2.
# ONNX defines SAME_UPPER by output = input * stride, so 6 (TensorFlow.js makes 6, the last one 0). It holds where the filter is at
# least as wide as the stride, and with a narrower one the shape is another than the model says, without a word.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . onnxruntime-node@1.30.0 onnx-proto@8.0.1 @tensorflow/tfjs@4.22.0 >/dev/null
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
import * as tf from "@tensorflow/tfjs";
const [same] = await run("ConvTranspose", 11, [floats([1, 2], [1, 1, 2]), floats([1, 10], [1, 1, 2])], { strides: [3], auto_pad: "SAME_UPPER" });
const peer = tf.conv2dTranspose(tf.tensor([1, 2], [1, 1, 2, 1]), tf.tensor([1, 10], [1, 2, 1, 1]), [1, 1, 6, 1], [1, 3], "same");
console.log("ONNX Runtime 1.30.0: [1, 2] by a filter [1, 10], strides 3, SAME_UPPER =", same, "; TensorFlow.js, same:", Array.from(await peer.data()));
process.exit(same.length === 5 ? 0 : 1);
SCRIPT
node seen.mjs
