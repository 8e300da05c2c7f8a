/**
 * The browser's WebGPU, as tensorloom is given it, with a hold on the devices that are made through it, so that one can be lost on purpose:
 * drivers are reset, laptops sleep, and nobody should have to wait for that to see what a page does then.
 */

export interface BreakableGpu {
  /** Undefined where the browser has none. */
  readonly gpu: GPU | undefined;
  /** Destroys the devices that are there; false where there was none. */
  lose(): boolean;
}

export function breakableGpu(): BreakableGpu {
  const devices = new Set<GPUDevice>();
  const here = (navigator as { readonly gpu?: GPU }).gpu;
  if (here !== undefined) keep(here, devices);
  return {
    gpu: here,
    lose() {
      const found = devices.size > 0;
      for (const device of devices) device.destroy();
      devices.clear();
      return found;
    },
  };
}

/** Objects of the platform take methods of their own; what they had is called behind them. */
function keep(gpu: GPU, devices: Set<GPUDevice>): void {
  const requestAdapter = gpu.requestAdapter.bind(gpu);
  gpu.requestAdapter = async (options) => {
    const adapter = await requestAdapter(options);
    if (adapter === null) return null;
    const requestDevice = adapter.requestDevice.bind(adapter);
    adapter.requestDevice = async (descriptor) => {
      const device = await requestDevice(descriptor);
      devices.add(device);
      void device.lost.then(() => devices.delete(device));
      return device;
    };
    return adapter;
  };
}
