/**
 * A device that counts what is asked of it: dispatches, copies, submissions, and the buffers that exist.
 */

export interface Counts {
  dispatches: number;
  copies: number;
  passes: number;
  submits: number;
  /** Buffers that were made and not destroyed. */
  readonly live: Set<GPUBuffer>;
}

export interface CountedDevice {
  readonly device: GPUDevice;
  readonly counts: Counts;
  /** Bytes of live buffers whose usage has STORAGE. */
  storageBytes(): number;
}

/** `dispatch: false` counts dispatches and leaves them out: a driver that runs nothing. */
export function countedDevice(device: GPUDevice, { dispatch } = { dispatch: true }): CountedDevice {
  const counts: Counts = { dispatches: 0, copies: 0, passes: 0, submits: 0, live: new Set() };
  const pass = (made: GPUComputePassEncoder): GPUComputePassEncoder =>
    over(made, {
      dispatchWorkgroups(...args: Parameters<GPUComputePassEncoder["dispatchWorkgroups"]>) {
        counts.dispatches += 1;
        if (dispatch) made.dispatchWorkgroups(...args);
      },
    });
  const encoder = (made: GPUCommandEncoder): GPUCommandEncoder =>
    over(made, {
      beginComputePass(descriptor?: GPUComputePassDescriptor) {
        counts.passes += 1;
        return pass(made.beginComputePass(descriptor));
      },
      copyBufferToBuffer(from: GPUBuffer, fromAt: number, to: GPUBuffer, toAt: number, bytes: number) {
        counts.copies += 1;
        made.copyBufferToBuffer(from, fromAt, to, toAt, bytes);
      },
    });
  const queue = over(device.queue, {
    submit(commands: Iterable<GPUCommandBuffer>) {
      counts.submits += 1;
      device.queue.submit(commands);
    },
  });
  const counted = over(device, {
    queue,
    createCommandEncoder: (descriptor?: GPUCommandEncoderDescriptor) =>
      encoder(device.createCommandEncoder(descriptor)),
    createBuffer(descriptor: GPUBufferDescriptor) {
      const buffer = device.createBuffer(descriptor);
      counts.live.add(buffer);
      const destroy = buffer.destroy.bind(buffer);
      buffer.destroy = () => {
        counts.live.delete(buffer);
        return destroy();
      };
      return buffer;
    },
  });
  const storageBytes = (): number =>
    [...counts.live].reduce((sum, { size, usage }) => sum + (usage & GPUBufferUsage.STORAGE ? size : 0), 0);
  return { device: counted, counts, storageBytes };
}

/** The object with some members replaced; methods of a driver's objects insist on their own `this`. */
function over<T extends object>(target: T, replaced: Partial<Record<keyof T, unknown>>): T {
  return new Proxy(target, {
    get(_, key) {
      if (Object.hasOwn(replaced, key)) return Reflect.get(replaced, key);
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
