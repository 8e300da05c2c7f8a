/** WebAssembly as `auto` asks for it; what looks at this engine, and runs modules on it, is loaded when it does (found.ts). */
import type { WasmArtifact, WasmFacts } from "../../../codegen/wasm/artifact.ts";
import type { Device } from "../device.ts";

export const wasmDevice: Device<WasmArtifact, WasmFacts> = {
  rank: 1,
  needsGpu: false,
  policy: "wasm-unsafe-eval",
  async find(options) {
    const { wasmFound, whyNone } = await import("./found.ts");
    return whyNone() ?? wasmFound(options);
  },
  async demand(options) {
    const { wasmFound } = await import("./found.ts");
    return wasmFound(options);
  },
};
