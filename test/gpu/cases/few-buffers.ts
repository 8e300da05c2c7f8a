/**
 * Programs that touch more than the 8 buffers a kernel that every WebGPU guarantees, on a device with these limits.
 */
import { ok, strictEqual } from "node:assert/strict";
import type { Program } from "../../../src/dsl/program.ts";
import { jacobianFeeds, jacobianStep, lstmFeeds, lstmStep } from "../../wide-programs.ts";
import { sameAsJs } from "../against-js.ts";
import type { GpuCase } from "../case.ts";

async function onEightBuffers(gpu: GPU, made: Program<unknown>, feeds: readonly object[]): Promise<void> {
  const device = await (await gpu.requestAdapter())?.requestDevice();
  ok(device !== undefined);
  strictEqual(device.limits.maxStorageBuffersPerShaderStage, 8);
  try {
    const calls = feeds.map((one) => ({ feeds: one as Record<string, Float32Array> }));
    await sameAsJs(device, made, calls, { tolerance: 1e-5 });
  } finally {
    device.destroy();
  }
}

export const cases: readonly GpuCase[] = [
  {
    name: "an LSTM cell with its update, on eight buffers",
    run: ({ gpu }) => onEightBuffers(gpu, lstmStep as Program<unknown>, [0, 1, 2].map(lstmFeeds)),
  },
  {
    name: "a Jacobian of 64 outputs, on eight buffers",
    run: ({ gpu }) => onEightBuffers(gpu, jacobianStep(64) as Program<unknown>, [jacobianFeeds]),
  },
];
