/**
 * What a worker of the pool runs, as text, and the imports of our modules.
 *
 * It is text because a worker starts from a file or a text, and a library's file has another address in every bundle. A
 * worker waits inside `serve` for runs, and goes back to its event loop only when a message is on its way, as the engine
 * delivers messages nowhere else.
 */

import { control, errorBytes, failure, importNames } from "../../../codegen/wasm/abi.ts";
import { floorMod } from "../../core/special.ts";
import type { SharedTrack, Track } from "../profile/launch-log.ts";

/** From the pool to a worker. The first message is `join`. */
export type ToWorker =
  | { readonly kind: "join"; readonly memory: WebAssembly.Memory; readonly thread: number }
  /** `track`: where the module, which has clocks, is to note its times. */
  | { readonly kind: "load"; readonly id: number; readonly module: WebAssembly.Module; readonly track?: SharedTrack }
  | { readonly kind: "unload"; readonly id: number };

/** From a worker to the pool: the entry is loaded, or why it is not. */
export interface FromWorker {
  readonly id: number;
  readonly problem: string | null;
}

export function moduleImports(memory: WebAssembly.Memory, track?: Track): WebAssembly.Imports {
  const clock = track === undefined ? {} : { [importNames.clock]: (_: number, mark: number) => track.mark(mark) };
  return { [importNames.module]: { [importNames.memory]: memory, [importNames.mod]: floorMod, ...clock } };
}

const word = (offset: number): number => offset / 4;

/** Plain JavaScript, for Node and for browsers. */
export const workerSource = `"use strict";
let thread = 0, memory, words, received = 0, ran = 0;
const entries = new Map();

function mod(x, y) {
  const rest = x % y;
  if (rest === 0) return y < 0 ? -0 : 0;
  return rest < 0 === y < 0 ? rest : rest + y;
}

// As Track of ../profile/launch-log.ts has it.
function clockOf({ buffer, slots, mostEvents }) {
  const numbers = new Float64Array(buffer);
  let began = slots - 1, last = 0;
  numbers[1] = performance.timeOrigin;
  return (_, mark) => {
    const now = performance.now();
    numbers[2 + began] += now - last;
    numbers[2 + slots + began]++;
    const used = numbers[0];
    if (used < mostEvents) {
      numbers[2 + 2 * slots + 2 * used] = mark;
      numbers[3 + 2 * slots + 2 * used] = now;
      numbers[0] = used + 1;
    }
    began = mark;
    last = now;
  };
}

function receive(message) {
  received++;
  switch (message.kind) {
    case "join":
      thread = message.thread;
      memory = message.memory;
      words = new Int32Array(memory.buffer, 0, ${word(control.heartbeat)});
      break;
    case "load": {
      let problem = null;
      try {
        const env = { ${importNames.memory}: memory, ${importNames.mod}: mod };
        if (message.track) env.${importNames.clock} = clockOf(message.track);
        const imports = { ${importNames.module}: env };
        entries.set(message.id, new WebAssembly.Instance(message.module, imports).exports.run);
      } catch (error) {
        problem = String(error);
      }
      post({ id: message.id, problem });
      break;
    }
    case "unload":
      entries.delete(message.id);
  }
  setTimeout(serve, 0); // later: what was posted leaves first
}

function serve() {
  for (let spin = 0; ; ) {
    const now = Atomics.load(words, ${word(control.command)});
    if (Atomics.load(words, ${word(control.mail)}) !== received) return;
    const runs = Atomics.load(words, ${word(control.runs)});
    if (runs !== ran) {
      ran = runs;
      run(Atomics.load(words, ${word(control.entry)}));
      spin = 0;
    } else if (++spin > Atomics.load(words, ${word(control.idleLooks)})) Atomics.wait(words, ${word(control.command)}, now);
  }
}

function run(id) {
  try {
    entries.get(id)(thread);
  } catch (error) {
    if (Atomics.compareExchange(words, ${word(control.failed)}, ${failure.none}, ${failure.thrown}) === ${failure.none}) {
      const text = new TextEncoder().encode(String(error)).subarray(0, ${errorBytes});
      new Uint8Array(memory.buffer, ${control.error + 4}, ${errorBytes}).set(text);
      Atomics.store(words, ${word(control.error)}, text.length);
      Atomics.notify(words, ${word(control.error)});
    }
    Atomics.notify(words, ${word(control.generation)});
  }
}

const node = typeof process === "object" && process.getBuiltinModule?.("node:worker_threads");
const port = node ? node.parentPort : undefined;
function post(message) {
  if (port) port.postMessage(message);
  else self.postMessage(message);
}
if (port) port.on("message", receive);
else self.onmessage = (event) => receive(event.data);
`;
