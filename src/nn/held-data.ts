/**
 * Held data: `fit` leaves its samples on the device where that pays, and those it validates on; a step is fed the numbers of its samples.
 *
 *   fit({ x, y })                                          x and y go over once, bytes as bytes; a step gathers and scales its rows
 *                                                          itself (dsl/by-rows.ts)
 *   fit({ data: files.map(f).cache().shuffle(n).batch(64) })   fed in the first epoch; then the cache is a table in memory, and held
 *
 * A GPU is sent many steps at once (runtime/webgpu/chunk.ts), up to where somebody wants to read a value.
 *
 * The losses are the same to the bit as those of batches that the host gathers. What it costs is another compilation of the step and
 * the memory; so the arrays of a short run are fed, and on `js`, where gathering is the same loop on either side, those of any.
 */
import { UserError } from "../core/errors.ts";
import { holdRows } from "../runtime/executable.ts";
import type { HeldRows } from "../runtime/held-rows.ts";
import type { BatchEntry, BatchRows, BatchSource, FedBatch } from "./batches.ts";
import type { AnyFitOptions } from "./fit-options.ts";
import type { Session } from "./session.ts";

/** Bytes that are held where nobody says how many. */
const mostHeldBytes = 2 ** 28;

/**
 * Numbers that a run feeds as its inputs, over all steps, from which holding pays: gathering and feeding take about 2 ns each on
 * `wasm` (0.1 ms for 64 images of 784), and the compilation 80 ms.
 */
const leastNumbers = 40_000_000;

/** Of what `fit` was asked for; `entry`: what its steps are. */
interface HoldWish {
  readonly entry: BatchEntry;
  /** How often it goes over the data. */
  readonly epochs: number;
  readonly holdBytes: AnyFitOptions["holdBytes"] | undefined;
  /** Bytes that others hold of what may be held. */
  readonly besides?: number | undefined;
}

/** A data set on the device. */
export class HeldData {
  readonly bytes: number;
  readonly #session: Session;
  readonly #executable: Session["executable"];
  readonly #rows: HeldRows;
  readonly #numbers = new Map<number, Int32Array>();

  private constructor(session: Session, rows: HeldRows, bytes: number) {
    this.#session = session;
    this.#executable = session.executable;
    this.#rows = rows;
    this.bytes = bytes;
  }

  /**
   * Null where the data is fed: it is no rows of a table in memory, too large, or too little used; or the device has no room. `before` is what was found
   * the last time.
   */
  static async of(
    before: HeldData | null | undefined,
    session: Session,
    data: BatchSource,
    { entry, epochs, holdBytes, besides = 0 }: HoldWish,
  ): Promise<HeldData | null> {
    if (before !== undefined && before?.isStale !== true) return before;
    const { executable } = session;
    const { target } = executable.report;
    if (holdBytes === 0 || (holdBytes === undefined && target === "js")) return null; // before the data is looked through
    const holdable = session.debugsNaN || data.sizes.length === 0 ? null : data.holdable();
    if (holdable === null) return null;
    const { samples, key } = holdable;
    if (samples.heldBytes > (holdBytes ?? mostHeldBytes) - besides) return null;
    if (holdBytes === undefined && samples.numbers * epochs < leastNumbers) return null;
    try {
      // WGSL lets a division be wrong in the last bits.
      const inputs = samples.held(target !== "wgsl");
      const sizes = data.sizes.map((batch) => ({ batch }));
      const rows = await holdRows(executable, { entry, count: samples.count, inputs, sizes, key });
      if (rows === null) return null;
      data.nowHeld();
      return new HeldData(session, rows, samples.heldBytes);
    } catch (error) {
      // What it has no room for, or more of than kernels can count, is fed; other refusals come again there.
      if (error instanceof UserError) return null;
      throw error;
    }
  }

  /** Whether the program was exchanged for another, which knows nothing of it. */
  get isStale(): boolean {
    return this.#executable !== this.#session.executable;
  }

  /** Enqueues a step on a batch; false where it must be fed. In a turn. */
  step({ rows }: FedBatch): boolean {
    if (rows === null || this.isStale) return false;
    const size = rows.to - rows.from;
    if (!this.#rows.takes(size)) return false;
    this.#rows.step(this.#numbersOf(rows, size));
    return true;
  }

  /** Between steps: what to wait for, where a GPU has more of them than is sensible. */
  ready(): Promise<void> | null {
    return this.#rows.ready();
  }

  /** Sends off the steps so far, which a GPU takes many of at once: before anything is read. */
  flush(): void {
    this.#rows.flush();
  }

  release(): void {
    this.#rows.release();
  }

  #numbersOf({ order, from }: BatchRows, size: number): Int32Array {
    const numbers = this.#numbers.get(size) ?? new Int32Array(size);
    this.#numbers.set(size, numbers);
    for (let i = 0; i < size; i++) numbers[i] = order[from + i] ?? 0;
    return numbers;
  }
}
