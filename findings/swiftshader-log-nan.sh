#!/usr/bin/env bash
# SwiftShader (of @sparticuz/chromium 141.0.0) by way of Dawn for Node (webgpu 0.6.2): log of a NaN is a finite number, about 89.1, and so is
# log2 of it and its power to 0.5, where sqrt, sin and atan keep a NaN. WGSL promises nothing about NaN; but a loss that ends in log(p)
# reads as a plausible number where p is NaN.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . webgpu@0.6.2 @sparticuz/chromium@141.0.0 >/dev/null
# a WebGPU adapter in software, which that package brings along
node -e 'process.stdout.write(require("node:zlib").brotliDecompressSync(require("node:fs").readFileSync("node_modules/@sparticuz/chromium/bin/swiftshader.tar.br")))' | tar x
cat >seen.mjs <<'SCRIPT'
import { create, globals } from "webgpu";
Object.assign(globalThis, globals);
const gpu = (globalThis.kept = create([]));
const device = await (await gpu.requestAdapter()).requestDevice();
// what a WGSL expression of x is for each of the numbers
async function values(expression, numbers) {
  const code = `
    @group(0) @binding(0) var<storage, read> xs: array<f32>;
    @group(0) @binding(1) var<storage, read_write> ys: array<f32>;
    @compute @workgroup_size(1) fn main(@builtin(workgroup_id) id: vec3u) {
      let x = xs[id.x];
      ys[id.x] = ${expression};
    }`;
  const module = device.createShaderModule({ code });
  const pipeline = await device.createComputePipelineAsync({ layout: "auto", compute: { module } });
  const size = 4 * numbers.length;
  const [xs, ys] = [0, 1].map(() => device.createBuffer({ size, usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST }));
  const read = device.createBuffer({ size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
  device.queue.writeBuffer(xs, 0, new Float32Array(numbers));
  const entries = [xs, ys].map((buffer, binding) => ({ binding, resource: { buffer } }));
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }));
  pass.dispatchWorkgroups(numbers.length);
  pass.end();
  encoder.copyBufferToBuffer(ys, 0, read, 0, size);
  device.queue.submit([encoder.finish()]);
  await read.mapAsync(GPUMapMode.READ);
  return [...new Float32Array(read.getMappedRange().slice(0))];
}
const lost = {};
const kept = {};
for (const f of ["log(x)", "log2(x)", "pow(x, 0.5)"]) [lost[f]] = await values(f, [Number.NaN]);
for (const f of ["x", "sqrt(x)", "sin(x)", "atan(x)"]) [kept[f]] = await values(f, [Number.NaN]);
console.log("SwiftShader by webgpu 0.6.2: at x = NaN", lost, kept);
device.destroy();
process.exit(Object.values(lost).every(Number.isFinite) && Object.values(kept).every(Number.isNaN) ? 0 : 1);
SCRIPT
LD_LIBRARY_PATH=$folder VK_ICD_FILENAMES=$folder/vk_swiftshader_icd.json node seen.mjs
