#!/usr/bin/env bash
# TensorFlow.js 4.22.0: tf.pool, the maximum, dilated by 2, "same": of [-1, -2, -3, -4, -5] it is 0 at both ends, more than any element.
# The border counts as zeros there, in the mean too (the ends are half of what they should be); without dilation the same function
# leaves the border out.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . @tensorflow/tfjs@4.22.0 >/dev/null
cat >seen.mjs <<'SCRIPT'
import * as tf from "@tensorflow/tfjs";
const row = (numbers) => tf.tensor(numbers, [1, 1, 5, 1]);
const pooled = (numbers, kind, dilation) => Array.from(tf.pool(row(numbers), [1, 3], kind, "same", [1, dilation], [1, 1]).dataSync());
const negative = [-1, -2, -3, -4, -5];
const [far, near] = [pooled(negative, "max", 2), pooled(negative, "max", 1)];
const [farMean, nearMean] = [pooled([1, 1, 1, 1, 1], "avg", 2), pooled([1, 1, 1, 1, 1], "avg", 1)];
console.log("TensorFlow.js 4.22.0: maximum of", negative, "dilated by 2:", far, "; by 1:", near, "; mean of ones:", farMean, nearMean);
process.exit(far[0] === 0 && far[4] === 0 && near[0] === -1 && farMean[0] < 0.7 && nearMean[0] === 1 ? 0 : 1);
SCRIPT
node seen.mjs
