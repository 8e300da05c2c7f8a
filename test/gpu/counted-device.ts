/**
 * A device that counts what is asked of it: dispatches, copies, submissions, readbacks, calls of encoders, and the buffers that exist.
 */

export interface Counts {
  dispatches: number;
  copies: number;
  passes: number;
  submits: number;
  /** `queue.writeBuffer`. */
  writes: number;
  /** Bytes of each of these, and of each copy out of memory that the host had mapped. */
  readonly written: number[];
  /** Buffers that were mapped to be read. */
  readbacks: number;
  /** Pipelines and bind groups that were set. */
  settings: number;
  /** Buffers that were made. */
  made: number;
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
  const none = { dispatches: 0, copies: 0, passes: 0, submits: 0, writes: 0, readbacks: 0, settings: 0, made: 0 };
  const counts: Counts = { ...none, written: [], live: new Set() };
  const counting = <A extends readonly unknown[]>(what: keyof typeof none, call: (...args: A) => unknown) => {
    return (...args: A): unknown => {
      counts[what] += 1;
      return call(...args);
    };
  };
  const pass = (made: GPUComputePassEncoder): GPUComputePassEncoder =>
    over(made, {
      dispatchWorkgroups(...args: Parameters<GPUComputePassEncoder["dispatchWorkgroups"]>) {
        counts.dispatches += 1;
        if (dispatch) made.dispatchWorkgroups(...args);
      },
      setPipeline: counting("settings", made.setPipeline.bind(made)),
      setBindGroup: counting("settings", (...args: Parameters<GPUComputePassEncoder["setBindGroup"]>) =>
        made.setBindGroup(...args),
      ),
    });
  const encoder = (made: GPUCommandEncoder): GPUCommandEncoder =>
    over(made, {
      beginComputePass(descriptor?: GPUComputePassDescriptor) {
        counts.passes += 1;
        return pass(made.beginComputePass(descriptor));
      },
      copyBufferToBuffer(from: GPUBuffer, fromAt: number, to: GPUBuffer, toAt: number, bytes: number) {
        counts.copies += 1;
        if (from.usage & GPUBufferUsage.MAP_WRITE) counts.written.push(bytes);
        made.copyBufferToBuffer(from, fromAt, to, toAt, bytes);
      },
    });
  const queue = over(device.queue, {
    submit: counting("submits", device.queue.submit.bind(device.queue)),
    writeBuffer: counting("writes", (...args: Parameters<GPUQueue["writeBuffer"]>) => {
      counts.written.push(args[4] ?? args[2].byteLength);
      device.queue.writeBuffer(...args);
    }),
  });
  const counted = over(device, {
    queue,
    createCommandEncoder: (descriptor?: GPUCommandEncoderDescriptor) =>
      encoder(device.createCommandEncoder(descriptor)),
    createBuffer(descriptor: GPUBufferDescriptor) {
      const buffer = device.createBuffer(descriptor);
      counts.made += 1;
      counts.live.add(buffer);
      const destroy = buffer.destroy.bind(buffer);
      buffer.destroy = () => {
        counts.live.delete(buffer);
        return destroy();
      };
      const map = buffer.mapAsync.bind(buffer);
      buffer.mapAsync = (mode, ...range) => {
        if (mode === GPUMapMode.READ) counts.readbacks += 1;
        return map(mode, ...range);
      };
      return buffer;
    },
  });
  const storageBytes = (): number =>
    [...counts.live].reduce((sum, { size, usage }) => sum + (usage & GPUBufferUsage.STORAGE ? size : 0), 0);
  return { device: counted, counts, storageBytes };
}

/** The object with some members replaced; methods of a driver's objects insist on their own `this`. */
export function over<T extends object>(target: T, replaced: Partial<Record<keyof T, unknown>>): T {
  return new Proxy(target, {
    get(_, key) {
      if (Object.hasOwn(replaced, key)) return Reflect.get(replaced, key);
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
