/** tensorloom itself on a CPU: `node tensorloom.mjs DATA js`, `... wasm 1`, `... wasm 2`. */
import { serve } from "../protocol.ts";
import { ownSystem } from "./own.ts";

const [folder = "", target = "js", threads = "1"] = process.argv.slice(2);

await serve(folder, async () => ownSystem(target === "js" ? { target } : { target: "wasm", threads: Number(threads) }));
