#!/usr/bin/env bash
# jax-js 0.1.25: softplus of [100, 0] is [Infinity, 0.69] with a gradient of NaN, and of [100, 100] it is [100, 100]: what an element
# gives depends on its neighbours. exp(100) is too large for float32, so log(1 + exp(x)) fails from 89 on; an array of one number
# repeated is computed in double, where it does not. A test with one number passes. logSigmoid at [-100, 0] is -Infinity likewise.
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
const of = (...numbers) => nn.softplus(np.array(numbers)).js();
const slope = grad((x) => np.sum(nn.softplus(x)))(np.array([100, 0])).js();
const under = nn.logSigmoid(np.array([-100, 0])).js();
console.log("jax-js 0.1.25: softplus [100, 0] =", of(100, 0), "gradient", slope, "; [100, 100] =", of(100, 100), "; logSigmoid [-100, 0] =", under);
process.exit(of(100, 0)[0] === Infinity && Number.isNaN(slope[0]) && of(100, 100)[0] === 100 && under[0] === -Infinity ? 0 : 1);
SCRIPT
node seen.mjs
