/**
 * What one call of an entry does on a GPU: launches, copies, and loops of them, which are recorded again and again as a command
 * buffer has none. A kernel in a loop reads which iteration it is from a buffer of the numbers 0, 1, 2, ...
 */

type Segment = "state" | "arena" | "input" | "output";

export interface GpuMemory extends Readonly<Record<Segment, GPUBuffer>> {
  /** For copies within one buffer, which WebGPU does not make. */
  readonly bounce: GPUBuffer;
  readonly counters: GPUBuffer;
}

/** Where a copy begins: so many bytes further for each iteration of the loops at these depths. */
export interface GpuStart {
  readonly segment: Segment;
  readonly at: number;
  readonly strides?: readonly (readonly [depth: number, bytes: number])[];
}

export type GpuStep =
  | {
      readonly kernel: number;
      readonly buffers: readonly (readonly [segment: Segment, at: number, bytes: number])[];
      /** The depths of the loops that it is told the iteration of. */
      readonly loops?: readonly number[];
    }
  | { readonly from: GpuStart; readonly to: GpuStart; readonly bytes: number }
  | { readonly depth: number; readonly times: number; readonly steps: readonly GpuStep[] };

export interface CompiledKernel {
  readonly pipeline: GPUComputePipeline;
  readonly bindGroupLayouts: readonly GPUBindGroupLayout[];
  readonly workgroups: readonly [number, number, number];
}

/** Records a step, the loops around it being at these iterations. */
export type Recorded = (to: Recording, iterations: number[]) => void;

/** WebGPU's least alignment of a uniform buffer's offset. */
export const counterBytes = 256;

/** Commands, of which launches share a pass until a copy stands between them. */
export class Recording {
  readonly #encoder: GPUCommandEncoder;
  #pass: GPUComputePassEncoder | undefined;

  constructor(encoder: GPUCommandEncoder) {
    this.#encoder = encoder;
  }

  get pass(): GPUComputePassEncoder {
    this.#pass ??= this.#encoder.beginComputePass();
    return this.#pass;
  }

  /** The encoder, outside of any pass. */
  get between(): GPUCommandEncoder {
    this.#pass?.end();
    this.#pass = undefined;
    return this.#encoder;
  }
}

/** Steps bound to memory: once, so that a call makes nothing but commands. */
export function bindSteps(device: GPUDevice, kernels: readonly CompiledKernel[], memory: GpuMemory) {
  const groupOf = (layout: GPUBindGroupLayout, resources: readonly GPUBufferBinding[]): GPUBindGroup =>
    device.createBindGroup({ layout, entries: resources.map((resource, binding) => ({ binding, resource })) });
  const all = (steps: readonly GpuStep[]): Recorded => {
    const bound = steps.map(one);
    return (to, iterations) => {
      for (const step of bound) step(to, iterations);
    };
  };
  const one = (step: GpuStep): Recorded => {
    if ("times" in step) {
      const body = all(step.steps);
      return (to, iterations) => {
        for (let i = 0; i < step.times; i++) {
          iterations[step.depth] = i;
          body(to, iterations);
        }
      };
    }
    if ("from" in step) {
      const { from, to, bytes } = step;
      const copy = (encoder: GPUCommandEncoder, a: GPUBuffer, aAt: number, b: GPUBuffer, bAt: number): void =>
        encoder.copyBufferToBuffer(a, aAt, b, bAt, bytes);
      const { [from.segment]: source, [to.segment]: end, bounce } = memory;
      return ({ between }, iterations) => {
        const [fromAt, toAt] = [placeOf(from, iterations), placeOf(to, iterations)];
        if (source !== end) return copy(between, source, fromAt, end, toAt);
        copy(between, source, fromAt, bounce, 0);
        copy(between, bounce, 0, end, toAt);
      };
    }
    const kernel = kernels[step.kernel];
    const [layout, iterationLayout] = kernel?.bindGroupLayouts ?? [];
    if (kernel === undefined || layout === undefined) throw new Error(`there is no kernel ${step.kernel}`);
    const { buffers, loops = [] } = step;
    const { pipeline, workgroups } = kernel;
    const group = groupOf(layout, buffers.map(([segment, offset, size]) => ({ buffer: memory[segment], offset, size }))); // biome-ignore format: short
    const counters =
      iterationLayout &&
      groupOf(
        iterationLayout,
        loops.map(() => ({ buffer: memory.counters, size: 4 })),
      );
    return ({ pass }, iterations) => {
      if (workgroups.includes(0)) return;
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, group);
      const offsets = loops.map((depth) => counterBytes * (iterations[depth] ?? 0));
      if (counters !== undefined) pass.setBindGroup(1, counters, offsets);
      pass.dispatchWorkgroups(...workgroups);
    };
  };
  return all;
}

function placeOf({ at, strides = [] }: GpuStart, iterations: readonly number[]): number {
  return strides.reduce((sum, [depth, bytes]) => sum + bytes * (iterations[depth] ?? 0), at);
}
