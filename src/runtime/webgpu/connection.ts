/**
 * Finding a GPU and opening a device: adapters, what they are called, whether they are real, and which limits to ask for.
 *
 * A device starts with WebGPU's smallest limits; what more its adapter has must be asked for by name. We ask for what
 * kernels use (buffers of a stage, buffer sizes, workgroups) and leave everything else (textures) as it is.
 */
import type { MixedFacts } from "../../../codegen/wgsl/artifact.ts";
import { DeviceError } from "../../core/errors.ts";
import type { Precision } from "../../core/precision.ts";
import type { Gpu, GpuAdapter, GpuDevice } from "../platform.ts";

/** The limits that the compiler looks at. All but the alignment are better when larger. */
const usedLimits = [
  "maxStorageBuffersPerShaderStage",
  "maxStorageBufferBindingSize",
  "maxBufferSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
  "maxComputeWorkgroupStorageSize",
  "maxComputeWorkgroupsPerDimension",
] as const satisfies readonly (keyof GPUSupportedLimits)[];

export type GpuLimits = Readonly<Record<(typeof usedLimits)[number] | "minStorageBufferOffsetAlignment", number>>;

/** Where a device comes from: an adapter that has yet to make it, or the user, who keeps it. */
export interface GpuSource {
  readonly from:
    | { readonly kind: "adapter"; readonly adapter: GpuAdapter }
    | { readonly kind: "user"; readonly device: GpuDevice };
  readonly limits: GpuLimits;
  /** Its name, for people. */
  readonly device: string;
  /** A driver that computes on the CPU. */
  readonly software: boolean;
  /** Invocations of a subgroup, where they may exchange values; else 0. */
  readonly subgroupSize: number;
  /** What it has for mixed precision, where that was asked for. */
  readonly mixed?: MixedFacts;
}

/** An open device. We destroy it only if it is ours. */
export interface GpuConnection {
  readonly device: GpuDevice;
  readonly isOurs: boolean;
  readonly limits: GpuLimits;
  readonly name: string;
  /** A driver that computes on the CPU. */
  readonly isSoftware: boolean;
}

/** The browser's WebGPU, where there is one. */
export function browserGpu(): Gpu | undefined {
  const here: { readonly gpu?: Gpu } | undefined = typeof navigator === "undefined" ? undefined : navigator;
  return here?.gpu;
}

/** The fastest adapter, or null. An adapter gives one device. */
export async function adapterSource(gpu: Gpu, precision: Precision = "f32"): Promise<GpuSource | null> {
  const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" });
  if (adapter === null) return null;
  // The default alignment of 256 costs little, and plans then do not depend on the GPU.
  const limits = { ...pick(adapter.limits), minStorageBufferOffsetAlignment: 256 };
  const { info } = adapter;
  return {
    from: { kind: "adapter", adapter },
    limits,
    software: isSoftware(info),
    subgroupSize: subgroupSizeOf(adapter.features, info, gpu),
    ...toldOf(nameOf(info), precision, adapter.features, info),
  };
}

/** `gpu`: where it came from, if that is known. */
export function deviceSource(
  device: GpuDevice,
  precision: Precision = "f32",
  gpu: Gpu | undefined = browserGpu(),
): GpuSource {
  const { minStorageBufferOffsetAlignment } = device.limits;
  const limits = { ...pick(device.limits), minStorageBufferOffsetAlignment };
  const info = device.adapterInfo;
  return {
    from: { kind: "user", device },
    limits,
    software: isSoftware(info),
    subgroupSize: subgroupSizeOf(device.features, info, gpu),
    ...toldOf(nameOf(info), precision, device.features, info),
  };
}

const subgroups = "subgroups";

/** Only with a language that tells an invocation which subgroup it is in ("subgroup_id"). */
function subgroupSizeOf(features: ReadonlySet<string>, info: GPUAdapterInfo | undefined, gpu: Gpu | undefined): number {
  const hasPlaces = gpu?.wgslLanguageFeatures?.has("subgroup_id") === true;
  return features.has(subgroups) && hasPlaces ? onlySize(info) : 0;
}

