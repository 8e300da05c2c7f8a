/**
 * How modules are compiled under Node, by flags of V8 that are set around the compilation of each of ours and taken back at once,
 * which changes nothing for what else the process compiles.
 *
 * **Optimized at once.** V8 compiles a function twice, quickly when it is first called and well when it is hot: until then a step
 * takes five times as long. Where a step does enough for its first runs to matter, its module is compiled whole and optimized.
 *
 * **Vectors of 256 bits.** WebAssembly has none; V8 from 13.6 on (Node 24) makes one of two neighbouring vectors, on x86-64 with
 * AVX2, where a flag says so. It joins in its optimizing compiler alone, and would look at the flag when a function is hot, so
 * such a module is optimized at once too; and without inlining, during which Node 26 can fail a check of its own over joined
 * vectors. Node 22 knows the flag too, and its compiler can end the process.
 */
import { messageOf, UserError } from "../../core/errors.ts";
import type { VectorBits } from "../vectors.ts";
import { type CompileModule, type Globals, nodeMajor, nodeModule } from "./host.ts";
import { whyNotJoined } from "./joining-check.ts";

export interface Joining {
  /** What keeps vectors at 128 bits; null where they have 256. */
  readonly lack: string | null;
  /** Whether somebody asked for 256. */
  readonly isWanted: boolean;
  /** Compiles a module at once. */
  readonly compile: CompileModule;
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
/** While a module is compiled whose vectors are joined. */
const joining: readonly Flag[] = [{ name: joinFlag, on: true }, ...optimizing, { name: "wasm-inlining", on: false }];

interface NodeV8 {
  setFlagsFromString(flags: string): void;
}

/** Why modules that `joined` compiles are of no use, or null; `alike` compiles them as well, and joins nothing. */
export type JoiningCheck = (joined: CompileModule, alike: CompileModule, relaxed: boolean) => string | null;

const plain: CompileModule = (bytes) => new WebAssembly.Module(bytes);

/** The smallest there is: a header. */
const emptyModule = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);

/**
 * Compiles what is optimized at once; as the engine does it where that cannot be said, and from Node 24 on: there V8 copies small
 * functions to where it saw them called before it optimized (a step of an LSTM takes a fifth less for it), and needs to have seen.
 */
export function findOptimizing(globals: Globals = globalThis): CompileModule {
  if (!isNode(globals) || nodeMajor(globals) >= leastNode) return plain;
  try {
    const compile = scoped(globals, optimizing);
    compile?.(emptyModule);
    return compile ?? plain;
  } catch {
    return plain;
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
  if (bits === 128) return { lack: "asked for", isWanted: false, compile: plain };
  const isWanted = bits === 256;
  const lacking = (lack: string): Joining => ({ lack, isWanted, compile: plain });
  const lack = whyNone(globals);
  if (lack !== null) return lacking(lack);
  const compile = scoped(globals, joining);
  const alike = scoped(globals, joining.map(({ name }) => ({ name, on: false }))); // biome-ignore format: short
  if (compile === undefined || alike === undefined) return lacking("the flags of V8 cannot be set: node:v8 is missing");
  try {
    const wrong = check(compile, alike, relaxed);
    return wrong === null ? { lack: null, isWanted, compile } : lacking(wrong);
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
  const arch = globals.process?.arch;
  return arch === "x64" ? null : `vectors are joined on x86-64, not on ${arch}`;
}

/** Node itself, not what calls itself so. */
function isNode(globals: Globals): boolean {
  const versions = globals.process?.versions;
  return !Number.isNaN(nodeMajor(globals)) && versions?.bun === undefined && versions?.deno === undefined;
}

/** Compiles with these flags, and takes them back; undefined where they cannot be set. */
function scoped(globals: Globals, flags: readonly Flag[]): CompileModule | undefined {
  const v8 = nodeModule<NodeV8>(globals, "node:v8");
  if (v8 === undefined) return undefined;
  const isAlways = saysFlag(globals, joinFlag) === true; // V8 then inlines nothing either
  const usual = (name: string): boolean => name !== joinFlag && !(isAlways && name === "wasm-inlining");
  const before = flags.map(({ name }) => word(name, saysFlag(globals, name) ?? usual(name)));
  const during = flags.map(({ name, on }) => word(name, on));
  return (bytes) => {
    for (const flag of during) v8.setFlagsFromString(flag);
    try {
      return new WebAssembly.Module(bytes);
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
