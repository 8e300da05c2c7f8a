/** Which engine runs this: what a run of the tests says first, as numbers and speed are an engine's. */
import { wasmFound } from "../src/runtime/wasm/found.ts";
import { engineName } from "../src/tools/engine-name.ts";

/** "Node v26.10.0 (V8 14.6.202.34-node.34); wasm: vectors of 256 bits", or of 128 and why. */
export async function engineLine(): Promise<string> {
  const { bun, v8 } = process.versions;
  const machine = await wasmFound({ threads: 1 }).machine(0, {});
  const vectors = machine.remarks?.[0] ?? "vectors of 256 bits";
  machine.dispose();
  return `${engineName()} (${bun === undefined ? `V8 ${v8}` : "JavaScriptCore"}); wasm: ${vectors}`;
}
