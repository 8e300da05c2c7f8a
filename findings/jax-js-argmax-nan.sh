#!/usr/bin/env bash
# jax-js 0.1.25, argmax of [NaN, 1, 3] on its WebAssembly backend: 3, an index that the array does not have.
# NumPy and JAX give 0 (the place of the NaN), Keras 2 (NaN is passed over): whatever the rule, the answer should be a place
# in the array. Reading the element at that index then takes the index as it is.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . @jax-js/jax@0.1.25 >/dev/null
cat >seen.mjs <<'SCRIPT'
globalThis.navigator ??= {}; // jax-js asks for it; Node 20 has none
const { defaultDevice, grad, init, nn, numpy: np, random } = await import("@jax-js/jax");
await init();
defaultDevice("wasm");
const found = np.argmax(np.array([NaN, 1, 3])).js();
console.log("jax-js 0.1.25: argmax([NaN, 1, 3]) =", found, "(three elements: 0, 1 or 2)");
process.exit(found === 3 ? 0 : 1);
SCRIPT
node seen.mjs
