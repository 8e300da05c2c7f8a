#!/usr/bin/env bash
# TensorFlow.js 4.22.0: tf.losses.softmaxCrossEntropy differentiated by its labels gives labels - softmax(logits),
# which is minus the gradient by the logits. The loss is -sum(label * log p), so its derivative by a label is -log p:
# [2.41, 1.41, 0.41] for logits [1, 2, 3], not [-0.09, 0.26, -0.17]. Learned or smoothed labels then move the wrong way.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . @tensorflow/tfjs@4.22.0 >/dev/null
cat >seen.mjs <<'SCRIPT'
import * as tf from "@tensorflow/tfjs";
await tf.setBackend("cpu");
const slopes = tf.grads((labels, logits) => tf.losses.softmaxCrossEntropy(labels, logits));
const [byLabels, byLogits] = slopes([tf.tensor2d([[0, 0.5, 0.5]]), tf.tensor2d([[1, 2, 3]])]).map((x) => [...x.dataSync()]);
const total = [1, 2, 3].reduce((sum, z) => sum + Math.exp(z), 0);
const right = [1, 2, 3].map((z) => Math.log(total) - z);
console.log("TensorFlow.js 4.22.0: by labels", byLabels, "by logits", byLogits, "right by labels", right);
process.exit(byLabels.every((x, i) => Math.abs(x + byLogits[i]) < 1e-6 && Math.abs(x - right[i]) > 0.5) ? 0 : 1);
SCRIPT
node seen.mjs
