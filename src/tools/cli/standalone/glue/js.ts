/** The js target: kernels are functions of this module. */
import { bytesOf, type ModuleFile, type Options } from "./files.ts";
import { entryCall, hostState } from "./host.ts";
import type { Entry, State } from "./slots.ts";

export interface JsProgram {
  readonly start: ModuleFile;
  readonly states: readonly State[];
  /** Bytes of each memory: those of states and scratch are shared by all entries. */
  readonly bytes: { readonly state: number; readonly arena: number };
  readonly entries: readonly (Entry & { readonly bytes: { readonly input: number; readonly output: number } })[];
  /** Of each entry what runs it once, on its inputs and outputs. */
  bind(state: ArrayBuffer, arena: ArrayBuffer): readonly ((input: ArrayBuffer, output: ArrayBuffer) => () => void)[];
}

export async function createJs({ start, states, bytes, entries, bind }: JsProgram, options: Options): Promise<object> {
  const memory = new ArrayBuffer(bytes.state);
  const state = hostState(states, memory, options.state ?? (await bytesOf(start, options)));
  const bound = bind(memory, new ArrayBuffer(bytes.arena));
  const calls = entries.map((entry, i) => {
    const [input, output] = [new ArrayBuffer(entry.bytes.input), new ArrayBuffer(entry.bytes.output)];
    return [entry.name, entryCall(entry, input, output, bound[i]?.(input, output) ?? (() => {}))] as const;
  });
  return Object.fromEntries([["state", state], ...calls]);
}
