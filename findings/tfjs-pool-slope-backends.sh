#!/usr/bin/env bash
# TensorFlow.js 4.22.0: two backends, two gradients: where two elements of a window are equal, maxPool gives the slope to the first one
# on the cpu backend and to the last one on wasm. After a relu most windows of a sparse image are such ties (0 and 0), so a network
# does not train alike on the two, and neither says so. Keras gives it to the first.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . @tensorflow/tfjs@4.22.0 @tensorflow/tfjs-backend-wasm@4.22.0 >/dev/null
cat >seen.mjs <<'SCRIPT'
import * as tf from "@tensorflow/tfjs";
import { setWasmPaths } from "@tensorflow/tfjs-backend-wasm";
setWasmPaths(`${process.cwd()}/node_modules/@tensorflow/tfjs-backend-wasm/dist/`);
const slopes = {};
for (const backend of ["cpu", "wasm"]) {
  await tf.setBackend(backend);
  const slope = tf.grad((x) => tf.sum(tf.maxPool(x, [1, 2], [1, 2], "valid")))(tf.tensor([1, 1], [1, 1, 2, 1]));
  slopes[backend] = Array.from(await slope.data());
}
console.log("TensorFlow.js 4.22.0: gradient of maxPool at [1, 1]:", slopes);
process.exit(slopes.cpu[0] === 1 && slopes.cpu[1] === 0 && slopes.wasm[0] === 0 && slopes.wasm[1] === 1 ? 0 : 1);
SCRIPT
node seen.mjs
