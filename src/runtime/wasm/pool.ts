/**
 * The wasm machine's workers: threads 1, 2, ... of every step; thread 0 is whoever calls.
 *
 * A run is a count and the entry's number written to shared memory, and all threads call the entry's `run`, which ends with
 * a barrier. Modules travel as messages, in between. A worker that ends is an error, noticed in the step by the barrier and
 * otherwise by its event.
 */

import { control, failure } from "../../../codegen/wasm/abi.ts";
import { CompilerBug, DeviceError } from "../../core/errors.ts";
import type { SharedTrack, Track } from "../profile/launch-log.ts";
import type { HostWorker, WasmHost } from "./host.ts";
import { type FromWorker, type ToWorker, workerSource } from "./worker.ts";

/** How long workers may take to start and to load a module, in milliseconds: seconds on a busy machine. */
const loadDeadlineMs = 60_000;

interface Load {
  /** Workers that have not answered. */
  missing: number;
  done(): void;
  failed(error: Error): void;
}

export class WasmPool {
  readonly #words: Int32Array;
  readonly #bytes: Uint8Array;
  readonly #workers: HostWorker[] = [];
  readonly #loads = new Map<number, Load>();
  readonly #report: (error: Error) => void;
  #hasEnded = false;

  /** Starts `threads - 1` workers over a shared memory. `report` is told of the first worker that ends by itself. */
  constructor(host: WasmHost, memory: WebAssembly.Memory, threads: number, report: (error: Error) => void) {
    this.#words = new Int32Array(memory.buffer, 0, control.heartbeat / 4);
    this.#bytes = new Uint8Array(memory.buffer, 0, control.heartbeat);
    this.#report = report;
    try {
      for (let thread = 1; thread < threads; thread++) {
        const worker = host.newWorker(workerSource, {
          message: (data) => this.#answer(data as FromWorker),
          end: (reason) => this.#lost(thread, reason),
        });
        this.#workers.push(worker);
      }
    } catch (error) {
      this.end(new DeviceError(notStarted(error instanceof Error ? error.message : String(error))));
      throw new DeviceError(notStarted(error instanceof Error ? error.message : String(error)));
    }
    Atomics.add(this.#words, control.mail / 4, 1);
    for (const [i, worker] of this.#workers.entries()) {
      worker.post({ kind: "join", memory, thread: i + 1 } satisfies ToWorker);
    }
  }

  /**
   * Gives every worker an entry's module; until then it must not be started. The timer keeps the process alive meanwhile. `tracks`: by
   * thread, where a module with clocks notes its times.
   */
  async load(id: number, module: WebAssembly.Module, tracks?: readonly Track[]): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    try {
      await new Promise<void>((done, failed) => {
        this.#loads.set(id, { missing: this.#workers.length, done, failed });
        timer = setTimeout(() => {
          const seconds = loadDeadlineMs / 1000;
          this.#report(new DeviceError(notStarted(`they did not answer for ${seconds} seconds`)));
        }, loadDeadlineMs);
        this.#send((thread) => ({ kind: "load", id, module, ...shared(tracks?.[thread]) }));
      });
    } finally {
      clearTimeout(timer);
      this.#loads.delete(id);
    }
  }

  unload(id: number): void {
    this.#send(() => ({ kind: "unload", id }));
  }

  /** Sends the workers off; the caller then runs the entry itself. */
  start(id: number): void {
    const words = this.#words;
    Atomics.store(words, control.entry / 4, id);
    Atomics.add(words, control.runs / 4, 1);
    this.#wake();
  }

  /** Why a run gave up. */
  gaveUp(): Error {
    const words = this.#words;
    if (Atomics.load(words, control.failed / 4) === failure.thrown) {
      // The thread that threw says so first and then writes why.
      Atomics.wait(words, control.error / 4, 0, 100);
      const length = Atomics.load(words, control.error / 4);
      const text = new TextDecoder().decode(this.#bytes.slice(control.error + 4, control.error + 4 + length));
      return new CompilerBug(`the wasm code stopped on a worker: ${text}`);
    }
    const seconds = Atomics.load(words, control.deadlineMs / 4) / 1000;
    return new DeviceError(lostWorker(`did not come to the end of a kernel for ${seconds} seconds`));
  }

  /** Ends the workers, wherever they are. Loads under way fail with the reason given. */
  end(reason: Error): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    for (const worker of this.#workers) worker.terminate();
    this.#workers.length = 0;
    for (const load of this.#loads.values()) load.failed(reason);
    this.#loads.clear();
  }

  #send(messageFor: (thread: number) => ToWorker): void {
    if (this.#hasEnded) return;
    // The count comes first: a worker that has had fewer messages waits for the next in its event loop.
    Atomics.add(this.#words, control.mail / 4, 1);
    for (const [i, worker] of this.#workers.entries()) worker.post(messageFor(i + 1));
    this.#wake();
  }

  #wake(): void {
    Atomics.add(this.#words, control.command / 4, 1);
    Atomics.notify(this.#words, control.command / 4);
  }

  #answer({ id, problem }: FromWorker): void {
    const load = this.#loads.get(id);
    if (load === undefined) return;
    if (problem !== null) load.failed(new DeviceError(notStarted(`one could not load its code: ${problem}`)));
    load.missing -= 1;
    if (load.missing === 0) load.done();
  }

  #lost(thread: number, reason: string): void {
    if (!this.#hasEnded) this.#report(new DeviceError(lostWorker(`(number ${thread}) is gone: ${reason}`)));
  }
}

/** The part of a track that can be sent. */
function shared(track: Track | undefined): { readonly track?: SharedTrack } {
  if (track === undefined) return {};
  const { buffer, slots, mostEvents } = track;
  return { track: { buffer, slots, mostEvents } };
}

function notStarted(why: string): string {
  return `the wasm target's worker threads do not start: ${why}. Use threads: 1, which needs no workers.`;
}

function lostWorker(what: string): string {
  return (
    `a worker thread of the wasm target ${what}. What it was computing is lost: compile again and load your last ` +
    "checkpoint. With threads: 1 there are no workers."
  );
}
