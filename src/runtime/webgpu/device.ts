/** A GPU: the browser's, one that is given, or Dawn's in Node (nodeGpu in src/node.ts). */
import type { WgslArtifact, WgslFacts } from "../../../codegen/wgsl/artifact.ts";
import { DeviceError } from "../../core/errors.ts";
import type { Device, Found, TargetOptions } from "../device.ts";
import { adapterSource, browserGpu, deviceSource, type GpuSource, openDevice } from "./connection.ts";

export const gpuDevice: Device<WgslArtifact, WgslFacts> = {
  rank: 0,
  needsGpu: true,
  policy: null,
  async find(options) {
    if (options.device !== undefined)
      return { ...gpuFound(deviceSource(options.device, options.precision, options.gpu)), what: "a device was given" };
    const gpu = options.gpu ?? browserGpu();
    if (gpu === undefined) return `no GPU, as ${noWebGpu}`;
    const source = await adapterSource(gpu, options.precision);
    if (source === null) return "no GPU, as WebGPU found no adapter";
    if (!source.software && source.mixed?.hasHalves === false) {
      return `no GPU for mixed precision, as ${source.device} has no "shader-f16"`;
    }
    if (!source.software) return { ...gpuFound(source), what: `a GPU, ${source.device}` };
    return {
      ...gpuFound(source),
      what: `${source.device}, though it is software`,
      lastResort: `the only GPU is ${source.device}, which is software: ask for "wgsl" to use it`,
    };
  },
  demand: async (options) => gpuFound(await demandSource(options)),
};

export function gpuFound(source: GpuSource): Found<WgslArtifact, WgslFacts> {
  return {
    facts: {
      ...source.limits,
      isSoftware: source.software,
      ...(source.subgroupSize === 0 ? {} : { subgroupSize: source.subgroupSize }),
      ...(source.mixed === undefined ? {} : { mixed: source.mixed }),
    },
    async machine(stateBytes, options) {
      const { WebGpuMachine } = await import("./machine.ts"); // before the device, which would be nobody's if this failed
      return WebGpuMachine.create(await openDevice(source), stateBytes, options);
    },
  };
}

const noWebGpu = "there is no WebGPU here (a browser has it as navigator.gpu; in Node pass gpu: await nodeGpu())";

async function demandSource(options: TargetOptions): Promise<GpuSource> {
  if (options.device !== undefined) return deviceSource(options.device, options.precision, options.gpu);
  const gpu = options.gpu ?? browserGpu();
  if (gpu === undefined) {
    throw new DeviceError(
      `target "wgsl": ${noWebGpu}. In Node: npm install webgpu, then import { nodeGpu } from "tensorloom/node". ` +
        'Or use target: "wasm".',
    );
  }
  const source = await adapterSource(gpu, options.precision);
  if (source !== null) return source;
  throw new DeviceError(
    'target "wgsl": WebGPU found no GPU. Install its driver (on Linux Vulkan, libvulkan1 and a driver such as ' +
      'mesa-vulkan-drivers; in a browser see chrome://gpu), or use target: "wasm".',
  );
}
