#!/usr/bin/env bash
# TensorFlow.js 4.22.0: the WebGPU backend sums and compares tensors of int32 as f32: 16777217 + 1 by tf.sum is
# 16777216, which loses what was added and more, and argMax of [16777216, 16777217] is 0. By tf.add the same sum is right, as both are
# on the cpu backend; the dtype of the results is int32, so nothing tells.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . @tensorflow/tfjs@4.22.0 @tensorflow/tfjs-backend-webgpu@4.22.0 webgpu@0.6.2 @sparticuz/chromium@141.0.0 >/dev/null
# a WebGPU adapter in software, which that package brings along
node -e 'process.stdout.write(require("node:zlib").brotliDecompressSync(require("node:fs").readFileSync("node_modules/@sparticuz/chromium/bin/swiftshader.tar.br")))' | tar x
cat >seen.mjs <<'SCRIPT'
import { create, globals } from "webgpu";
Object.assign(globalThis, globals);
const gpu = (globalThis.kept = create([]));
Object.defineProperty(globalThis, "navigator", { value: { gpu, userAgent: "Node" }, configurable: true });
const { default: tf } = await import("@tensorflow/tfjs");
await import("@tensorflow/tfjs-backend-webgpu");
const int32 = (numbers) => tf.tensor(numbers, [numbers.length], "int32");
const seen = {};
for (const backend of ["cpu", "webgpu"]) {
  await tf.setBackend(backend);
  await tf.ready();
  const results = [tf.sum(int32([16777217, 1])), tf.argMax(int32([16777216, 16777217])), tf.add(int32([16777217]), int32([1]))];
  seen[backend] = (await Promise.all(results.map((result) => result.data()))).map(([value]) => value).join();
  console.log(`TensorFlow.js 4.22.0, ${backend}: sum, argMax, add are ${seen[backend]}, of type ${results.map(({ dtype }) => dtype)}`);
}
process.exit(seen.cpu === "16777218,1,16777218" && seen.webgpu === "16777216,0,16777218" ? 0 : 1);
SCRIPT
LD_LIBRARY_PATH=$folder VK_ICD_FILENAMES=$folder/vk_swiftshader_icd.json node seen.mjs
