/**
 * Runs one scheduled kernel on a device, the plain way: buffers made, filled, read back and destroyed for each launch.
 */
import { strictEqual } from "node:assert/strict";
import { printWgsl } from "../../codegen/wgsl/print.ts";
import { legalizeKernel } from "../../codegen/wgsl/quirks.ts";
import { heldIn, isShort, valueIn } from "../../src/core/dtype.ts";
import type { Memory } from "../../src/kernel/evaluate-memory.ts";
import type { BufferParam, Kernel } from "../../src/kernel/kernel.ts";

/** Runs a scheduled kernel once; gives what is in its buffers afterwards, and its text. */
export async function launch(
  device: GPUDevice,
  kernel: Kernel,
  feeds: ReadonlyMap<string, Memory>,
  most = 65535,
): Promise<{ readonly buffers: ReadonlyMap<string, readonly number[]>; readonly source: string }> {
  const printed = printWgsl(legalizeKernel(kernel), { maxWorkgroupsPerDimension: most });
  device.pushErrorScope("validation");
  const module = device.createShaderModule({ code: printed.source });
  const { messages } = await module.getCompilationInfo();
  const errors = messages.map(({ type, lineNum, message }) => `${type} in line ${lineNum}: ${message}`);
  if (messages.some(({ type }) => type === "error")) throw new Error(`${errors.join("\n")}\n${printed.source}`);
  const pipeline = await device.createComputePipelineAsync({
    layout: "auto",
    compute: { module, entryPoint: printed.entryPoint },
  });
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
  const arrays = printed.bindings.map(({ param, bytes }) => {
    const array = device.createBuffer({ size: bytes, usage });
    const memory = feeds.get(param);
    if (memory !== undefined) device.queue.writeBuffer(array, 0, pack(memory, bytes / 4));
    return array;
  });
  const entries: GPUBindGroupEntry[] = arrays.map((array, binding) => ({ binding, resource: { buffer: array } }));
  const used = new Set(bindingsIn(printed.source));
  const group = device.createBindGroup({
    layout: pipeline.getBindGroupLayout(0),
    entries: entries.filter(({ binding }) => used.has(binding)),
  });
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, group);
  pass.dispatchWorkgroups(...printed.workgroups);
  pass.end();
  const readers = arrays.map((array) => {
    const reader = device.createBuffer({ size: array.size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
    encoder.copyBufferToBuffer(array, 0, reader, 0, array.size);
    return reader;
  });
  device.queue.submit([encoder.finish()]);
  const buffers = new Map<string, readonly number[]>();
  for (const [n, reader] of readers.entries()) {
    const param = kernel.buffers[n];
    await reader.mapAsync(GPUMapMode.READ);
    if (param !== undefined) buffers.set(param.name, unpack(param, new Uint32Array(reader.getMappedRange().slice(0))));
    reader.destroy();
  }
  for (const array of arrays) array.destroy();
  const error = await device.popErrorScope();
  strictEqual(error, null, `${error?.message}\n${printed.source}`);
  return { buffers, source: printed.source };
}

/** Bindings that the entry point reads or writes: an automatic layout has no others. */
function bindingsIn(source: string): readonly number[] {
  const body = source.slice(source.indexOf("@compute"));
  return [...source.matchAll(/@binding\((\d+)\) var<[^>]*> (\w+):/g)].flatMap(([, binding, name]) =>
    new RegExp(`\\b${name}\\b`).test(body) ? [Number(binding)] : [],
  );
}

// ---- memory as the GPU has it ----------------------------------------------------------------------------------------

function pack({ element, data }: Memory, words: number): ArrayBuffer {
  const bytes = new ArrayBuffer(4 * words);
  const view = new DataView(bytes);
  for (let n = 0; n < data.length; n += 1) {
    const value = data[n] ?? 0;
    if (element === "f32") view.setFloat32(4 * n, value, true);
    else if (element === "u8") view.setUint8(n, value);
    else if (isShort(element)) view.setUint16(2 * n, heldIn(element, value), true);
    else view.setUint32(4 * n, value, true);
  }
  return bytes;
}

function unpack({ element, count }: BufferParam, words: Uint32Array): readonly number[] {
  const view = new DataView(words.buffer);
  return Array.from({ length: count }, (_, n) => {
    if (element === "f32") return view.getFloat32(4 * n, true);
    if (element === "i32") return view.getInt32(4 * n, true);
    if (element === "u8") return view.getUint8(n);
    return isShort(element) ? valueIn(element, view.getUint16(2 * n, true)) : view.getUint32(4 * n, true);
  });
}
