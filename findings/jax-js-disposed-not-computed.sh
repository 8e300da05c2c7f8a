#!/usr/bin/env bash
# jax-js 0.1.25: a call, of a jitted function too, computes nothing until its result is read or waited for, and nothing ever where that is
# disposed of before. In JAX a call starts the work. So a benchmark that calls `f(x).dispose()` in a loop and waits for the last result
# alone measures one call: 1 kernel is run for 10 calls, where 10 calls that are each waited for run 10.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . @jax-js/jax@0.1.25 >/dev/null
cat >seen.mjs <<'SCRIPT'
globalThis.navigator ??= {}; // jax-js asks for it; Node 20 has none
// the WebAssembly backend makes an instance of its kernel for every run of it
let runs = 0;
WebAssembly.Instance = class extends WebAssembly.Instance {
  constructor(...parts) {
    super(...parts);
    runs += 1;
  }
};
const { defaultDevice, init, jit, numpy: np } = await import("@jax-js/jax");
await init();
defaultDevice("wasm");
const f = jit((x) => np.sin(x).mul(2));
const x = np.ones([8, 8]);
const during = async (work) => {
  const before = runs;
  await work();
  return runs - before;
};
await f(x.ref).blockUntilReady(); // compiled
const waited = await during(async () => {
  for (let i = 0; i < 10; i++) (await f(x.ref).blockUntilReady()).dispose();
});
const disposed = await during(async () => {
  for (let i = 0; i < 9; i++) f(x.ref).dispose();
  await f(x.ref).blockUntilReady();
});
console.log(`jax-js 0.1.25: kernels run for 10 calls: ${waited} where each is waited for, ${disposed} where 9 are disposed of and the last is waited for`);
process.exit(waited === 10 && disposed === 1 ? 0 : 1);
SCRIPT
node seen.mjs
