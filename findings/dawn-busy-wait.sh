#!/usr/bin/env bash
# Dawn for Node (webgpu 0.6.2): while a promise of WebGPU waits, the event loop turns without a pause, so waiting for the GPU keeps a
# core of the CPU busy: the loop counts as 100% in use for as long as a dispatch takes, where waiting for a timer counts as 0%. In
# browsers the same `await` costs nothing. A short sleep in a chain of setImmediate beside it brings the load down.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . webgpu@0.6.2 @sparticuz/chromium@141.0.0 >/dev/null
# a WebGPU adapter in software, which that package brings along
node -e 'process.stdout.write(require("node:zlib").brotliDecompressSync(require("node:fs").readFileSync("node_modules/@sparticuz/chromium/bin/swiftshader.tar.br")))' | tar x
cat >seen.mjs <<'SCRIPT'
import { create, globals } from "webgpu";
import { performance } from "node:perf_hooks";
Object.assign(globalThis, globals);
const gpu = (globalThis.kept = create([]));
const device = await (await gpu.requestAdapter()).requestDevice();
const code = `
  @group(0) @binding(0) var<storage, read_write> y: array<u32>;
  @compute @workgroup_size(1) fn main() {
    var a = y[0];
    for (var i = 0u; i < 100000000u; i++) { a = a * 1664525u + 1013904223u; }
    y[0] = a;
  }`;
const module = device.createShaderModule({ code });
const pipeline = await device.createComputePipelineAsync({ layout: "auto", compute: { module } });
const buffer = device.createBuffer({ size: 4, usage: GPUBufferUsage.STORAGE });
const group = device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries: [{ binding: 0, resource: { buffer } }] });
const encoder = device.createCommandEncoder();
const pass = encoder.beginComputePass();
pass.setPipeline(pipeline);
pass.setBindGroup(0, group);
pass.dispatchWorkgroups(1);
pass.end();
async function inUse(wait) {
  const before = performance.eventLoopUtilization();
  const start = performance.now();
  await wait();
  const { utilization } = performance.eventLoopUtilization(before);
  return { percent: Math.round(100 * utilization), ms: Math.round(performance.now() - start) };
}
const timer = await inUse(() => new Promise((done) => setTimeout(done, 200)));
device.queue.submit([encoder.finish()]);
const work = await inUse(() => device.queue.onSubmittedWorkDone());
console.log(`${timer.percent} ${timer.ms} ${work.percent} ${work.ms}`);
device.destroy();
process.exit(0);
SCRIPT
read -r timer timerMs work workMs < <(LD_LIBRARY_PATH=$folder VK_ICD_FILENAMES=$folder/vk_swiftshader_icd.json node seen.mjs)
echo "webgpu 0.6.2, node $(node --version): event loop in use $timer% while a timer of $timerMs ms runs, $work% while the GPU works for $workMs ms"
[ "$timer" -lt 20 ] && [ "$work" -gt 80 ] && [ "$workMs" -gt 50 ]
