/**
 * The GPU's own clock: when a pass began and when it ended, written by the GPU itself. Without it a measurement has the way there and
 * back in it, 50 us on a fast GPU, and what the host does meanwhile.
 *
 * Browsers and Dawn round it to steps of 65,536 ns, so a measurement should last some milliseconds.
 */
import { usages } from "./buffers.ts";
import { labelPrefix } from "./health.ts";

/** Two times, 64 bits each, in nanoseconds. */
export const watchBytes = 16;

export class Stopwatch {
  readonly #queries: GPUQuerySet;
  readonly #times: GPUBuffer;

  private constructor(device: GPUDevice) {
    this.#queries = device.createQuerySet({ label: `${labelPrefix} times`, type: "timestamp", count: 2 });
    const usage = usages.queryResolve | usages.copySrc;
    this.#times = device.createBuffer({ label: `${labelPrefix} times`, size: watchBytes, usage });
  }

  /** Null where the device was not asked for a clock, or has none. */
  static of(device: GPUDevice): Stopwatch | null {
    return device.features.has("timestamp-query") ? new Stopwatch(device) : null;
  }

  /** For the pass that is to be timed. */
  get writes(): GPUComputePassTimestampWrites {
    return { querySet: this.#queries, beginningOfPassWriteIndex: 0, endOfPassWriteIndex: 1 };
  }

  /** Behind the pass: what is then to be read. */
  resolve(encoder: GPUCommandEncoder): GPUBuffer {
    encoder.resolveQuerySet(this.#queries, 0, 2, this.#times, 0);
    return this.#times;
  }

  dispose(): void {
    this.#queries.destroy();
    this.#times.destroy();
  }
}

/** Milliseconds between both times; undefined where the clock went backwards or stood still, as it may. */
export function elapsedMs(times: ArrayBuffer): number | undefined {
  const [begin = 0n, end = 0n] = new BigUint64Array(times);
  return end > begin ? Number(end - begin) / 1e6 : undefined;
}
