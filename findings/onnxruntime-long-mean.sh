#!/usr/bin/env bash
# ONNX Runtime 1.30.0 (CPU, float32): ReduceMean of ten million times 0.1 is 0.1011, and of a million rows of eight 0.10096.
# One float32 accumulator, or a few, per sum: its error grows with the length. Blocks of bounded length, as NumPy's pairwise
# sums have, give 0.1 to six digits. Column statistics of a large table come out 1% off, without a word.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . onnxruntime-node@1.30.0 onnx-proto@8.0.1 >/dev/null
cat >seen.mjs <<'SCRIPT'
import proto from "onnx-proto";
import ort from "onnxruntime-node";
const tensor = (name, dims) => ({ name, type: { tensorType: { elemType: 1, shape: { dim: dims.map((dimValue) => ({ dimValue })) } } } });
async function meanOf(dims, axes, result) {
  const attribute = [{ name: "keepdims", type: 2, i: 0 }, { name: "axes", type: 7, ints: axes }];
  const node = [{ opType: "ReduceMean", input: ["x"], output: ["y"], attribute }];
  const graph = { name: "mean", node, input: [tensor("x", dims)], output: [tensor("y", result)] };
  const bytes = proto.onnx.ModelProto.encode({ irVersion: 8, opsetImport: [{ domain: "", version: 17 }], graph }).finish();
  const session = await ort.InferenceSession.create(bytes, { intraOpNumThreads: 1 });
  const count = dims.reduce((product, dim) => product * dim, 1);
  return (await session.run({ x: new ort.Tensor("float32", new Float32Array(count).fill(0.1), dims) })).y.data[0];
}
const all = await meanOf([10_000_000], [0], []);
const column = await meanOf([1_000_000, 8], [0], [8]);
console.log("ONNX Runtime 1.30.0: mean of 10,000,000 times 0.1 =", all, "; of a column of 1,000,000 =", column);
process.exit(Math.abs(all - 0.1) > 1e-3 / 2 && Math.abs(column - 0.1) > 1e-3 / 2 ? 0 : 1);
SCRIPT
node seen.mjs
