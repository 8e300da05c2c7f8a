/**
 * What a system asks of WebGPU: counted at the prototypes of this process's WebGPU objects, whatever library made them, and only
 * for as long as somebody counts, so that no timing pays for it.
 */

export interface Counts {
  readonly dispatches: number;
  readonly submits: number;
  /** To the device: `writeBuffer`, copies out of buffers that the host writes, and storage that is made mapped. */
  readonly uploadedBytes: number;
  /** Buffers mapped to be read. */
  readonly readbacks: number;
}

type Method = (this: unknown, ...args: unknown[]) => unknown;

/** Counts while `run` runs. */
export async function counting(run: () => Promise<void>): Promise<Counts> {
  const counts = { dispatches: 0, submits: 0, uploadedBytes: 0, readbacks: 0 };
  const put: (() => void)[] = [];
  const watch = (
    className: string,
    method: string,
    note: (self: unknown, args: readonly unknown[], result: unknown) => void,
  ) => {
    // biome-ignore format: one line
    const prototype: unknown = Reflect.get(globalThis, className)?.prototype;
    if (typeof prototype !== "object" || prototype === null) return;
    const original = Reflect.get(prototype, method) as Method;
    const counted: Method = function (...args) {
      const result = original.apply(this, args);
      note(this, args, result);
      return result;
    };
    Reflect.set(prototype, method, counted);
    put.push(() => Reflect.set(prototype, method, original));
  };
  watch("GPUComputePassEncoder", "dispatchWorkgroups", () => {
    counts.dispatches += 1;
  });
  watch("GPUComputePassEncoder", "dispatchWorkgroupsIndirect", () => {
    counts.dispatches += 1;
  });
  watch("GPUQueue", "submit", () => {
    counts.submits += 1;
  });
  watch("GPUQueue", "writeBuffer", (_, [, , data, from, size]) => {
    counts.uploadedBytes += writtenBytes(data, from, size);
  });
  watch("GPUCommandEncoder", "copyBufferToBuffer", (_, args) => {
    const from = args[0] as GPUBuffer;
    const size = args[typeof args[1] === "number" ? 4 : 2];
    const isStaging = (from.usage & GPUBufferUsage.MAP_WRITE) !== 0;
    if (isStaging) counts.uploadedBytes += typeof size === "number" ? size : from.size;
  });
  watch("GPUBuffer", "mapAsync", (_, [mode]) => {
    if (mode === GPUMapMode.READ) counts.readbacks += 1;
  });
  watch("GPUBuffer", "getMappedRange", (self, _, range) => {
    const isStorage = ((self as GPUBuffer).usage & GPUBufferUsage.STORAGE) !== 0;
    if (isStorage) counts.uploadedBytes += (range as ArrayBuffer).byteLength;
  });
  try {
    await run();
  } finally {
    for (const back of put) back();
  }
  return counts;
}

/** `size` and `from` count elements of a typed array, and bytes of anything else. */
function writtenBytes(data: unknown, from: unknown, size: unknown): number {
  const { byteLength, BYTES_PER_ELEMENT: unit = 1 } = data as { byteLength: number; BYTES_PER_ELEMENT?: number };
  return typeof size === "number" ? size * unit : byteLength - (typeof from === "number" ? from : 0) * unit;
}

/** Of one call out of so many. */
export function perCall(counts: Counts, calls: number): Counts {
  const { dispatches, submits, uploadedBytes, readbacks } = counts;
  return {
    dispatches: dispatches / calls,
    submits: submits / calls,
    uploadedBytes: uploadedBytes / calls,
    readbacks: readbacks / calls,
  };
}
