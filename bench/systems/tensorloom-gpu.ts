/** tensorloom itself on whatever adapter Dawn finds: `node tensorloom-gpu.mjs DATA`. */
import { nodeGpu } from "tensorloom/node";
import { serve } from "../protocol.ts";
import { ownSystem } from "./own.ts";

const [folder = ""] = process.argv.slice(2);

await serve(folder, async () => ownSystem({ target: "wgsl", gpu: await nodeGpu() }));
