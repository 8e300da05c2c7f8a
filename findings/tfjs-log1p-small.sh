#!/usr/bin/env bash
# TensorFlow.js 4.22.0: log1p(1e-8) is 0 on the wasm backend, and log1p(1e-6) is 5% off, where the cpu backend is right to the last digits:
# wasm adds 1 and takes the logarithm, the very rounding that log1p is there to avoid. expm1 is right on both, so log1p(expm1(x)) is x on
# one and not on the other, and terms like log1p(exp(-x)) of a loss vanish for confident predictions.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . @tensorflow/tfjs@4.22.0 @tensorflow/tfjs-backend-wasm@4.22.0 >/dev/null
cat >seen.mjs <<'SCRIPT'
import * as tf from "@tensorflow/tfjs";
import { setWasmPaths } from "@tensorflow/tfjs-backend-wasm";
setWasmPaths(`${process.cwd()}/node_modules/@tensorflow/tfjs-backend-wasm/dist/`);
const numbers = [1e-8, 1e-6];
const off = (values, right) => values.map((value, i) => Math.abs(value / right(numbers[i]) - 1));
const seen = {};
for (const backend of ["cpu", "wasm"]) {
  await tf.setBackend(backend);
  const x = tf.tensor(numbers);
  const [log1p, expm1] = await Promise.all([tf.log1p(x).data(), tf.expm1(x).data()]);
  console.log(`TensorFlow.js 4.22.0, ${backend}: of`, numbers, "log1p is", [...log1p], "and expm1", [...expm1]);
  seen[backend] = { log1p: off([...log1p], Math.log1p), expm1: off([...expm1], Math.expm1) };
}
const { cpu, wasm } = seen;
const isRight = (errors) => errors.every((error) => error < 1e-6);
const [tiny, small] = wasm.log1p;
process.exit(isRight(cpu.log1p) && isRight(cpu.expm1) && isRight(wasm.expm1) && tiny === 1 && small > 0.01 ? 0 : 1);
SCRIPT
node seen.mjs
