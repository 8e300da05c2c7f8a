/** Which engine runs this: what a run of the tests says first, as numbers and speed are an engine's. */
import { wasmFound } from "../src/runtime/wasm/device.ts";

/** "Node 26.10.0 (V8 14.6.202.34-node.34); wasm: vectors of 256 bits", or of 128 and why. */
export async function engineLine(): Promise<string> {
  const { bun, deno, node, v8 } = process.versions;
  const name = bun !== undefined ? `Bun ${bun}` : deno !== undefined ? `Deno ${deno}` : `Node ${node}`;
  const by = bun === undefined ? `V8 ${v8}` : "JavaScriptCore";
  const machine = await wasmFound({ threads: 1 }).machine(0, {});
  const vectors = machine.remarks?.[0] ?? "vectors of 256 bits";
  machine.dispose();
  return `${name} (${by}); wasm: ${vectors}`;
}
