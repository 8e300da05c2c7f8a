/** The engine that runs this: its WebAssembly, and threads where memory can be shared. */
import type { WasmArtifact, WasmFacts } from "../../../codegen/wasm/artifact.ts";
import { wasmFeatures } from "../../../codegen/wasm/probe.ts";
import { DeviceError } from "../../core/errors.ts";
import { whyNoWasm } from "../code-policy.ts";
import type { Found, TargetOptions } from "../device.ts";
import type { MachineOptions } from "../machine.ts";
import { findJoining, findOptimizing, type JoiningCheck } from "./code.ts";
import { allowRelaxedSimd, chooseThreads, findHost, whyNoWorkers } from "./host.ts";
import { whyNotJoined } from "./joining-check.ts";
import { WasmMachine } from "./machine.ts";

/** Why `auto` cannot take it, null where it can. */
export function whyNone(): string | null {
  return engineFeatures(false).simd ? whyNoWasm() : "no WebAssembly SIMD either";
}

export function wasmFound(options: TargetOptions = {}): Found<WasmArtifact, WasmFacts> {
  const { threads = "auto", precise = false, vectors } = options;
  const { simd, relaxed } = engineFeatures(!precise);
  const joining = simd ? findJoining(vectors, relaxed && !precise, globalThis, checkOnce) : undefined;
  return {
    facts: {
      joinsVectors: joining?.lack === null,
      relaxed: relaxed && !precise,
      threads: threads === "auto" ? chooseThreads(threads, findHost()).threads : threads,
    },
    forbidden: () => (simd ? whyNoWasm() : null),
    async machine(stateBytes, given) {
      if (!simd) throw new DeviceError('target "wasm": this engine has no WebAssembly SIMD. Use target: "js".');
      const options = {
        ...given,
        relaxed: relaxed && !precise,
        optimizing: findOptimizing(),
        ...(joining === undefined ? {} : { joining }),
      };
      return new WasmMachine(
        stateBytes,
        threads === "auto"
          ? { ...options, threads: await threadsForUser(options), sparing: true }
          : { ...options, threads },
      );
    },
  };
}

/** What the check of this process's engine came to, with multiply-adds that are rounded once and without: it takes milliseconds. */
let checks: ReadonlyMap<boolean, string | null> = new Map();

const checkOnce: JoiningCheck = (joined, alike, relaxed) => {
  const known = checks.get(relaxed);
  if (known !== undefined) return known;
  const found = whyNotJoined(joined, alike, relaxed);
  checks = new Map([...checks, [relaxed, found]]);
  return found;
};

/** Operations of a step below which "auto" stays on one thread: waking another takes as long as 0.1 ms of them. */
const worthThreads = 4e6;

/** One thread where there is little to do, or where workers are kept from starting. */
async function threadsForUser({ work, onWarning }: MachineOptions): Promise<1 | "auto"> {
  if (work === undefined || work() < worthThreads) return 1;
  const host = findHost();
  const lack = chooseThreads("auto", host).threads > 1 ? await whyNoWorkers(host) : null;
  if (lack === null) return "auto";
  onWarning?.(`the wasm target runs on one thread, as its workers do not start: ${lack}`);
  return 1;
}

/** What the engine's WebAssembly has. `wantsRelaxed`: switches on relaxed SIMD where a flag hides it. */
export function engineFeatures(wantsRelaxed: boolean): ReturnType<typeof wasmFeatures> {
  if (typeof WebAssembly === "undefined") return { simd: false, relaxed: false };
  if (wantsRelaxed) allowRelaxedSimd();
  return wasmFeatures((bytes) => WebAssembly.validate(bytes));
}
