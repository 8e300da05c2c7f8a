/** The wasm target: a module for each entry, all on one memory and one thread. */
import { bytesOf, type ModuleFile, type Options } from "./files.ts";
import { entryCall, hostState } from "./host.ts";
import type { Entry, State } from "./slots.ts";

export interface WasmProgram {
  readonly start: ModuleFile;
  readonly states: readonly State[];
  /** Of the memory, 65,536 bytes each. */
  readonly pages: number;
  readonly entries: readonly (Entry & { readonly module: ModuleFile })[];
}

export async function createWasm({ start, states, pages, entries }: WasmProgram, options: Options): Promise<object> {
  const memory = new WebAssembly.Memory({ initial: pages });
  const { buffer } = memory;
  const [file, ...modules] = await Promise.all([
    options.state ?? bytesOf(start, options),
    ...entries.map(async ({ module }) =>
      WebAssembly.instantiate(await bytesOf(module, options), { env: { memory, mod: floorMod } }),
    ),
  ]);
  const state = hostState(states, buffer, file);
  const calls = entries.map((entry, i) => {
    const run = modules[i]?.instance.exports.run as (thread: number) => number;
    return [entry.name, entryCall(entry, buffer, buffer, () => run(0))] as const;
  });
  return Object.fromEntries([["state", state], ...calls]);
}

/** The remainder with the divisor's sign, NaN for a divisor of 0. */
function floorMod(x: number, y: number): number {
  const rest = x % y;
  if (rest === 0) return y < 0 ? -0 : 0;
  return rest < 0 === y < 0 ? rest : rest + y;
}
