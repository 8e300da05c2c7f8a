#!/usr/bin/env bash
# ONNX Runtime 1.30.0: the same model, the same version, two packages: a Cast of [NaN, 3e9, -3] to int32 or to uint8 differs between
# onnxruntime-node and onnxruntime-web (WebAssembly). -3 as uint8 is 253 in one and 0 in the other; NaN as int32 is the least
# integer in one and 0 in the other. A model tested in Node can index another row in the browser.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . onnxruntime-node@1.30.0 onnxruntime-web@1.30.0 onnx-proto@8.0.1 >/dev/null
cat >seen.mjs <<'SCRIPT'
import proto from "onnx-proto";
import nodeRuntime from "onnxruntime-node";
import * as webRuntime from "onnxruntime-web";
async function cast(runtime, to) {
  const value = (name, elemType) => ({ name, type: { tensorType: { elemType, shape: { dim: [{ dimValue: 3 }] } } } });
  const node = [{ opType: "Cast", input: ["x"], output: ["y"], attribute: [{ name: "to", type: 2, i: to }] }];
  const graph = { name: "cast", node, input: [value("x", 1)], output: [value("y", to)] };
  const bytes = proto.onnx.ModelProto.encode({ irVersion: 8, opsetImport: [{ domain: "", version: 13 }], graph }).finish();
  const session = await runtime.InferenceSession.create(bytes);
  return Array.from((await session.run({ x: new runtime.Tensor("float32", Float32Array.of(NaN, 3e9, -3), [3]) })).y.data);
}
const [node, web] = [{}, {}];
for (const [name, code] of [["int32", 6], ["uint8", 2]]) {
  node[name] = await cast(nodeRuntime, code);
  web[name] = await cast(webRuntime, code);
}
console.log("ONNX Runtime 1.30.0: [NaN, 3e9, -3] in Node:", node, "; in WebAssembly:", web);
process.exit(node.uint8[2] === 253 && web.uint8[2] === 0 && node.int32[0] === -2147483648 && web.int32[0] === 0 ? 0 : 1);
SCRIPT
node seen.mjs
