#!/usr/bin/env bash
# TensorFlow.js 4.22.0: the gradient of max([1, 1, 0]) is [1, 1, 0]: each of the elements that tie gets all of it.
# No slope of max adds up to 2: moving both elements by h moves the maximum by h. JAX and PyTorch share it ([0.5, 0.5, 0]),
# and maximum(a, b) of this very library gives it to one side.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . @tensorflow/tfjs@4.22.0 >/dev/null
cat >seen.mjs <<'SCRIPT'
import * as tf from "@tensorflow/tfjs";
await tf.setBackend("cpu");
const overAll = [...tf.grad((x) => tf.max(x))(tf.tensor1d([1, 1, 0])).dataSync()];
const ofTwo = tf.grads((a, b) => tf.maximum(a, b))([tf.scalar(1), tf.scalar(1)]).map((x) => x.dataSync()[0]);
console.log("TensorFlow.js 4.22.0: gradient of max([1, 1, 0]) =", overAll, "; of maximum(1, 1) =", ofTwo);
process.exit(String(overAll) === "1,1,0" && String(ofTwo) === "1,0" ? 0 : 1);
SCRIPT
node seen.mjs
