/**
 * Copies written by hand with the wasm encoder, that the compiler's maps are measured against, and what all loops by hand
 * share: they read at address 0 and write behind it.
 */
import type { FunctionWriter } from "../codegen/wasm/function.ts";
import { WasmModule } from "../codegen/wasm/module.ts";
import type { Local } from "../codegen/wasm/refs.ts";

/** Four vectors at a time, so that no sum waits for the one before. */
export const wide = [0, 1, 2, 3] as const;
export const vectorBytes = 16;
export const blockBytes = wide.length * vectorBytes;

/** A loop over memory, and the views of its operand and its result. */
export interface HandWritten {
  run(): void;
  readonly x: Float32Array;
  readonly z: Float32Array;
}

/** Writes an exported function `run` over a memory with room for `count` numbers twice. */
export async function build(count: number, write: (f: FunctionWriter) => void): Promise<HandWritten> {
  const wasm = new WasmModule();
  const pages = { min: Math.ceil((count * 8) / 65_536), shared: false };
  wasm.importMemory("env", "memory", pages);
  wasm.export("run", wasm.function("run", [], [], write));
  const memory = new WebAssembly.Memory({ initial: pages.min });
  const { instance } = await WebAssembly.instantiate(wasm.finish(), { env: { memory } });
  return {
    run: instance.exports.run as () => void,
    x: new Float32Array(memory.buffer, 0, count),
    z: new Float32Array(memory.buffer, count * 4, count),
  };
}

/** Adds `step` to a local and goes around again while it is below `end`; from where it stands. */
export function loopWhile(f: FunctionWriter, at: Local, step: number, end: () => void, body: () => void): void {
  f.loop((again) => {
    body();
    f.get(at);
    f.constI32(step);
    f.op("i32.add");
    f.tee(at);
    end();
    f.op("i32.lt_u");
    f.brIf(again);
  });
}

/** Copies `bytes / 2` bytes: so much is read, and so much written. */
export function copyByHand(bytes: number): Promise<HandWritten> {
  const half = bytes / 2;
  return build(half / 4, (f) => {
    const at = f.local("i32");
    loopWhile(
      f,
      at,
      blockBytes,
      () => f.constI32(half),
      () => {
        for (const i of wide) {
          f.get(at);
          f.get(at);
          f.memory("v128.load", i * vectorBytes);
          f.memory("v128.store", half + i * vectorBytes);
        }
      },
    );
  });
}

/** The same by the engine's own `memory.copy`, which may go past the caches. */
export function moveByHand(bytes: number): Promise<HandWritten> {
  return build(bytes / 8, (f) => {
    f.constI32(bytes / 2);
    f.constI32(0);
    f.constI32(bytes / 2);
    f.op("memory.copy");
  });
}
