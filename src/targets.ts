/**
 * Targets: what the pipeline needs to know of each, and which one a program gets.
 *
 *   js     loops over typed arrays: runs everywhere
 *   wasm   WebAssembly with vectors, and threads where memory can be shared
 *   wgsl   compute shaders through WebGPU: the browser's, or Dawn in Node (see nodeGpu in node.ts)
 *
 * `auto` takes a GPU where there is a real one, else WebAssembly; `js` for f64, or where an engine has no vectors. A software
 * GPU (a driver that computes on the CPU) is slower than our own loops, so it is used only where `wgsl` is asked for, or where
 * a page's content security policy allows nothing else.
 */
import { printJsFactory } from "../codegen/js/print.ts";
import { wasmFeatures } from "../codegen/wasm/probe.ts";
import { printWasm } from "../codegen/wasm/step.ts";
import { gpuBytes, printWgsl } from "../codegen/wgsl/print.ts";
import type { WasmBlocks } from "../passes/schedule/panel-cuts.ts";
import { jsPolicy } from "../passes/schedule/policy/js.ts";
import { scheduleKernel } from "../passes/schedule/schedule.ts";
import { joinedBlocks, scheduleWasm, wasmBlocks } from "../passes/schedule/wasm.ts";
import { scheduleWgsl } from "../passes/schedule/wgsl.ts";
import { byteWidth } from "./core/dtype.ts";
import { DeviceError, unreachable } from "./core/errors.ts";
import { count, either, flag, type Kind, type OptionTable, object, oneOf, text } from "./core/options.ts";
import type { Kernel } from "./kernel/kernel.ts";
import type { TargetName, TargetTraits } from "./kernel/target.ts";
import { launchesOf, type Sequence } from "./program/sequence.ts";
import { policyError, whyNoJs, whyNoWasm } from "./runtime/code-policy.ts";
import { JsMachine, linkFactory } from "./runtime/js/machine.ts";
import type { Machine, MachineOptions } from "./runtime/machine.ts";
import type { Gpu, GpuDevice } from "./runtime/platform.ts";
import { allowRelaxedSimd, chooseThreads, findHost, joinsVectors, whyNoWorkers } from "./runtime/wasm/host.ts";
import { WasmMachine } from "./runtime/wasm/machine.ts";
import { adapterSource, browserGpu, deviceSource, type GpuSource, openDevice } from "./runtime/webgpu/device.ts";
import { WebGpuMachine } from "./runtime/webgpu/machine.ts";

/** Which target, and what it may use. */
export interface TargetOptions {
  /** What the program runs on; "auto" by default: a real GPU where there is one, else the CPU. */
  readonly target?: "auto" | TargetName;
  /** WebGPU's entry point: `navigator.gpu` by default; in Node `await nodeGpu()` of "tensorloom/node". */
  readonly gpu?: Gpu;
  /** A device that the caller keeps: it is used as it is, and not destroyed by `dispose()`. */
  readonly device?: GpuDevice;
  /** Of the wasm target: how many threads run a step, or "auto" (the default): one for each core, at most 8. */
  readonly threads?: number | "auto";
  /** Of the wasm target: the same bits on every machine, without multiply-adds that are rounded once. False by default. */
  readonly precise?: boolean;
  /** Of `nodeTarget`: why there is no GPU. */
  readonly lack?: string;
}

export const targetKind: Kind<"auto" | TargetName> = oneOf("auto", "js", "wasm", "wgsl");

export const targetTable: OptionTable<TargetOptions> = {
  target: targetKind,
  gpu: object(),
  device: object(),
  threads: either(count, oneOf("auto")),
  precise: flag,
  lack: text,
};

/** A target as the pipeline uses it. */
export interface TargetSetup {
  readonly traits: TargetTraits;
  /** Why this target was taken. */
  readonly why: string;
  schedule(kernel: Kernel): Kernel;
  machine(stateBytes: number, options: MachineOptions): Promise<Machine>;
}

