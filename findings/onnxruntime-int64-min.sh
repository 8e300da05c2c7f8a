#!/usr/bin/env bash
# ONNX Runtime 1.30.0 (CPU): Min and Max of int64 tensors compare the low 32 bits in some lanes: Min(2, 4294967295) is 4294967295.
# Less, ReduceMin and TopK of the same numbers are right, and so are Min and Max of int32, uint32 and double. Whoever clamps an
# index or a time stamp of 64 bits gets a wrong one in silence.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . onnxruntime-node@1.30.0 onnx-proto@8.0.1 >/dev/null
cat >seen.mjs <<'SCRIPT'
import proto from "onnx-proto";
import ort from "onnxruntime-node";
const [int64, bool] = [7, 9];
/** The result of a model of one node with two int64 operands. */
async function run(opType, a, b, type = int64) {
  const value = (name, elemType) => ({ name, type: { tensorType: { elemType, shape: { dim: [{ dimValue: a.length }] } } } });
  const node = [{ opType, input: ["a", "b"], output: ["y"] }];
  const graph = { name: "one", node, input: [value("a", int64), value("b", int64)], output: [value("y", type)] };
  const bytes = proto.onnx.ModelProto.encode({ irVersion: 8, opsetImport: [{ domain: "", version: 17 }], graph }).finish();
  const session = await ort.InferenceSession.create(bytes, { intraOpNumThreads: 1 });
  const tensor = (data) => new ort.Tensor("int64", BigInt64Array.from(data), [data.length]);
  return (await session.run({ a: tensor(a), b: tensor(b) })).y.data;
}
// long enough for vectors
const a = Array.from({ length: 16 }, () => 2n);
const b = Array.from({ length: 16 }, () => 4294967295n);
const least = await run("Min", a, b);
const most = await run("Max", a, b);
const less = await run("Less", a, b, bool);
console.log("ONNX Runtime 1.30.0: Min(2, 4294967295) =", String(least[0]), "; Max =", String(most[0]), "; Less =", less[0]);
process.exit(least[0] === 4294967295n && less[0] === 1 ? 0 : 1);
SCRIPT
node seen.mjs
