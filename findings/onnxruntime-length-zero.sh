#!/usr/bin/env bash
# ONNX Runtime 1.30.0 (CPU): an RNN, GRU or LSTM over a sequence of length 0 forgets the state it was given: from 0.5 the last state
# of that row is 0. No step was made, so the state should be what it was, as it is in a row whose steps have an end (the steps behind
# a length leave the state alone). Streaming a batch in which one stream has no new element resets that stream.
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
const x = floats([1, 2, 3, 4], [2, 2, 1]); // two steps of two rows
const lengths = new ort.Tensor("int32", Int32Array.of(2, 0), [2]);
const start = floats([0.5, 0.5], [1, 2, 1]);
const weights = (gates) => [floats(Array(gates).fill(0.5), [1, gates, 1]), floats(Array(gates).fill(0.1), [1, gates, 1]), floats(Array(2 * gates).fill(0), [1, 2 * gates])];
const last = [];
for (const [op, gates] of [["RNN", 1], ["GRU", 3], ["LSTM", 4]]) {
  const [, state] = await run(op, 14, [x, ...weights(gates), lengths, start, ...(op === "LSTM" ? [start] : [])], { hidden_size: 1 }, ["float32", "float32"]);
  console.log(`ONNX Runtime 1.30.0: ${op}, lengths 2 and 0, state 0.5 before: last states`, state);
  last.push(state);
}
process.exit(last.every(([some, none]) => some !== 0 && none === 0) ? 0 : 1);
SCRIPT
node seen.mjs
