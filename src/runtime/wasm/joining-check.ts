/** Runs the probe of joined vectors (codegen/wasm/joining-probe.ts) in this engine. */
import { type JoiningProbe, joiningProbe } from "../../../codegen/wasm/joining-probe.ts";
import type { Instantiate } from "./host.ts";

interface Loaded extends Pick<JoiningProbe, "results"> {
  check(): void;
  work(times: number): void;
  readonly buffer: ArrayBuffer;
}

function loaded(instantiate: Instantiate, { bytes, inputs, results }: JoiningProbe): Loaded {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1 });
  const { check, work } = instantiate(bytes, { "": { m: memory } }).instance.exports;
  if (!isCall(check) || !isCall(work)) throw new TypeError("the module lacks what it exports");
  for (const [address, values] of inputs)
    new Uint8Array(memory.buffer, address, values.byteLength).set(new Uint8Array(values.buffer));
  return { check, work, results, buffer: memory.buffer };
}

function isCall(value: unknown): value is (...operands: readonly number[]) => void {
  return typeof value === "function";
}

/** The first result that is not JavaScript's, to the bit but for a NaN's; null where there is none. */
function firstWrong({ buffer, results: { address, of } }: Loaded): string | null {
  for (const [n, { name, float, word }] of of.entries()) {
    const found = new DataView(buffer, address + n * 32, 32);
    for (let lane = 0; lane < 8; lane++) {
      const wanted = float?.(lane);
      const areNaN = wanted !== undefined && Number.isNaN(wanted) && Number.isNaN(found.getFloat32(4 * lane, true));
      const bits = wanted === undefined ? (word?.(lane) ?? 0) >>> 0 : floatBits(wanted);
      if (!areNaN && found.getUint32(4 * lane, true) !== bits) return name;
    }
  }
  return null;
}

const floatBits = (value: number): number => new Uint32Array(Float32Array.of(value).buffer)[0] ?? 0;

/** One call, long enough for the clock. */
const timesOver = 40;
/** The least of so many is what the code takes, whatever else the machine does. */
const tries = 9;
/** Joined takes 0.5 to 0.55 of the time. */
const mostOfTime = 0.8;

/** Why modules that `joined` makes are of no use, or null; `alike` optimizes them as well, and joins nothing. */
export function whyNotJoined(joined: Instantiate, alike: Instantiate, relaxed: boolean): string | null {
  const wide = loaded(joined, joiningProbe(relaxed, 256));
  wide.check();
  const wrong = firstWrong(wide);
  if (wrong !== null) return `this engine joins vectors wrongly (${wrong})`;
  const narrow = loaded(alike, joiningProbe(relaxed, 128));
  let [least, leastWide] = [Infinity, Infinity];
  for (let n = 0; n < tries; n++) {
    least = Math.min(least, timeOf(narrow));
    leastWide = Math.min(leastWide, timeOf(wide));
  }
  return leastWide < mostOfTime * least ? null : "this engine or this processor does not join vectors";
}

function timeOf({ work }: Loaded): number {
  const started = performance.now();
  work(timesOver);
  return performance.now() - started;
}
