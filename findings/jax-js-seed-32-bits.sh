#!/usr/bin/env bash
# jax-js 0.1.25: random.key(2 ** 32) draws exactly what random.key(0) draws: only the lower 32 bits of a seed count.
# A seed made of a time in microseconds, or of a hash, is a JavaScript number of up to 53 bits, and nothing says that the
# upper ones are dropped.
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
const draw = (seed) => random.uniform(random.key(seed), [4]).js();
const [zero, large, other] = [draw(0), draw(2 ** 32), draw(1)];
console.log("jax-js 0.1.25: uniform(key(0)) =", zero);
console.log("               uniform(key(2 ** 32)) =", large);
process.exit(String(zero) === String(large) && String(zero) !== String(other) ? 0 : 1);
SCRIPT
node seen.mjs
