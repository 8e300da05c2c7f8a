/** The wgsl target: a compute pipeline for each kernel. Calls are handed to the GPU in their order, and give promises. */
import { bytesOf, type ModuleFile, type Options } from "./files.ts";
import { bindSteps, counterBytes, type GpuMemory, type GpuStep, Recording } from "./gpu-steps.ts";
import { decode, encode } from "./safetensors.ts";
import { arrays, countOf, type Entry, nameOf, type Slot, type State, type Values } from "./slots.ts";
import { inputValues, stateValues, valueIn } from "./values.ts";

export interface GpuKernel {
  readonly file: ModuleFile;
  /** How each of its buffers is used, in the order of its bindings. */
  readonly access: readonly ("read-only-storage" | "storage")[];
  /** How many loops around it it is told the iteration of. */
  readonly iterations: number;
  readonly workgroups: readonly [number, number, number];
}

export interface GpuProgram {
  readonly start: ModuleFile;
  readonly states: readonly State[];
  readonly kernels: readonly GpuKernel[];
  /** Bytes of each buffer; `bounce` is for copies within one, `iterations` counts those of the longest loop. */
  readonly bytes: { readonly state: number; readonly arena: number; readonly bounce: number };
  readonly iterations: number;
  readonly entries: readonly GpuEntry[];
}

export interface GpuEntry extends Entry {
  readonly bytes: { readonly input: number; readonly output: number };
  readonly steps: readonly GpuStep[];
}

export interface GpuOptions extends Options {
  /** Where there is no `navigator.gpu`: in Node that of the package webgpu. */
  readonly gpu?: GPU;
  /** One that is open already; it stays so after `dispose`. */
  readonly device?: GPUDevice;
}

/** WebGPU's numbers, which are globals in browsers alone. */
const gpuUses = { read: 0x1, from: 0x4, to: 0x8, uniform: 0x40, storage: 0x80 };

export async function createGpu(program: GpuProgram, options: GpuOptions): Promise<object> {
  const { states, bytes } = program;
  const [device, file] = await Promise.all([
    options.device ?? openDevice(options.gpu ?? globalThis.navigator?.gpu),
    options.state ?? bytesOf(program.start, options),
  ]);
  let lost: Error | undefined;
  device.lost.then(({ message }) => {
    lost = new Error(`the GPU is gone: ${message}`);
  });
  const made: GPUBuffer[] = [];
  const newBuffer = (size: number, usage: number): GPUBuffer => {
    const buffer = device.createBuffer({ size: Math.max(4, size), usage });
    made.push(buffer);
    return buffer;
  };
  const memory = (size: number): GPUBuffer => newBuffer(size, gpuUses.storage | gpuUses.from | gpuUses.to);

  /** Copies of ranges of a buffer, as they are after all calls so far. */
  const read = async (buffer: GPUBuffer, slots: readonly Slot[], encoder = device.createCommandEncoder()) => {
    const { places, end } = sideBySide(slots);
    const room = device.createBuffer({ size: Math.max(4, end), usage: gpuUses.read | gpuUses.to });
    for (const { slot, at, size } of places) encoder.copyBufferToBuffer(buffer, slot.at, room, at, size);
    device.queue.submit([encoder.finish()]);
    await room.mapAsync(gpuUses.read).catch((error) => {
      throw lost ?? error;
    });
    const mapped = room.getMappedRange();
    const found = places.map(({ slot, at }) => fromGpu(slot, mapped, at));
    room.destroy();
    return found;
  };
  const write = (buffer: GPUBuffer, slot: Slot, values: Values): void => {
    if (lost !== undefined) throw lost;
    if (values.length > 0) device.queue.writeBuffer(buffer, slot.at, toGpu(slot, values));
  };

  for (const filter of ["validation", "out-of-memory"] as const) device.pushErrorScope(filter);
  const shared = { state: memory(bytes.state), arena: memory(bytes.arena), bounce: memory(bytes.bounce) };
  const counters = newBuffer(counterBytes * program.iterations, gpuUses.uniform | gpuUses.to);
  const numbers = new Uint32Array((counterBytes / 4) * program.iterations).map((_, i) =>
    Math.floor((4 * i) / counterBytes),
  );
  device.queue.writeBuffer(counters, 0, numbers);
  const kernels = await Promise.all(program.kernels.map((kernel) => compiled(device, kernel, options)));
  const calls = program.entries.map((entry) => {
    const segments: GpuMemory = {
      ...shared,
      input: memory(entry.bytes.input),
      output: memory(entry.bytes.output),
      counters,
    };
    const recorded = bindSteps(device, kernels, segments)(entry.steps);
    const call = async (inputs: unknown = {}): Promise<unknown> => {
      const given = entry.inputs.map((slot) => inputValues(inputs, slot, entry));
      for (const [i, slot] of entry.inputs.entries()) write(segments.input, slot, given[i] ?? new Uint8Array());
      const encoder = device.createCommandEncoder();
      const recording = new Recording(encoder);
      recorded(recording, []);
      const values = await read(segments.output, entry.outputs, recording.between);
      return entry.result(entry.outputs.map((slot, i) => valueIn(values[i] ?? new Uint8Array(), slot)));
    };
    return [entry.name, call] as const;
  });
  const wrong = (await device.popErrorScope()) ?? (await device.popErrorScope());
  if (wrong !== null) throw new Error(`the GPU refuses the program: ${wrong.message}`);

  const find = (name: string): State => {
    const slot = states.find((state) => nameOf(state) === name);
    if (slot === undefined) throw new TypeError(`there is no state "${name}"`);
    return slot;
  };
  const state = {
    names: states.map(nameOf),
    read: async (name: string) => (await read(shared.state, [find(name)]))[0],
    write: (name: string, values: unknown) => write(shared.state, find(name), stateValues(values, find(name))),
    save: async () => encode(states, await read(shared.state, states)),
    load(from: Uint8Array | ArrayBuffer): void {
      for (const [i, values] of decode(from, states).entries()) {
        const slot = states[i];
        if (slot !== undefined) write(shared.state, slot, values);
      }
    },
  };
  state.load(file);
  const dispose = (): void => {
    for (const buffer of made) buffer.destroy();
    if (options.device === undefined) device.destroy();
  };
  return Object.fromEntries<unknown>([["state", state], ["dispose", dispose], ...calls]);
}

