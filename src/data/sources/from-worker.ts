/**
 * Datasets that are read in a worker: files are decoded and batches are put together there, while this thread trains. Node only.
 *
 *   // batches.ts:   export default datasets.imageFolder("flowers", { size: 64 }).shuffle(1000).batch(32);
 *   const data = await datasets.fromWorker(new URL("./batches.ts", import.meta.url), { prefetch: 4 });
 */
import { Worker } from "node:worker_threads";
import { DataError, messageOf, UserError } from "../../core/errors.ts";
import { checkArguments, checkOptions, count, type OptionTable, show } from "../../core/options.ts";
import { fail } from "../fail.ts";
import { Cursor, type MaybePromise } from "../pipeline/cursor.ts";
import { Dataset } from "../pipeline/dataset.ts";
import { isFields } from "../pipeline/layout.ts";
import { Pixels } from "../pixels.ts";
import { workerCode } from "./worker-code.ts";

export interface FromWorkerOptions {
  /** How many elements the worker makes ahead. 2 by default. */
  readonly prefetch?: number;
}

/** A URL: not all projects that read our types know that class. */
export interface ModuleUrl {
  readonly href: string;
}

const table: OptionTable<FromWorkerOptions> = { prefetch: count };

interface Told {
  readonly name: string;
  readonly message: string;
  /** With the user's lines in the worker. */
  readonly stack?: string | undefined;
}

/** What the worker says. */
interface Answer {
  readonly ready?: { readonly size: number | null; readonly batchSize: number | null; readonly samples: number | null };
  readonly failed?: Told;
  readonly id?: number;
  readonly value?: unknown;
  readonly pixels?: readonly (readonly string[])[];
  readonly done?: true;
  readonly error?: Told;
}

/**
 * The dataset that a module exports as its default, read in a worker that lives as long as the process has a use for it. What fails in
 * the worker is an error of the pass that meets it, with the module and the element's place.
 */
export function fromWorker<T>(module: ModuleUrl, options: FromWorkerOptions = {}): Promise<Dataset<T>> {
  const opened = openWorker<T>(module, options, arguments);
  opened.catch(() => {}); // several are started before the first is waited for: one that fails meanwhile must not end the process
  return opened;
}

async function openWorker<T>(
  module: ModuleUrl,
  options: FromWorkerOptions,
  given: ArrayLike<unknown>,
): Promise<Dataset<T>> {
  checkArguments("fromWorker", given, 2);
  const { prefetch = 2 } = checkOptions("fromWorker", options, table, { before: "url, " });
  if (!(module instanceof URL)) fail("fromWorker", `takes the URL of a module, new URL("./data.js", import.meta.url), not ${show(module)}`); // biome-ignore format: short
  const reader = new WorkerReader(module.href);
  const { size, batchSize, samples } = await reader.ready;
  const open = ({ epoch }: { readonly epoch: number }): Cursor<T> => new WorkerCursor<T>(reader, epoch, prefetch);
  return new Dataset<T>({ open, size }, batchSize, samples);
}

type Listener = (answer: Answer) => void;

/** The worker, and who waits for what. */
class WorkerReader {
  readonly ready: Promise<NonNullable<Answer["ready"]>>;
  readonly url: string;
  readonly #worker: Worker;
  readonly #listeners = new Map<number, Listener>();
  #next = 0;
  /** Why there is no worker any more: no message to it would be answered. */
  #ended: Answer | null = null;

  constructor(url: string) {
    this.url = url;
    this.#worker = new Worker(workerCode, { eval: true, workerData: { url } });
    this.ready = new Promise((resolve, reject) => {
      const end = (why: string): void => {
        if (this.#ended !== null) return; // the first reason is the one to tell
        this.#ended = { error: { name: "Error", message: why } };
        reject(new DataError(`${url}: ${why}`));
        for (const listener of this.#listeners.values()) listener(this.#ended);
        this.#listeners.clear();
      };
      this.#worker.on("error", (error: unknown) => end(`the worker failed: ${messageOf(error)}`)); // anything can be thrown
      this.#worker.on("messageerror", (error) => end(`a message of the worker could not be read: ${messageOf(error)}`));
      this.#worker.on("exit", (code) => end(`the worker ended with code ${code}`));
      this.#worker.on("message", (answer: Answer) => {
        if (answer.ready !== undefined) resolve(answer.ready);
        else if (answer.failed !== undefined) {
          end(`the worker could not read it: ${answer.failed.message}`);
          void this.#worker.terminate();
        } else this.#listeners.get(answer.id ?? -1)?.(answer);
        this.#rest();
      });
    });
  }