/** The CPU, as JavaScript. */
export const jsTarget: TargetSetup = {
  traits: {
    name: "js",
    accumulator: "f64",
    maxBuffers: 64,
    mostIndex: Number.MAX_SAFE_INTEGER,
    hasF64: true,
    alignment: 64, // a cache line
    bytesOf: (dtype, count) => byteWidth(dtype) * count,
  },
  why: "asked for",
  schedule: (kernel) => scheduleKernel(kernel, jsPolicy()),
  async machine(stateBytes, options) {
    const lack = whyNoJs();
    if (lack !== null) throw policyError("js", lack);
    return new JsMachine(stateBytes, (kernels) => linkFactory(printJsFactory(kernels)), "js", options);
  },
};

/** The CPU, as WebAssembly with vectors of four. `blocks`: those that suit this process's engine, unless the code is for another. */
export function wasmTarget(
  { threads = "auto", precise = false }: TargetOptions = {},
  why = "asked for",
  blocks: WasmBlocks = joinsVectors() ? joinedBlocks : wasmBlocks,
): TargetSetup {
  return {
    traits: {
      name: "wasm",
      accumulator: "f32",
      maxBuffers: 64,
      mostIndex: 2 ** 31 - 1,
      hasF64: false,
      alignment: 64, // a cache line
      bytesOf: (dtype, count) => byteWidth(dtype) * count,
    },
    why,
    schedule: (kernel) => scheduleWasm(kernel, blocks),
    async machine(stateBytes, options) {
      const { simd, relaxed } = engineFeatures(!precise);
      if (!simd) throw new DeviceError('target "wasm": this engine has no WebAssembly SIMD. Use target: "js".');
      const lack = whyNoWasm();
      if (lack !== null) throw policyError("wasm", lack);
      return new WasmMachine(
        stateBytes,
        (sequence, buffers, layout) => printWasm(sequence, buffers, layout, { relaxed: relaxed && !precise }),
        threads === "auto"
          ? { ...options, threads: await threadsForUser(options), isWorthThreads }
          : { ...options, threads },
      );
    },
  };
}

/** One thread where there is little to do, or where workers are kept from starting. */
async function threadsForUser({ work = 0, onWarning }: MachineOptions): Promise<1 | "auto"> {
  if (work < worthThreads) return 1;
  const host = findHost();
  const lack = chooseThreads("auto", host).threads > 1 ? await whyNoWorkers(host) : null;
  if (lack === null) return "auto";
  onWarning?.(`the wasm target runs on one thread, as its workers do not start: ${lack}`);
  return 1;
}

/** Operations of a step below which "auto" stays on one thread: waking another takes as long as 0.1 ms of them. */
const worthThreads = 4e6;

/** Operations and bytes of a call below which it stays on one thread: waking another takes 13 us, as long as 300,000 of them. */
const leastShared = 300_000;

function isWorthThreads(sequence: Sequence): boolean {
  return launchesOf(sequence).reduce((work, { kernel }) => work + kernel.flops + kernel.bytes, 0) >= leastShared;
}

/** What the engine's WebAssembly has. `wantsRelaxed`: switches on relaxed SIMD where a flag hides it. */
export function engineFeatures(wantsRelaxed: boolean): ReturnType<typeof wasmFeatures> {
  if (typeof WebAssembly === "undefined") return { simd: false, relaxed: false, threads: false };
  if (wantsRelaxed) allowRelaxedSimd();
  return wasmFeatures((bytes) => WebAssembly.validate(bytes));
}