/** Of subgroups, where it is one for all kernels; else 0. */
function onlySize({ subgroupMinSize: least = 0, subgroupMaxSize: most = 0 }: Partial<GPUAdapterInfo> = {}): number {
  return least === most ? least : 0;
}

/** What an adapter tells of its matrix units; no type of @webgpu/types has it. */
interface MatrixInfo {
  readonly subgroupMatrixConfigs?: Iterable<{
    readonly M: number;
    readonly N: number;
    readonly K: number;
    readonly componentType: string;
    readonly resultComponentType: string;
  }>;
}

const halves = "shader-f16";
const matrixUnits = "chromium-experimental-subgroup-matrix";

/** Its name, with what it has for mixed precision where that was asked for. */
function toldOf(
  name: string,
  precision: Precision,
  features: ReadonlySet<string>,
  info: (GPUAdapterInfo & MatrixInfo) | undefined,
): Pick<GpuSource, "device" | "mixed"> {
  if (precision === "f32") return { device: name };
  const { subgroupMatrixConfigs: configs = [] } = info ?? {};
  const hasHalves = features.has(halves);
  const hasOurs = [...configs].some(
    ({ M, N, K, componentType, resultComponentType }) =>
      M === 16 && N === 16 && K === 16 && componentType === "f16" && resultComponentType === "f32",
  );
  const hasMatrixUnits = hasHalves && features.has(matrixUnits) && hasOurs;
  const parts = hasMatrixUnits ? "with f16 and matrix units" : hasHalves ? "with f16" : "without f16";
  return {
    device: `${name}, ${parts}`,
    mixed: { hasHalves, hasMatrixUnits, subgroupSize: onlySize(info) },
  };
}

/** Features that a device is asked for, by what was found of it. */
function featuresFor({ mixed, subgroupSize }: GpuSource, features: ReadonlySet<string>): GPUFeatureName[] {
  const wanted = mixed?.hasMatrixUnits === true ? [halves, matrixUnits, subgroups] : mixed?.hasHalves === true ? [halves] : []; // biome-ignore format: short
  if (subgroupSize > 0) wanted.push(subgroups);
  return [...features].filter((name): name is GPUFeatureName => wanted.includes(name));
}

/** With the GPU's own clock, where it has one: it costs nothing until somebody asks for the time. */
export async function openDevice(source: GpuSource): Promise<GpuConnection> {
  const { from, limits, device: name, software: isSoftware } = source;
  if (from.kind === "user") return { device: from.device, isOurs: false, limits, name, isSoftware };
  const { minStorageBufferOffsetAlignment: _, ...requiredLimits } = limits;
  try {
    const requiredFeatures = featuresFor(source, from.adapter.features);
    if (from.adapter.features.has("timestamp-query")) requiredFeatures.push("timestamp-query");
    const device = await from.adapter.requestDevice({ label: "tensorloom", requiredLimits, requiredFeatures });
    return { device, isOurs: true, limits, name, isSoftware };
  } catch (error) {
    throw new DeviceError(`the GPU ${name} gave no device: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function pick(limits: GPUSupportedLimits): Record<(typeof usedLimits)[number], number> {
  return Object.fromEntries(usedLimits.map((name) => [name, limits[name]])) as ReturnType<typeof pick>;
}

/** Drivers may leave any of the fields empty; older ones have no info at all. */
function nameOf(info: GPUAdapterInfo | undefined): string {
  const { description = "", vendor = "", architecture = "", device = "" } = info ?? {};
  const short = [vendor, architecture || device].filter((word) => word !== "").join(" ");
  return description !== "" ? description : short !== "" ? short : "a GPU without a name";
}

/** What it is asked for of a GPUAdapterInfo: types of WebGPU stand in no declaration of ours. */
interface AdapterWords {
  readonly vendor: string;
  readonly architecture: string;
  readonly device: string;
  readonly description: string;
  readonly isFallbackAdapter?: boolean;
}

/** Whether a driver that computes on the CPU says this of itself. */
export function isSoftware(info: AdapterWords | undefined): boolean {
  if (info === undefined) return false;
  const words = [info.vendor, info.architecture, info.device, info.description].join(" ");
  return info.isFallbackAdapter === true || /swiftshader|llvmpipe|lavapipe|software|basic render/i.test(words);
}
