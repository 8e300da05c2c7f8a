/**
 * A target on its device: what the pipeline takes. Devices are small and at hand, so that `auto` may ask each; what prints for them
 * and what runs what was printed is loaded once one is chosen (targets.ts), as a page needs only one of them.
 */
import { type BoundTarget, bindTarget, type Target } from "../codegen/target.ts";
import { DeviceError } from "./core/errors.ts";
import { type TargetName, targetNames } from "./kernel/target.ts";
import type { Artifact } from "./program/artifact.ts";
import type { Device, Found } from "./runtime/device.ts";
import { jsDevice } from "./runtime/js/device.ts";
import type { Machine, MachineOptions } from "./runtime/machine.ts";
import { wasmDevice } from "./runtime/wasm/device.ts";
import { gpuDevice } from "./runtime/webgpu/device.ts";

/** A target as the pipeline uses it, with the device that runs what it prints. */
export interface TargetSetup<A extends Artifact = Artifact> extends BoundTarget<A> {
  /** Why this target was taken. */
  readonly why: string;
  machine(stateBytes: number, options: MachineOptions): Promise<Machine<A>>;
}

/** A target on a device that was found. */
export function setupOf<A extends Artifact, Facts>(
  target: Target<A, Facts>,
  { facts, forbidden, machine }: Found<A, Facts>,
  why = "asked for",
): TargetSetup<A> {
  return {
    ...bindTarget(target, facts),
    why,
    async machine(stateBytes, options) {
      const lack = forbidden?.() ?? null;
      if (lack !== null) throw new DeviceError(`target "${target.name}": ${lack}. ${otherPolicies(target.name)}`);
      return machine(stateBytes, options);
    },
  };
}

/** What the other targets need. */
function otherPolicies(name: string): string {
  const all: Readonly<Record<TargetName, Pick<Device<never, never>, "policy">>> = {
    js: jsDevice,
    wasm: wasmDevice,
    wgsl: gpuDevice,
  };
  const others = targetNames.filter((other) => other !== name);
  const needs = others.map((other) => {
    const { policy } = all[other];
    return `target "${other}" needs ${policy === null ? "nothing of the kind" : `'${policy}'`}`;
  });
  return `The ${needs.join(", the ")}.`;
}