/** A GPU, through WebGPU. */
export function wgslTarget(source: GpuSource, why = "asked for"): TargetSetup {
  const { limits } = source;
  const scheduleLimits = {
    maxInvocations: Math.min(limits.maxComputeInvocationsPerWorkgroup, limits.maxComputeWorkgroupSizeX),
    maxWorkgroupStorage: limits.maxComputeWorkgroupStorageSize,
    maxWorkgroupsPerDimension: limits.maxComputeWorkgroupsPerDimension,
  };
  const { maxWorkgroupsPerDimension } = scheduleLimits;
  return {
    traits: {
      name: "wgsl",
      accumulator: "f32",
      maxBuffers: limits.maxStorageBuffersPerShaderStage,
      mostIndex: 2 ** 31 - 1,
      hasF64: false,
      alignment: limits.minStorageBufferOffsetAlignment,
      bytesOf: gpuBytes,
    },
    why,
    schedule: (kernel) => scheduleWgsl(kernel, scheduleLimits),
    async machine(stateBytes, options) {
      const connection = await openDevice(source);
      const print = (kernel: Kernel, access: (param: string) => "read" | "read_write") =>
        printWgsl(kernel, { access, maxWorkgroupsPerDimension });
      return WebGpuMachine.create(connection, stateBytes, print, options);
    },
  };
}

/** The target that the options ask for. `needsF64` is what keeps `auto` off a GPU. */
export async function chooseTarget(options: TargetOptions, needsF64: boolean): Promise<TargetSetup> {
  const { target = "auto" } = options;
  switch (target) {
    case "js":
      return jsTarget;
    case "wasm":
      return wasmTarget(options);
    case "wgsl":
      return wgslTarget(await demandGpu(options));
    case "auto":
      return chooseForUser(options, needsF64);
    default:
      throw unreachable(target);
  }
}

/** The first of: a real GPU, wasm, js, a software GPU. A page's policy may leave only the last. */
async function chooseForUser(options: TargetOptions, needsF64: boolean): Promise<TargetSetup> {
  if (needsF64) return { ...jsTarget, why: "auto: the program uses f64, which only js has" };
  if (options.device !== undefined) return wgslTarget(deviceSource(options.device), "auto: a device was given");
  const gpu = options.gpu ?? browserGpu();
  const source = gpu === undefined ? null : await adapterSource(gpu);
  if (source !== null && !source.software) return wgslTarget(source, `auto: a GPU, ${source.device}`);
  const noGpu = gpu === undefined ? `no GPU, as ${noWebGpu}` : "no GPU, as WebGPU found no adapter";
  const why = source === null ? noGpu : `the only GPU is ${source.device}, which is software: ask for "wgsl" to use it`;
  const noWasm = engineFeatures(false).simd ? whyNoWasm() : "no WebAssembly SIMD either";
  if (noWasm === null) return wasmTarget(options, `auto: ${why}`);
  const noJs = whyNoJs();
  if (noJs === null) return { ...jsTarget, why: `auto: ${why}, and ${noWasm}` };
  if (source !== null)
    return wgslTarget(source, `auto: ${source.device}, though it is software, as ${noWasm}, and ${noJs}`);
  throw new DeviceError(`no target can run here. wgsl: ${noGpu}. wasm: ${noWasm}. js: ${noJs}.`);
}

const noWebGpu = "there is no WebGPU here (a browser has it as navigator.gpu; in Node pass gpu: await nodeGpu())";

async function demandGpu(options: TargetOptions): Promise<GpuSource> {
  if (options.device !== undefined) return deviceSource(options.device);
  const gpu = options.gpu ?? browserGpu();
  if (gpu === undefined) {
    throw new DeviceError(
      `target "wgsl": ${noWebGpu}. In Node: npm install webgpu, then import { nodeGpu } from "tensorloom/node". ` +
        'Or use target: "wasm".',
    );
  }
  const source = await adapterSource(gpu);
  if (source !== null) return source;
  throw new DeviceError(
    'target "wgsl": WebGPU found no GPU. Install its driver (on Linux Vulkan, libvulkan1 and a driver such as ' +
      'mesa-vulkan-drivers; in a browser see chrome://gpu), or use target: "wasm".',
  );
}
