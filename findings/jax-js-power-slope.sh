#!/usr/bin/env bash
# jax-js 0.1.25: the gradient of sum(power(x, 2)) at [0, -2] is [NaN, -4]; that of x * x is [0, -4]. The slope of x^n is n x^(n-1),
# which at 0 is 0; a rule that divides x^n by x has 0 / 0 there. A squared error written as a power turns all weights into NaN
# at the first prediction that is exact. JAX and PyTorch give 0.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . @jax-js/jax@0.1.25 >/dev/null
cat >seen.mjs <<'SCRIPT'
globalThis.navigator ??= {}; // jax-js asks for it; Node 20 has none
const { defaultDevice, grad, init, nn, numpy: np } = await import("@jax-js/jax");
await init();
defaultDevice("wasm");
const slope = grad((x) => np.sum(np.power(x, 2)))(np.array([0, -2])).js();
console.log("jax-js 0.1.25: gradient of sum(power(x, 2)) at [0, -2] =", slope, "(right: [0, -4])");
process.exit(Number.isNaN(slope[0]) && slope[1] === -4 ? 0 : 1);
SCRIPT
node seen.mjs