  open(place: { readonly epoch: number; readonly from: number }, ahead: number, listener: Listener): number {
    const id = this.#next++;
    if (this.#ended !== null) {
      listener(this.#ended);
      return id;
    }
    this.#listeners.set(id, listener);
    this.#worker.ref();
    this.#worker.postMessage({ id, open: place, more: ahead });
    return id;
  }

  more(id: number): void {
    this.#worker.postMessage({ id, more: 1 });
  }

  close(id: number): void {
    if (!this.#listeners.delete(id)) return;
    this.#worker.postMessage({ id, close: true });
    this.#rest();
  }

  /** A worker that nobody waits for keeps no process alive. */
  #rest(): void {
    if (this.#listeners.size === 0) this.#worker.unref();
  }
}

class WorkerCursor<T> extends Cursor<T> {
  readonly #reader: WorkerReader;
  readonly #epoch: number;
  readonly #ahead: number;
  readonly #answers: Answer[] = [];
  #id: number | null = null;
  #from = 0;
  #taken = 0;
  #current: Answer | null = null;
  #isOver = false;
  #wake: (() => void) | null = null;

  constructor(reader: WorkerReader, epoch: number, ahead: number) {
    super();
    this.#reader = reader;
    this.#epoch = epoch;
    this.#ahead = ahead;
  }

  async advance(): Promise<boolean> {
    if (this.#isOver) return false;
    this.#id ??= this.#reader.open({ epoch: this.#epoch, from: this.#from }, this.#ahead, (answer) => {
      this.#answers.push(answer);
      this.#wake?.();
    });
    while (this.#answers.length === 0) await new Promise<void>((resolve) => (this.#wake = resolve));
    const answer = this.#answers.shift() ?? {};
    if (answer.done === true || answer.error !== undefined) {
      this.#isOver = true;
      this.close();
    } else this.#reader.more(this.#id);
    if (answer.error !== undefined) throw this.#errorFrom(answer.error);
    this.#taken++;
    this.#current = answer;
    return answer.done !== true;
  }

  value(): T {
    const { value, pixels = [] } = this.#current ?? {};
    return pixels.reduce((whole, path) => withPixels(whole, path), value) as T; // what the module's dataset gives
  }

  /** The worker passes over what comes before the first. */
  override skip(count: number): MaybePromise<void> {
    if (this.#id !== null) return super.skip(count);
    this.#from += count;
  }

  override close(): void {
    if (this.#id !== null) this.#reader.close(this.#id);
    this.#isOver = true;
    this.#answers.push({ done: true }); // for who waits still
    this.#wake?.();
  }

  /** Our own say what is wrong and where; what a user's function threw has no place of its own. */
  #errorFrom({ name, message, stack }: Told): Error {
    const cause = stack === undefined ? {} : { cause: stack };
    if (name === "DataError") return new DataError(message, cause);
    if (ours.includes(name)) return new UserError(message, cause);
    return new DataError(`${this.#reader.url}: element ${this.#from + this.#taken} of epoch ${this.#epoch} (the first of both is 0): ${message}`, cause); // biome-ignore format: short
  }
}

const ours = ["UserError", "ShapeError", "FeedError", "DeviceError"];

/** Pixels come as other bytes: messages between threads know no classes of ours. */
function withPixels(value: unknown, [name, ...rest]: readonly string[]): unknown {
  if (name === undefined) return value instanceof Uint8Array ? new Pixels(value.buffer as ArrayBuffer, value.byteOffset, value.length) : value; // biome-ignore format: short
  if (Array.isArray(value))
    return value.map((part: unknown, i) => (String(i) === name ? withPixels(part, rest) : part));
  return isFields(value) ? { ...value, [name]: withPixels(value[name], rest) } : value;
}
