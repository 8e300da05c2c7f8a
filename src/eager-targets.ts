/**
 * Targets that nothing has to be waited for: for `compileOn`, and for who compares targets. Who imports one has all of its code;
 * `compile` goes through targets.ts, which loads the one it takes.
 */
import { js } from "../codegen/js/target.ts";
import { type BoundTarget, bindTarget } from "../codegen/target.ts";
import { wasm } from "../codegen/wasm/target.ts";
import { wgsl } from "../codegen/wgsl/target.ts";
import type { TargetName } from "./kernel/target.ts";
import type { TargetOptions } from "./runtime/device.ts";
import { jsFound } from "./runtime/js/device.ts";
import { wasmFound } from "./runtime/wasm/found.ts";
import type { GpuSource } from "./runtime/webgpu/connection.ts";
import { gpuFound } from "./runtime/webgpu/device.ts";
import { setupOf, type TargetSetup } from "./target-setup.ts";

/** The CPU, as JavaScript. */
export const jsTarget: TargetSetup = /* @__PURE__ */ setupOf(js, jsFound);

/** The CPU, as WebAssembly. */
export function wasmTarget(options: TargetOptions = {}, why?: string): TargetSetup {
  return setupOf(wasm, wasmFound(options), why);
}

/** A GPU, through WebGPU. */
export function wgslTarget(source: GpuSource, why?: string): TargetSetup {
  return setupOf(wgsl, gpuFound(source), why);
}

/** To compile for without having the device: what is printed runs wherever the target does. */
export const plannedTargets: Readonly<Record<TargetName, BoundTarget>> = {
  js: /* @__PURE__ */ bindTarget(js),
  wasm: /* @__PURE__ */ bindTarget(wasm),
  wgsl: /* @__PURE__ */ bindTarget(wgsl),
};
