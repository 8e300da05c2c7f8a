/**
 * What the threads of the wasm target do at most, together, measured by modules of codegen/wasm/ceiling-probe.ts in a memory and on
 * workers of their own: the machine's memory would not become small again.
 */
import { control, controlBytes, pageBytes, patientLooks } from "../../../codegen/wasm/abi.ts";
import {
  copyModule,
  copyStep,
  flopsPerRound,
  multiplyAddModule,
  probeStart,
  sums,
} from "../../../codegen/wasm/ceiling-probe.ts";
import { CompilerBug } from "../../core/errors.ts";
import type { Ceiling } from "../machine.ts";
import { bestRate } from "../profile/best-rate.ts";
import type { Instantiate, WasmHost } from "./host.ts";
import { WasmPool } from "./pool.ts";
import { moduleImports } from "./worker.ts";

export interface CeilingParts {
  readonly host: WasmHost;
  readonly threads: number;
  readonly relaxed: boolean;
  /** How modules are compiled whose vectors are joined to 256 bits; null where none are. */
  readonly joined: Instantiate | null;
}

const rounds = 200_000;
/** By all threads. */
const copiedBytes = 2 ** 25;
const deadlineMs = 10_000;

export async function wasmCeiling(parts: CeilingParts): Promise<Ceiling> {
  const { threads, relaxed, joined } = parts;
  const crew = { threads, shared: threads > 1 };
  const own = Math.floor(copiedBytes / threads / copyStep) * copyStep;
  const probe = new Probe(parts, probeStart + 2 * own * threads);
  try {
    const wide = joined === null ? 1 : 2;
    const multiply = multiplyAddModule(rounds, wide * sums, relaxed, crew);
    const flops = await bestRate(await probe.load(multiply, joined), wide * flopsPerRound * rounds * threads, 1);
    const bytes = await bestRate(await probe.load(copyModule(own, crew), null), 2 * own * threads, 1);
    return { flops, bytes };
  } finally {
    probe.end();
  }
}

class Probe {
  readonly #host: WasmHost;
  readonly #memory: WebAssembly.Memory;
  readonly #pool: WasmPool | null;
  #failure: Error | null = null;
  #loaded = 0;

  constructor({ host, threads }: CeilingParts, bytes: number) {
    const pages = Math.ceil(Math.max(bytes, controlBytes) / pageBytes);
    const shared = threads > 1;
    this.#host = host;
    this.#memory = host.newMemory(shared ? { initial: pages, maximum: pages, shared } : { initial: pages });
    new Uint8Array(this.#memory.buffer).fill(1, probeStart); // pages that nobody has written to are all one page
    const words = new Int32Array(this.#memory.buffer, 0, controlBytes / 4);
    words[control.deadlineMs / 4] = deadlineMs;
    words[control.barrierLooks / 4] = patientLooks.barrier;
    words[control.idleLooks / 4] = patientLooks.idle;
    const report = (error: Error): void => {
      this.#failure = error;
      this.#pool?.end(error);
    };
    this.#pool = shared ? new WasmPool(host, this.#memory, threads, report) : null;
  }

  /** Gives a function that runs a module on all threads, and says how many milliseconds that took. */
  async load(bytes: Uint8Array<ArrayBuffer>, joined: Instantiate | null): Promise<() => number> {
    const imports = moduleImports(this.#memory);
    const { module, instance } = await this.#host.instantiate(bytes, imports, joined ?? undefined);
    const id = this.#loaded++;
    await this.#pool?.load(id, module);
    const { run } = instance.exports;
    if (typeof run !== "function") throw new CompilerBug("a probe of the ceiling exports no run");
    return () => {
      if (this.#failure !== null) throw this.#failure;
      const began = performance.now();
      this.#pool?.start(id);
      if (run(0) !== 0) throw this.#pool?.gaveUp() ?? new CompilerBug("a probe of the ceiling gave up on one thread");
      return performance.now() - began;
    };
  }

  end(): void {
    this.#pool?.end(new CompilerBug("a probe of the ceiling was over"));
  }
}
