/**
 * How modules are compiled under Node, by flags of V8 that are set while it optimizes one of ours and taken back at once.
 *
 * **Optimized at once** (Node 20 to 23). V8 compiles a function twice, quickly when it is first called and well when it is hot: until
 * then a step takes five times as long. Where a step does enough for its first runs to matter, its module is compiled whole and
 * optimized.
 *
 * **Vectors of 256 bits.** WebAssembly has none; V8 from 13.6 on (Node 24) makes one of two neighbouring vectors, on x86-64 with
 * AVX2, where a flag says so. It joins in its optimizing compiler alone, and would look at the flag when a function is hot. So what
 * such a module exports is optimized at once, function by function, by a call that V8 has for its own tests. Node 22 knows the flag
 * too, and its compiler can end the process.
 *
 * Flags are the whole process's, and V8 optimizes other modules that are hot (a decoder of images, the parser of HTTP) in threads
 * behind: in Node 25 and 26 it fails checks of its own, and ends the process, where `liftoff` or `wasm-inlining` change meanwhile.
 * Neither is touched there.
 */
import { messageOf, UserError } from "../../core/errors.ts";
import type { VectorBits } from "../vectors.ts";
import { type Globals, type Instantiate, instantiatePlain, type NodeV8, nodeMajor, nodeModule } from "./host.ts";
import { whyNotJoined } from "./joining-check.ts";

export interface Joining {
  /** What keeps vectors at 128 bits; null where they have 256. */
  readonly lack: string | null;
  /** Whether somebody asked for 256. */
  readonly isWanted: boolean;
  /** Makes a module, optimized at once, and an instance of it. */
  readonly instantiate: Instantiate;
}

/** What NODE_OPTIONS could not say. */
const variable = "TENSORLOOM_VECTORS";

interface Flag {
  readonly name: string;
  readonly on: boolean;
}

const joinFlag = "experimental-wasm-revectorize";
/** While a module is compiled that is optimized at once. */
const optimizing: readonly Flag[] = [
  { name: "liftoff", on: false },
  { name: "wasm-lazy-compilation", on: false },
];
/** V8's functions for its own tests can be called from JavaScript that is read meanwhile. */
const nativesFlag = "allow-natives-syntax";

/** Why modules that `joined` makes are of no use, or null; `alike` optimizes them as well, and joins nothing. */
export type JoiningCheck = (joined: Instantiate, alike: Instantiate, relaxed: boolean) => string | null;

/**
 * Compiles what is optimized at once; as the engine does it where that cannot be said, and from Node 24 on: there V8 copies small
 * functions to where it saw them called before it optimized (steps of an LSTM seemed to take a fifth less for it), and needs to have seen.
 */
export function findOptimizing(globals: Globals = globalThis): Instantiate {
  if (!isNode(globals) || nodeMajor(globals) >= leastNode) return instantiatePlain;
  try {
    const within = scoped(globals, optimizing);
    within?.(() => undefined);
    return within === undefined ? instantiatePlain : (bytes, imports) => within(() => instantiatePlain(bytes, imports));
  } catch {
    return instantiatePlain;
  }
}

/** Throws `UserError` where TENSORLOOM_VECTORS says what it cannot say. `relaxed`: modules have multiply-adds rounded once. */
export function findJoining(
  wanted: VectorBits | undefined,
  relaxed: boolean,
  globals: Globals = globalThis,
  check: JoiningCheck = whyNotJoined,
): Joining {
  const bits = wanted ?? fromEnvironment(globals);
  if (bits === 128) return { lack: "asked for", isWanted: false, instantiate: instantiatePlain };
  const isWanted = bits === 256;
  const lacking = (lack: string): Joining => ({ lack, isWanted, instantiate: instantiatePlain });
  const lack = whyNone(globals);
  if (lack !== null) return lacking(lack);
  const instantiate = optimized(globals, true);
  const alike = optimized(globals, false);
  if (instantiate === undefined || alike === undefined)
    return lacking("the flags of V8 cannot be set: node:v8 is missing");
  try {
    const wrong = check(instantiate, alike, relaxed);
    return wrong === null ? { lack: null, isWanted, instantiate } : lacking(wrong);
  } catch (error) {
    return lacking(`the flags of V8 cannot be set: ${messageOf(error)}`);
  }
}

function fromEnvironment({ process }: Globals): VectorBits {
  let said: string | undefined;
  try {
    said = process?.env?.[variable];
  } catch {
    // Deno without --allow-env lets nobody read it
  }
  if (said === undefined || said === "" || said === "auto") return "auto";
  if (said === "128") return 128;
  if (said === "256") return 256;
  throw new UserError(`${variable} must be auto, 128 or 256, not ${JSON.stringify(said)}`);
}

/** V8 13.6: Node 24. */
const leastNode = 24;

function whyNone(globals: Globals): string | null {
  if (!isNode(globals)) return "only Node can be told to join vectors";
  const major = nodeMajor(globals);
  if (major < leastNode) return `Node ${major} cannot join vectors: Node ${leastNode} and newer can`;
  if (saysFlag(globals, "freeze-flags-after-init") === true) return "the flags of V8 are frozen";
  const arch = globals.process?.arch;
  return arch === "x64" ? null : `vectors are joined on x86-64, not on ${arch}`;
}

/** Node itself, not what calls itself so. */
function isNode(globals: Globals): boolean {
  const versions = globals.process?.versions;
  return !Number.isNaN(nodeMajor(globals)) && versions?.bun === undefined && versions?.deno === undefined;
}

/**
 * What a module exports is optimized at once, with its vectors joined or not; undefined where flags cannot be set. The function that
 * asks for it is made anew for each module: V8 forgets what was not called for a while, and reads its text again.
 */
function optimized(globals: Globals, joins: boolean): Instantiate | undefined {
  const within = scoped(globals, [{ name: nativesFlag, on: true }, { name: joinFlag, on: joins }]); // biome-ignore format: short
  if (within === undefined) return undefined;
  return (bytes, imports) => {
    const made = instantiatePlain(bytes, imports);
    const functions = Object.values(made.instance.exports).filter((value) => typeof value === "function");
    within(() => {
      if (functions.length > 0)
        new Function("functions", "for (const f of functions) %WasmTierUpFunction(f);")(functions);
    });
    return made;
  };
}

/** Does something while flags stand so, and takes them back; undefined where they cannot be set. */
function scoped(globals: Globals, flags: readonly Flag[]): (<T>(run: () => T) => T) | undefined {
  const v8 = nodeModule<NodeV8>(globals, "node:v8");
  if (v8 === undefined) return undefined;
  const usual = (name: string): boolean => name !== joinFlag && name !== nativesFlag;
  const before = flags.map(({ name }) => word(name, saysFlag(globals, name) ?? usual(name)));
  const during = flags.map(({ name, on }) => word(name, on));
  return (run) => {
    try {
      for (const flag of during) v8.setFlagsFromString(flag);
      return run();
    } finally {
      for (const flag of before) v8.setFlagsFromString(flag);
    }
  };
}

function word(name: string, value: boolean): string {
  return `--${value ? "" : "no-"}${name}`;
}

/** What the command line says of a flag last; undefined where nothing. */
function saysFlag({ process }: Globals, name: string): boolean | undefined {
  const said = (process?.execArgv ?? []).map((flag) => flag.replaceAll("_", "-"));
  const last = said.findLast((flag) => flag === word(name, true) || flag === word(name, false));
  return last === undefined ? undefined : last === word(name, true);
}
