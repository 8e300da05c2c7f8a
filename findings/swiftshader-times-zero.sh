#!/usr/bin/env bash
# SwiftShader (of @sparticuz/chromium 141.0.0) by way of Dawn for Node (webgpu 0.6.2): x * 0.0 is 0 for an infinite x and for a NaN that are
# read from a buffer, where x times a 0 that is read as well is NaN. WGSL lets a compiler do so; but x * 0.0 is how a shader, which has no
# isNan, asks whether x is finite, and how it carries a NaN on: with a literal that asks nothing.
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
      let zero = xs[${numbers.length}];
      ys[id.x] = ${expression};
    }`;
  const module = device.createShaderModule({ code });
  const pipeline = await device.createComputePipelineAsync({ layout: "auto", compute: { module } });
  const size = 4 * (numbers.length + 1);
  const [xs, ys] = [0, 1].map(() => device.createBuffer({ size, usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST }));
  const read = device.createBuffer({ size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
  device.queue.writeBuffer(xs, 0, new Float32Array([...numbers, 0]));
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
  return [...new Float32Array(read.getMappedRange().slice(0))].slice(0, -1);
}
const numbers = [Infinity, -Infinity, Number.NaN, 2];
const literal = await values("x * 0.0", numbers);
const read = await values("x * zero", numbers);
console.log("SwiftShader by webgpu 0.6.2: x =", numbers, "x * 0.0 =", literal, "x * zero that was read =", read);
device.destroy();
process.exit(literal.every((y) => y === 0) && read.slice(0, 3).every(Number.isNaN) && read[3] === 0 ? 0 : 1);
SCRIPT
LD_LIBRARY_PATH=$folder VK_ICD_FILENAMES=$folder/vk_swiftshader_icd.json node seen.mjs
