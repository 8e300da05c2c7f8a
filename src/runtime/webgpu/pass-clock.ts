/**
 * The GPU's own clock, for profiles: each launch in a pass of its own, at whose ends the GPU writes the time. Times come back with
 * what is submitted, as many together as a set of queries holds.
 *
 * Browsers and Dawn round times to steps of 65,536 ns unless they are told not to (`nodeGpu` tells Dawn). What begins anywhere within
 * a step is right in the mean: sums over many runs are, a single short launch is not.
 */
import type { LaunchLog } from "../profile/launch-log.ts";
import { usages } from "./buffers.ts";
import { labelPrefix } from "./health.ts";
import type { Readbacks } from "./readbacks.ts";

/** Launches of a set: WebGPU has at most 4,096 queries in one. */
const mostLaunches = 1024;

interface Batch {
  readonly queries: GPUQuerySet;
  /** Queries become numbers here, which is no place to read them from. */
  readonly times: GPUBuffer;
  readonly launches: { readonly log: LaunchLog; readonly row: number }[];
}

export class PassClock {
  readonly #device: GPUDevice;
  readonly #readbacks: Readbacks;
  readonly #free: Batch[] = [];
  #open: Batch | null = null;
  /** Resolved, and not yet submitted. */
  readonly #resolved: { readonly batch: Batch; readonly room: GPUBuffer; readonly bytes: number }[] = [];
  readonly #underWay = new Set<Promise<void>>();
  /** Milliseconds from the GPU's clock to the host's: its first pass is said to begin when it was submitted. */
  #offset: number | null = null;

  private constructor(device: GPUDevice, readbacks: Readbacks) {
    this.#device = device;
    this.#readbacks = readbacks;
  }

  /** Null where the device has no clock. */
  static of(device: GPUDevice, readbacks: Readbacks): PassClock | null {
    return device.features.has("timestamp-query") ? new PassClock(device, readbacks) : null;
  }

  /** For the pass of a launch, which is to be timed; no other pass is open. */
  writes(log: LaunchLog, row: number, encoder: GPUCommandEncoder): GPUComputePassTimestampWrites {
    if (this.#open?.launches.length === mostLaunches) this.resolve(encoder);
    this.#open ??= this.#free.pop() ?? this.#make();
    const { queries, launches } = this.#open;
    const first = 2 * launches.length;
    launches.push({ log, row });
    return { querySet: queries, beginningOfPassWriteIndex: first, endOfPassWriteIndex: first + 1 };
  }

  /** Behind the passes that an encoder has. */
  resolve(encoder: GPUCommandEncoder): void {
    const batch = this.#open;
    if (batch === null) return;
    this.#open = null;
    const bytes = 16 * batch.launches.length;
    const room = this.#readbacks.take(bytes);
    encoder.resolveQuerySet(batch.queries, 0, 2 * batch.launches.length, batch.times, 0);
    encoder.copyBufferToBuffer(batch.times, 0, room, 0, bytes);
    this.#resolved.push({ batch, room, bytes });
  }

  /** Just after the commands were. */
  submitted(): void {
    const at = performance.now();
    for (const { batch, room, bytes } of this.#resolved) {
      const noted = this.#readbacks.deliver(room, bytes).then(
        (times) => this.#note(batch, new BigUint64Array(times), at),
        () => undefined, // of a device that is gone; who runs or reads something hears of it
      );
      this.#underWay.add(noted);
      noted.finally(() => this.#underWay.delete(noted));
    }
    this.#resolved.length = 0;
  }

  /** Waits for the times of all that was submitted. */
  async settled(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(this.#underWay);
  }

  dispose(): void {
    for (const batch of [...this.#free, ...(this.#open === null ? [] : [this.#open])]) {
      batch.queries.destroy();
      batch.times.destroy();
    }
    this.#free.length = 0;
  }

  #note(batch: Batch, times: BigUint64Array, submitted: number): void {
    const ms = (i: number): number => Number(times[i] ?? 0n) / 1e6;
    this.#offset ??= submitted - ms(0);
    for (const [i, { log, row }] of batch.launches.entries()) {
      const began = ms(2 * i) + this.#offset;
      const ended = Math.max(began, ms(2 * i + 1) + this.#offset); // a clock may be set anew
      log.tracks[0]?.add(row, began, ended);
    }
    batch.launches.length = 0;
    this.#free.push(batch);
  }

  #make(): Batch {
    const [label, count] = [`${labelPrefix} times of launches`, 2 * mostLaunches];
    const queries = this.#device.createQuerySet({ label, type: "timestamp", count });
    const times = this.#device.createBuffer({ label, size: 8 * count, usage: usages.queryResolve | usages.copySrc });
    return { queries, times, launches: [] };
  }
}
