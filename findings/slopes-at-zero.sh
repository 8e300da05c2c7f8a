#!/usr/bin/env bash
# Two libraries, two answers to the slope of a kink: at 0, jax-js 0.1.25 has slope 1 for abs and 1 for relu,
# TensorFlow.js 4.22.0 has -1 for abs and 0 for relu. JAX, PyTorch and Keras have 0 for both. It matters for whatever starts at
# zeros: biases, zero-initialized layers, an l1 penalty, which here pushes a weight of 0 away to one side.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . @jax-js/jax@0.1.25 @tensorflow/tfjs@4.22.0 >/dev/null
cat >seen.mjs <<'SCRIPT'
globalThis.navigator ??= {}; // jax-js asks for it; Node 20 has none
const { defaultDevice, grad, init, nn, numpy: np, random } = await import("@jax-js/jax");
await init();
defaultDevice("wasm");
const { default: tf } = await import("@tensorflow/tfjs").then((module) => ({ default: module }));
await tf.setBackend("cpu");
const jaxjs = [grad((x) => np.abs(x))(np.array(0)).js(), grad((x) => nn.relu(x))(np.array(0)).js()];
const tfjs = [tf.abs, tf.relu].map((f) => tf.grad((x) => f(x))(tf.scalar(0)).dataSync()[0]);
console.log("slopes of [abs, relu] at 0: jax-js 0.1.25", jaxjs, ", TensorFlow.js 4.22.0", tfjs);
process.exit(String(jaxjs) === "1,1" && String(tfjs) === "-1,0" ? 0 : 1);
SCRIPT
node seen.mjs