/** With buffers as large as the GPU has them. */
async function openDevice(gpu: GPU | undefined): Promise<GPUDevice> {
  const adapter = await gpu?.requestAdapter({ powerPreference: "high-performance" });
  if (!adapter) throw new Error("there is no WebGPU here, or it finds no GPU");
  const { maxBufferSize, maxStorageBufferBindingSize } = adapter.limits;
  return adapter.requestDevice({ requiredLimits: { maxBufferSize, maxStorageBufferBindingSize } });
}

async function compiled(device: GPUDevice, { file, access, iterations, workgroups }: GpuKernel, options: Options) {
  const code = new TextDecoder().decode(await bytesOf(file, options));
  const groups: GPUBindGroupLayoutEntry[][] = [
    access.map((type, binding) => ({ binding, visibility: 4, buffer: { type } })),
    Array.from({ length: iterations }, (_, binding) => {
      return { binding, visibility: 4, buffer: { type: "uniform", hasDynamicOffset: true, minBindingSize: 4 } };
    }),
  ];
  const bindGroupLayouts = groups
    .filter((entries, i) => i === 0 || entries.length > 0)
    .map((entries) => device.createBindGroupLayout({ entries }));
  const pipeline = await device.createComputePipelineAsync({
    label: file.name,
    layout: device.createPipelineLayout({ bindGroupLayouts }),
    compute: { module: device.createShaderModule({ label: file.name, code }), entryPoint: "main" },
  });
  return { pipeline, bindGroupLayouts, workgroups };
}

function sideBySide(slots: readonly Slot[]) {
  let end = 0;
  const places = slots.map((slot) => {
    const [at, size] = [end, gpuBytes(slot)];
    end += size;
    return { slot, at, size };
  });
  return { places, end };
}

/** A bool is a word there, and everything ends with a whole word. */
function gpuBytes(slot: Slot): number {
  const width = slot.dtype === "bool" ? 4 : arrays[slot.dtype].BYTES_PER_ELEMENT;
  return 4 * Math.max(1, Math.ceil((countOf(slot) * width) / 4));
}

function toGpu(slot: Slot, values: Values): Uint8Array<ArrayBuffer> {
  const held = slot.dtype === "bool" ? Uint32Array.from(values) : values;
  const bytes = new Uint8Array(gpuBytes(slot));
  bytes.set(new Uint8Array(held.buffer, held.byteOffset, held.byteLength));
  return bytes;
}

function fromGpu(slot: Slot, memory: ArrayBuffer, at: number): Values {
  const count = countOf(slot);
  if (slot.dtype === "bool") return Uint8Array.from(new Uint32Array(memory, at, count));
  return new arrays[slot.dtype](memory, at, count).slice();
}
