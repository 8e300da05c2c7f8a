/**
 * What a GPU does at most: multiply-adds of f32 in registers, and copying a buffer that caches do not hold. Timed by its own clock,
 * or without one by ours, until the queue is empty.
 */
import type { Ceiling } from "../machine.ts";
import { bestRate } from "../profile/best-rate.ts";
import { usages } from "./buffers.ts";
import type { GpuConnection } from "./connection.ts";
import { labelPrefix } from "./health.ts";
import { elapsedMs, Stopwatch, watchBytes } from "./stopwatch.ts";

const size = 256;
/** Chains of four numbers in an invocation, and multiply-adds of each in a round. */
const [chains, steps] = [8, 128];

const multiplyAdds = `
@group(0) @binding(0) var<storage, read> from_: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> to_: array<vec4f>;
@compute @workgroup_size(${size})
fn main(@builtin(global_invocation_id) id: vec3u) {
  let x = from_[0];
  let y = from_[1];
  ${each((i) => `var s${i} = from_[${i}];`)}
  for (var i = 0u; i < ${steps}u; i++) {
    ${each((i) => `s${i} = fma(s${i}, x, y);`)}
  }
  to_[id.x] = ${Array.from({ length: chains }, (_, i) => `s${i}`).join(" + ")};
}`;

const copying = `
@group(0) @binding(0) var<storage, read> from_: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> to_: array<vec4f>;
@compute @workgroup_size(${size})
fn main(@builtin(global_invocation_id) id: vec3u) {
  to_[id.x] = from_[id.x];
}`;

function each(line: (i: number) => string): string {
  return Array.from({ length: chains }, (_, i) => line(i)).join("\n  ");
}

const vectorBytes = 16;
const mapRead = 0x01;

export async function gpuCeiling({ device, limits, isSoftware }: GpuConnection): Promise<Ceiling> {
  const most = Math.min(limits.maxBufferSize, limits.maxStorageBufferBindingSize, isSoftware ? 2 ** 24 : 2 ** 26);
  const groups = Math.min(limits.maxComputeWorkgroupsPerDimension, Math.floor(most / (size * vectorBytes)));
  const busy = Math.min(groups, isSoftware ? 64 : 4096);
  const bytes = groups * size * vectorBytes;
  const label = `${labelPrefix} ceiling`;
  const [from, to] = [0, 1].map(() => device.createBuffer({ label, size: bytes, usage: usages.storage }));
  const staging = device.createBuffer({ label, size: watchBytes, usage: usages.mapRead | usages.copyDst });
  const watch = Stopwatch.of(device);
  try {
    if (from === undefined || to === undefined) return { flops: 0, bytes: 0 };
    const launcher = async (code: string, workgroups: number): Promise<(rounds: number) => Promise<number>> => {
      const compute = { module: device.createShaderModule({ label, code }), entryPoint: "main" };
      const pipeline = await device.createComputePipelineAsync({ label, layout: "auto", compute });
      const entries = [from, to].map((buffer, binding) => ({ binding, resource: { buffer } }));
      const group = device.createBindGroup({ label, layout: pipeline.getBindGroupLayout(0), entries });
      return async (rounds) => {
        const encoder = device.createCommandEncoder({ label });
        const pass = encoder.beginComputePass(watch === null ? {} : { timestampWrites: watch.writes });
        pass.setPipeline(pipeline);
        pass.setBindGroup(0, group);
        for (let i = 0; i < rounds; i++) pass.dispatchWorkgroups(workgroups);
        pass.end();
        if (watch !== null) encoder.copyBufferToBuffer(watch.resolve(encoder), 0, staging, 0, watchBytes);
        const began = performance.now();
        device.queue.submit([encoder.finish()]);
        await device.queue.onSubmittedWorkDone();
        const ms = performance.now() - began;
        if (watch === null) return ms;
        await staging.mapAsync(mapRead);
        const times = staging.getMappedRange().slice(0);
        staging.unmap();
        return elapsedMs(times) ?? ms;
      };
    };
    const flops = 2 * 4 * chains * steps * busy * size;
    return {
      flops: await bestRate(await launcher(multiplyAdds, busy), flops, 4096),
      bytes: await bestRate(await launcher(copying, groups), 2 * bytes, 256),
    };
  } finally {
    for (const buffer of [from, to, staging]) buffer?.destroy();
    watch?.dispose();
  }
}
