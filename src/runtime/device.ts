/**
 * A device loads what its target prints (codegen/<name>/target.ts). It knows what this process has, and makes the machine.
 */
import type { Precision } from "../core/precision.ts";
import type { TargetName } from "../kernel/target.ts";
import type { MachineMaker } from "./machine.ts";
import type { Gpu, GpuDevice } from "./platform.ts";
import type { VectorBits } from "./vectors.ts";

/** Which target, and what it may use. */
export interface TargetOptions {
  /** What the program runs on; "auto" by default: a real GPU where there is one, else the CPU. */
  readonly target?: "auto" | TargetName;
  /** WebGPU's entry point: `navigator.gpu` by default; in Node `await nodeGpu()` of "tensorloom/node". */
  readonly gpu?: Gpu;
  /**
   * A device that the caller keeps: it is used as it is, and not destroyed by `dispose()`. One made with the feature "subgroups" reduces
   * faster; in Node pass the `gpu` that it came from beside it.
   */
  readonly device?: GpuDevice;
  /** Of the wasm target: how many threads run a step, or "auto" (the default): one for each core, at most 8. */
  readonly threads?: number | "auto";
  /**
   * Of the wasm target: how wide vectors are, in bits. "auto", the default, or what the environment's TENSORLOOM_VECTORS says: 256
   * where Node (24 and newer, on x86-64 with AVX2) can be told to, else 128, and `report.remarks` says why. The numbers are the same.
   */
  readonly vectors?: VectorBits;
  /** Of the wasm target: the same bits on every machine, without multiply-adds that are rounded once. False by default. */
  readonly precise?: boolean;
  /**
   * "f32" by default. "mixed": what products, convolutions and their gradients read is rounded to f16, and added up in f32; weights,
   * optimizer and all else stay f32. Of a trainer it is an option of `trainer`, which then scales the loss. In WebGPU the device must
   * have "shader-f16": in Node give `gpu: await nodeGpu({ precision: "mixed" })`.
   */
  readonly precision?: Precision;
  /** Of `nodeTarget`: why there is no GPU. */
  readonly lack?: string;
}

/** A device that is here. */
export interface Found<A, Facts> {
  readonly facts: Facts;
  /** What was found, where that is worth telling: "a GPU, NVIDIA H200". */
  readonly what?: string;
  /** Why `auto` takes it only where nothing else runs. */
  readonly lastResort?: string;
  /** Why what is printed may not be compiled here while the program runs, null where it may. */
  readonly forbidden?: () => string | null;
  readonly machine: MachineMaker<A>;
}

export interface Device<A, Facts> {
  /** `auto` asks devices in this order, the lowest first. */
  readonly rank: number;
  /** Whether programs must be given WebGPU to run on it. */
  readonly needsGpu: boolean;
  /** What a page's content security policy must allow in its script-src, null where nothing. */
  readonly policy: string | null;
  /** For `auto`: the device, or what is lacking. */
  find(options: TargetOptions): Promise<Found<A, Facts> | string>;
  /** For who asks for this one. Throws a DeviceError that says what to do where it cannot be had. */
  demand(options: TargetOptions): Promise<Found<A, Facts>>;
}
