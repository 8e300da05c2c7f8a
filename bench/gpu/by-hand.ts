/**
 * The floor of a GPU, by hand: `node by-hand.mjs DATA`. A copy, and a product of f32 matrices, in plain WGSL.
 *
 * The product is the fastest of those tried on an NVIDIA H100 (38 TFLOP/s at 4096, where its library has 51): tiles of 64x64, 8 deep,
 * 128 invocations of 8x4 sums in registers each; A's tile staged transposed, B's as vectors; the next tile is loaded into registers
 * while this one is multiplied.
 */
import { operandOf, probe } from "./numbers.ts";
import type { GpuWorkload } from "./rows.ts";
import { type GpuSystem, type Prepared, serveGpu } from "./serve.ts";

const [folder = ""] = process.argv.slice(2);
const workgroup = 256;
/** Vectors of 16 bytes that an invocation copies. */
const copied = 4;

export const copyKernel = `
@group(0) @binding(0) var<storage, read> given: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> made: array<vec4f>;
@compute @workgroup_size(${workgroup})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let first = group.x * ${workgroup * copied}u + lane;
${Array.from({ length: copied }, (_, i) => `  if (first + ${i * workgroup}u < arrayLength(&made)) { made[first + ${i * workgroup}u] = given[first + ${i * workgroup}u]; }`).join("\n")}
}`;

const tile = 64;
const depth = 8;
const sums = Array.from({ length: 8 }, (_, i) => i);

/** For matrices of n rows and columns, n a multiple of 64. */
export function productKernel(n: number): string {
  const quarter = n / 4;
  return `
@group(0) @binding(0) var<storage, read> a: array<vec4f>;
@group(0) @binding(1) var<storage, read> b: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> c: array<vec4f>;
var<workgroup> left: array<f32, ${depth * tile}>;
var<workgroup> right: array<vec4f, ${(depth * tile) / 4}>;
@compute @workgroup_size(128)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = lane / 2u; // of A's tile, of which an invocation loads a vector along its columns
  let part = lane % 2u;
  let deep = lane / 16u; // of B's tile, and which 8x4 sums are this invocation's
  let wide = lane % 16u;
  let fromA = (group.y * ${tile}u + row) * ${quarter}u + part;
  let fromB = deep * ${quarter}u + group.x * ${tile / 4}u + wide;
  var nextA = a[fromA];
  var nextB = b[fromB];
${sums.map((i) => `  var sum${i} = vec4f();`).join("\n")}
  for (var k = 0u; k < ${n / depth}u; k++) {
    workgroupBarrier();
${["x", "y", "z", "w"].map((lane, i) => `    left[(part * 4u + ${i}u) * ${tile}u + row] = nextA.${lane};`).join("\n")}
    right[lane] = nextB;
    workgroupBarrier();
    let next = min(k + 1u, ${n / depth - 1}u);
    nextA = a[fromA + next * ${depth / 4}u];
    nextB = b[fromB + next * ${depth * quarter}u];
    for (var d = 0u; d < ${depth}u; d++) {
      let across = right[d * 16u + wide];
${sums.map((i) => `      sum${i} += left[d * ${tile}u + deep * 8u + ${i}u] * across;`).join("\n")}
    }
  }
  let to = (group.y * ${tile}u + deep * 8u) * ${quarter}u + group.x * ${tile / 4}u + wide;
${sums.map((i) => `  c[to + ${i}u * ${quarter}u] = sum${i};`).join("\n")}
}`;
}

interface Launch {
  readonly code: string;
  readonly operands: readonly Float32Array[];
  readonly resultBytes: number;
  readonly groups: readonly [number, number];
}

function launchOf(workload: GpuWorkload, numbers: Float32Array): Launch | undefined {
  if (workload.kind === "copy") {
    const bytes = Math.ceil(workload.bytes / 32) * 16; // half of them are read, half written
    const groups = Math.ceil(bytes / (16 * workgroup * copied));
    return { code: copyKernel, operands: [operandOf(numbers, 0, bytes / 4)], resultBytes: bytes, groups: [groups, 1] };
  }
  if (workload.kind !== "handProduct") return undefined;
  const { n } = workload;
  const operands = [operandOf(numbers, 0, n * n), operandOf(numbers, n * n, n * n)];
  return { code: productKernel(n), operands, resultBytes: 4 * n * n, groups: [n / tile, n / tile] };
}

class ByHand implements GpuSystem {
  readonly #device: GPUDevice;
  readonly #buffers: GPUBuffer[] = [];

  constructor(device: GPUDevice) {
    this.#device = device;
  }

  async prepare(workload: GpuWorkload, { numbers }: { readonly numbers: Float32Array }): Promise<Prepared | string> {
    for (const buffer of this.#buffers.splice(0)) buffer.destroy();
    const launch = launchOf(workload, numbers);
    if (launch === undefined) return "not by hand";
    const device = this.#device;
    const module = device.createShaderModule({ code: launch.code });
    const pipeline = await device.createComputePipelineAsync({ layout: "auto", compute: { module } });
    const result = this.#buffer(launch.resultBytes);
    const buffers = [...launch.operands.map((values) => this.#buffer(values.byteLength, values)), result];
    const bindGroup = device.createBindGroup({
      layout: pipeline.getBindGroupLayout(0),
      entries: buffers.map((buffer, binding) => ({ binding, resource: { buffer } })),
    });
    const encode = (calls: number): void => {
      const encoder = device.createCommandEncoder();
      const pass = encoder.beginComputePass();
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, bindGroup);
      for (let i = 0; i < calls; i++) pass.dispatchWorkgroups(...launch.groups);
      pass.end();
      device.queue.submit([encoder.finish()]);
    };
    return {
      async run() {
        encode(workload.calls);
        await device.queue.onSubmittedWorkDone();
      },
      check: async () => {
        if (workload.kind === "copy") return []; // nobody else has its result
        encode(1);
        return probe(new Float32Array(await this.#read(result)));
      },
    };
  }

  #buffer(size: number, values?: Float32Array): GPUBuffer {
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
    const buffer = this.#device.createBuffer({ size, usage, mappedAtCreation: values !== undefined });
    if (values !== undefined) {
      new Float32Array(buffer.getMappedRange()).set(values);
      buffer.unmap();
    }
    this.#buffers.push(buffer);
    return buffer;
  }

  async #read(buffer: GPUBuffer): Promise<ArrayBuffer> {
    const { size } = buffer;
    const staging = this.#device.createBuffer({ size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
    const encoder = this.#device.createCommandEncoder();
    encoder.copyBufferToBuffer(buffer, 0, staging, 0, size);
    this.#device.queue.submit([encoder.finish()]);
    await staging.mapAsync(GPUMapMode.READ);
    const bytes = staging.getMappedRange().slice(0);
    staging.destroy();
    return bytes;
  }
}

await serveGpu(folder, async () => {
  const adapter = await navigator.gpu.requestAdapter({ powerPreference: "high-performance" });
  if (adapter === null) throw new Error("WebGPU found no adapter");
  const { maxStorageBufferBindingSize, maxBufferSize } = adapter.limits;
  const device = await adapter.requestDevice({ requiredLimits: { maxStorageBufferBindingSize, maxBufferSize } });
  return new ByHand(device);
});
