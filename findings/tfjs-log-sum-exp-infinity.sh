#!/usr/bin/env bash
# TensorFlow.js 4.22.0: logSumExp of nothing but -Infinity, the sum of probabilities that are all 0 in logarithms, is NaN, and so is one with
# a +Infinity. They are log(0 + 0) = -Infinity and +Infinity, as its own exp, sum and log one behind the other give, and as logSumExp of
# SciPy does. A masked row, or a path that cannot be, then makes everything that is added to it NaN.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . @tensorflow/tfjs@4.22.0 >/dev/null
cat >seen.mjs <<'SCRIPT'
import * as tf from "@tensorflow/tfjs";
await tf.setBackend("cpu");
const seen = [];
for (const numbers of [[-Infinity, -Infinity], [Infinity, 1], [-Infinity, 1]]) {
  const x = tf.tensor(numbers);
  const [[one], [three]] = await Promise.all([tf.logSumExp(x).data(), tf.log(tf.sum(tf.exp(x))).data()]);
  console.log("TensorFlow.js 4.22.0: of", numbers, "logSumExp is", one, "and log(sum(exp))", three);
  seen.push([one, three]);
}
const [nothing, infinite, finite] = seen;
const isLost = Number.isNaN(nothing[0]) && Number.isNaN(infinite[0]);
const isRight = nothing[1] === -Infinity && infinite[1] === Infinity && finite.every((value) => Math.abs(value - 1) < 1e-6);
process.exit(isLost && isRight ? 0 : 1);
SCRIPT
node seen.mjs
