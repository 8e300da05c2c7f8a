#!/usr/bin/env bash
# jax-js 0.1.25, WebAssembly backend: tanh(1e-8) is 0, with the wrong sign besides (-0); the nearest float32 is 1e-8 itself.
# Near 0 the tangent is its own argument, so a formula that takes the difference of two numbers near 1 has no correct digit
# there: small activations, and what flows back through them, vanish.
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
const found = np.tanh(np.array([1e-8, 1e-4, 0.1])).js();
console.log("jax-js 0.1.25: tanh([1e-8, 1e-4, 0.1]) =", found, "(right:", [1e-8, 1e-4, 0.1].map(Math.tanh), ")");
process.exit(found[0] === 0 && Math.abs(found[2] - Math.tanh(0.1)) < 1e-6 ? 0 : 1);
SCRIPT
node seen.mjs
