#!/usr/bin/env bash
# jax-js 0.1.25: the gradient of prod at [2, 0, 3] is [0, NaN, 0]; the product of the other two factors is 6.
# The derivative of a product by one factor is the product of the others, zero or not; a rule that divides the whole product
# by the factor has 0 / 0 there. JAX and PyTorch give 6.
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
const slope = grad((x) => np.prod(x))(np.array([2, 0, 3])).js();
console.log("jax-js 0.1.25: gradient of prod at [2, 0, 3] =", slope, "(right: [0, 6, 0])");
process.exit(slope[0] === 0 && Number.isNaN(slope[1]) && slope[2] === 0 ? 0 : 1);
SCRIPT
node seen.mjs
