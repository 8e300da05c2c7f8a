/**
 * The commands of a machine, in the order of its calls: what is recorded and not yet submitted, and whatever else goes to the queue.
 *
 * Steps of many are recorded one behind the other and submitted together, as a submit costs as much as a small step. Everything that
 * comes in between (a feed, a state that is written, a read) is recorded too, or submits what is recorded before it.
 *
 *   upload, run | copy of the feed, run, copy of the outputs | ... -> one submit
 */
import type { BufferSlot } from "../../program/buffer.ts";
import type { LaunchObserver } from "../machine.ts";
import type { TypedArray } from "../typed-arrays.ts";
import { gpuBytesOf } from "./buffers.ts";
import type { GpuConnection } from "./connection.ts";
import { type GpuHealth, labelPrefix } from "./health.ts";
import type { PassClock } from "./pass-clock.ts";
import type { Places } from "./places.ts";
import { Readbacks } from "./readbacks.ts";
import { Recorder } from "./recorder.ts";
import { Stopwatch } from "./stopwatch.ts";
import { Uploads } from "./uploads.ts";

/**
 * From this size on values go up through our ring. On an H100 `writeBuffer` moves 0.4 MB at 7.7 GB/s (the ring: 4.4), but 3.2 MB at 0.7 (7.4):
 * Dawn stages 4 MiB that are in flight, and allocates for more.
 */
const ringFrom = 2 ** 20;
/** What reads and submits may be under way before another group of steps: one that runs, one that waits, and one to spare. */
const mostUnderWay = 3;

export class Commands {
  readonly #device: GPUDevice;
  readonly #health: GpuHealth;
  readonly #uploads: Uploads;
  readonly #readbacks: Readbacks;
  readonly #onLaunch: LaunchObserver | undefined;
  /** A software GPU has no cliff: `writeBuffer` is a copy there. */
  readonly #ringFrom: number;
  readonly #underWay: Promise<unknown>[] = [];
  /** What was fed for steps that are recorded. */
  readonly #fed = new Set<Places>();
  #recorder: Recorder | null = null;
  #stopwatch: Stopwatch | null | undefined;
  #passClock: PassClock | null | undefined;

  constructor(connection: GpuConnection, health: GpuHealth, onLaunch: LaunchObserver | undefined) {
    this.#device = connection.device;
    this.#health = health;
    this.#uploads = new Uploads(connection.device);
    this.#readbacks = new Readbacks(connection, health);
    this.#onLaunch = onLaunch;
    this.#ringFrom = connection.isSoftware ? Infinity : ringFrom;
  }

  /** The device's clock; null where it has none, or was not asked for one. */
  get stopwatch(): Stopwatch | null {
    this.#stopwatch ??= Stopwatch.of(this.#device);
    return this.#stopwatch;
  }

  /** The same for launch by launch, made where a profile asks. */
  async passClock(): Promise<PassClock | null> {
    const { PassClock } = await import("./pass-clock.ts");
    this.#passClock ??= PassClock.of(this.#device, this.#readbacks);
    return this.#passClock;
  }

  /** For what is to be recorded next; `submit` sends it off. */
  get recorder(): Recorder {
    this.#recorder ??= new Recorder(
      this.#device.createCommandEncoder({ label: `${labelPrefix} steps` }),
      this.#onLaunch,
    );
    return this.#recorder;
  }

  /**
   * Copies values into a slot: runs before see the old ones, and the array is the caller's again. Sent off with what is submitted next.
   * `more`: what follows is recorded with it, as much again so many times; null for a call of its own. Gives the bytes.
   */
  upload(buffer: GPUBuffer, slot: BufferSlot, values: TypedArray, more: number | null): number {
    if (values.length === 0) return 0;
    const bytes = gpuBytesOf(slot, values);
    const { byteLength } = bytes;
    const isLarge = byteLength >= this.#ringFrom;
    if (isLarge || this.#recorder !== null) {
      const expected = isLarge || more !== null ? byteLength * (1 + (more ?? 0)) : 0;
      const placed = this.#uploads.put(bytes, expected);
      if (placed !== null) {
        this.recorder.copy(placed.buffer, placed.at, buffer, slot.offset, byteLength);
        return byteLength;
      }
      this.submit();
    }
    this.#device.queue.writeBuffer(buffer, slot.offset, bytes.buffer, bytes.byteOffset, byteLength);
    return byteLength;
  }

  /** The place of the inputs of a step that is recorded now; they are written with what is submitted next. */
  placeOf(places: Places): number {
    this.#fed.add(places);
    return places.take();
  }

  submit(): void {
    if (this.#recorder === null) return;
    if (this.#passClock) this.#recorder.resolve(this.#passClock);
    const commands = this.#recorder.finish();
    this.#recorder = null;
    this.#uploads.close();
    for (const places of this.#fed) places.write(this.#device.queue);
    this.#fed.clear();
    this.#device.queue.submit([commands]);
    this.#uploads.submitted();
    this.#passClock?.submitted();
  }

  /** Where to copy what is to be read back. */
  room(bytes: number): GPUBuffer {
    return this.#readbacks.take(bytes);
  }

  /** The first bytes of such a buffer, after all that was submitted. */
  deliver(room: GPUBuffer, bytes: number): Promise<ArrayBuffer> {
    return this.#readbacks.deliver(room, bytes);
  }

  /** Bytes as they are after all calls so far. Asked for at once, delivered when the GPU is done; what is asked for together is one submit. */
  async read(source: GPUBuffer, offset: number, bytes: number): Promise<ArrayBuffer> {
    this.#health.assertWell();
    const room = this.room(bytes);
    this.recorder.copy(source, offset, room, 0, bytes);
    await Promise.resolve();
    this.submit();
    return this.deliver(room, bytes);
  }

  /** For steps of which nothing comes back. */
  async done(): Promise<ArrayBuffer> {
    await this.#health.wait("waiting for steps", this.#device.queue.onSubmittedWorkDone());
    return new ArrayBuffer(0);
  }

  /** Notes that something is under way until the promise is settled. */
  note(work: Promise<unknown>): void {
    this.#underWay.push(work);
    const over = (): void => void this.#underWay.splice(this.#underWay.indexOf(work), 1);
    work.then(over, over);
  }

  /** Waits while there is too much under way. */
  async ready(): Promise<void> {
    while (this.#underWay.length > mostUnderWay) await this.#underWay[0];
  }

  /** What is recorded never happens. */
  dispose(): void {
    this.#recorder = null;
    this.#stopwatch?.dispose();
    this.#passClock?.dispose();
    this.#uploads.dispose();
    this.#readbacks.dispose();
  }
}
