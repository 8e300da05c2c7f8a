/**
 * The least a device must do before anything else about it is worth testing: run a kernel, and say what is wrong with one.
 */
import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import type { GpuCase } from "../case.ts";

export const cases: readonly GpuCase[] = [
  {
    name: "a dispatch doubles numbers, and its guard leaves the tail alone",
    async run({ device }) {
      const count = 100; // not a multiple of the workgroup's 64
      const numbers = Float32Array.from({ length: 128 }, (_, i) => i + 0.25);
      const data = device.createBuffer({
        size: numbers.byteLength,
        usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC,
      });
      const staging = device.createBuffer({
        size: numbers.byteLength,
        usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
      });
      device.queue.writeBuffer(data, 0, numbers);
      const module = device.createShaderModule({
        code: `
          @group(0) @binding(0) var<storage, read_write> data: array<f32>;
          @compute @workgroup_size(64) fn double(@builtin(global_invocation_id) id: vec3<u32>) {
            if (id.x < ${count}u) { data[id.x] = 2.0 * data[id.x]; }
          }`,
      });
      const pipeline = await device.createComputePipelineAsync({ layout: "auto", compute: { module } });
      const group = device.createBindGroup({
        layout: pipeline.getBindGroupLayout(0),
        entries: [{ binding: 0, resource: { buffer: data } }],
      });
      const encoder = device.createCommandEncoder();
      const pass = encoder.beginComputePass();
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, group);
      pass.dispatchWorkgroups(Math.ceil(count / 64));
      pass.end();
      encoder.copyBufferToBuffer(data, 0, staging, 0, numbers.byteLength);
      device.queue.submit([encoder.finish()]);
      await staging.mapAsync(GPUMapMode.READ);
      const result = new Float32Array(staging.getMappedRange().slice(0));
      staging.destroy();
      data.destroy();
      deepStrictEqual(
        result,
        numbers.map((value, i) => (i < count ? 2 * value : value)),
      );
    },
  },
  {
    name: "a mistake in WGSL is reported with its line by getCompilationInfo",
    async run({ device }) {
      device.pushErrorScope("validation");
      const module = device.createShaderModule({
        code: "@compute @workgroup_size(1) fn main() {\n  let x: f32 = missing;\n}\n",
      });
      const { messages } = await module.getCompilationInfo();
      const error = await device.popErrorScope();
      ok(error !== null, "the device takes the module for valid");
      const first = messages.find((message) => message.type === "error");
      ok(first !== undefined, "no error message");
      strictEqual(first.lineNum, 2);
      ok(first.message.includes("missing"), first.message);

      device.pushErrorScope("validation");
      await rejects(device.createComputePipelineAsync({ layout: "auto", compute: { module } }), {
        reason: "validation",
      });
      await device.popErrorScope();
    },
  },
  {
    name: "the device has the limits of its adapter, not the defaults",
    async run({ device, adapter }) {
      for (const name of ["maxStorageBuffersPerShaderStage", "maxStorageBufferBindingSize", "maxBufferSize"] as const)
        strictEqual(device.limits[name], adapter.limits[name], name);
    },
  },
];
