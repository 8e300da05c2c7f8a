/**
 * Choices in use: a target whose kernels are scheduled as was measured to be best on the machine that runs them.
 */
import type { Candidate } from "../../codegen/target.ts";
import { shapeKey } from "../../passes/kernel/shape-key.ts";
import type { Scheduling, Tuned } from "../../passes/schedule/schedule.ts";
import { version } from "../core/version.ts";
import type { Kernel } from "../kernel/kernel.ts";
import type { TargetSetup } from "../target-setup.ts";
import { isSameDevice, isSamePlace, type Place, type PlaceChoices } from "./choices.ts";
import { choicesPath, hostName, readChoices } from "./choices-file.ts";

/** What `compile` is told of choices. */
export interface TuningOptions {
  /**
   * Whether to use what was measured on this machine (by `tensorloom tune`, or by `tune: true`): "kept" uses it; true measures first
   * what is not known yet, which takes up to a minute; false does not look. By default "kept", but on `js`, where it is false.
   */
  readonly tune?: boolean | "kept";
  /** Where that is kept: "tuning.json" in the folder TENSORLOOM_CACHE, or in the user's cache. */
  readonly tuningFile?: string;
}

/** The target with the choices of the file for this device, if there is one. */
export function withKeptChoices(
  target: TargetSetup,
  device: string,
  { tune = target.traits.name === "js" ? false : "kept", tuningFile }: TuningOptions,
  warn: (message: string) => void,
): TargetSetup {
  if (tune === false) return target;
  const file = choicesPath(tuningFile);
  const places = file === null ? [] : readChoices(file, warn);
  if (places.length === 0) return target;
  const here = placeOf(target, device);
  const found = places.find((place) => isSamePlace(place, here));
  if (found !== undefined) return tunedTarget(target, found, warn);
  const stale = places.find((place) => isSameDevice(place, here));
  if (stale !== undefined) {
    const versions = `tensorloom ${stale.compiler}, and this is ${here.compiler}`;
    warn(`${file} is not used: it was measured with ${versions}. Run "tensorloom tune" to measure anew.`);
  }
  return target;
}

/** Where a machine that says this of itself measures. */
export function placeOf({ traits: { name }, facts }: TargetSetup, device: string): Place {
  // A GPU is known by its name; the CPU by ours.
  const known = device.startsWith("wgsl") ? device : `${device}, ${hostName()}`;
  return { target: name, device: known, facts, compiler: version };
}

/** The target, where kernels go by these choices. */
function tunedTarget(
  target: TargetSetup,
  { kernels }: Pick<PlaceChoices, "kernels">,
  warn: (message: string) => void,
): TargetSetup {
  const offered = new Map(target.candidates().map((candidate) => [candidate.name, candidate]));
  const find = (kernel: Kernel): Tuned | undefined => {
    const choice = kernels.get(shapeKey(kernel))?.choice ?? null;
    if (choice === null) return undefined;
    const candidate = offered.get(choice);
    if (candidate === undefined)
      warn(`the tuning file names "${choice}", which the ${target.traits.name} target does not offer`);
    return candidate === undefined ? undefined : asTuned(candidate, warn);
  };
  // Asked for in every stage of scheduling, by each launch; a key is the whole kernel as text.
  const found = new WeakMap<Kernel, { readonly tuned: Tuned | undefined }>();
  const tuned: Scheduling["tuned"] = (kernel) => {
    const known = found.get(kernel) ?? { tuned: find(kernel) };
    found.set(kernel, known);
    return known.tuned;
  };
  return { ...target, scheduling: { ...target.scheduling, tuned } };
}

function asTuned({ name, scheduling }: Candidate, warn: (message: string) => void): Tuned {
  return {
    scheduling,
    refused: (reason: string) => warn(`the tuning file's "${name}" is not used for a kernel: ${reason.split("\n")[0]}`),
  };
}
