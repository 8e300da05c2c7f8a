/**
 * The one memory of a wasm machine: made small, grown when entries are prepared, never in a step.
 */

import { mostPages, pageBytes } from "../../../codegen/wasm/abi.ts";
import { DeviceError, messageOf } from "../../core/errors.ts";

/** Makes a memory; an engine does it with `new WebAssembly.Memory`. */
export type MemoryMaker = (descriptor: WebAssembly.MemoryDescriptor) => WebAssembly.Memory;

export class WasmMemory {
  readonly memory: WebAssembly.Memory;
  readonly #most: number;

  /** Throws `DeviceError` where `bytes` cannot be had; `what` says what they are for. */
  constructor(bytes: number, what: string, shared: boolean, make: MemoryMaker) {
    const initial = pagesFor(bytes);
    if (initial > mostPages) throw new DeviceError(tooLarge(bytes, what));
    const made = shared ? makeShared(initial, make) : attempt(make, { initial });
    if (made instanceof Error) throw new DeviceError(refused(bytes, what, bytes, made.message));
    this.memory = made.memory;
    this.#most = made.most;
  }

  get buffer(): ArrayBuffer {
    return this.memory.buffer;
  }

  /** Grows the memory to at least `end` bytes, of which `bytes` are for `what`. Old views do not show what is new. */
  ensure(end: number, bytes: number, what: string): void {
    const missing = pagesFor(end) - this.buffer.byteLength / pageBytes;
    if (missing <= 0) return;
    if (pagesFor(end) > this.#most) {
      const limit = this.#most === mostPages ? "" : `, of which this engine gives ${this.#most * pageBytes}`;
      throw new DeviceError(tooLarge(bytes, what, end, limit));
    }
    try {
      this.memory.grow(missing);
    } catch (error) {
      throw new DeviceError(refused(bytes, what, end, messageOf(error)));
    }
  }
}

interface Made {
  readonly memory: WebAssembly.Memory;
  readonly most: number;
}

/** A shared memory reserves addresses up to its maximum, which small machines refuse: it asks for less and less. */
function makeShared(initial: number, make: MemoryMaker): Made | Error {
  for (let maximum = mostPages; ; maximum /= 2) {
    const made = attempt(make, { initial, maximum: Math.max(maximum, initial), shared: true });
    if (!(made instanceof Error) || maximum <= initial || maximum === 1) return made;
  }
}

function attempt(make: MemoryMaker, descriptor: WebAssembly.MemoryDescriptor): Made | Error {
  try {
    return { memory: make(descriptor), most: descriptor.maximum ?? mostPages };
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

function pagesFor(bytes: number): number {
  return Math.ceil(bytes / pageBytes);
}

function tooLarge(bytes: number, what: string, all = bytes, limit = ""): string {
  return (
    `the wasm target needs ${bytes} bytes for ${what}, ${all} in all, and its memory has at most ` +
    `${mostPages * pageBytes}${limit}. Use a smaller batch or model, or target: "js", which has one memory per kind.`
  );
}

function refused(bytes: number, what: string, all: number, message: string): string {
  return (
    `the wasm target asked for ${bytes} bytes for ${what}, ${all} in all, and the engine did not give them: ${message}. ` +
    "Use a smaller batch or model, or dispose of executables that are no longer needed."
  );
}
