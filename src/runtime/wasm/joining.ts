/**
 * Vectors of 256 bits. WebAssembly has none; V8 from 13.6 on (Node 24) makes one of two neighbouring vectors, on x86-64 with AVX2,
 * where a flag says so while a module is compiled. So the flag is set around the compilation of each of ours and taken back at
 * once, which changes nothing for what else the process compiles.
 *
 * Three more flags belong to it: the module is compiled whole and optimized at once (V8 joins in its optimizing compiler alone, and
 * would look at the flag when a function is hot), and without inlining, during which Node 26 can fail a check of its own over
 * joined vectors. Node 22 knows the flag too, and its compiler can end the process.
 */
import { UserError } from "../../core/errors.ts";
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
const joinFlag = "experimental-wasm-revectorize";
/** Flags of V8 while a module is compiled whose vectors are joined. */
const recipe = [
  { name: joinFlag, on: true },
  { name: "liftoff", on: false },
  { name: "wasm-lazy-compilation", on: false },
  { name: "wasm-inlining", on: false },
] as const;

interface NodeV8 {
  setFlagsFromString(flags: string): void;
}

/** Why modules that `joined` compiles are of no use, or null; `alike` compiles them as well, and joins nothing. */
export type JoiningCheck = (joined: CompileModule, alike: CompileModule, relaxed: boolean) => string | null;

const plain: CompileModule = (bytes) => new WebAssembly.Module(bytes);

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
  const lack = whyNone(globals);
  if (lack !== null) return { lack, isWanted, compile: plain };
  try {
    const joined = scoped(globals, true);
    const wrong = check(joined, scoped(globals, false), relaxed);
    return wrong === null ? { lack: null, isWanted, compile: joined } : { lack: wrong, isWanted, compile: plain };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { lack: `the flags of V8 cannot be set: ${reason}`, isWanted, compile: plain };
  }
}

function fromEnvironment({ process }: Globals): VectorBits {
  const said = process?.env?.[variable];
  if (said === undefined || said === "" || said === "auto") return "auto";
  if (said === "128") return 128;
  if (said === "256") return 256;
  throw new UserError(`${variable} must be auto, 128 or 256, not ${JSON.stringify(said)}`);
}

/** V8 13.6: Node 24. */
const leastNode = 24;

function whyNone(globals: Globals): string | null {
  const { process } = globals;
  const major = nodeMajor(globals);
  if (process === undefined || Number.isNaN(major)) return "only Node can be told to join vectors";
  const { versions, arch } = process;
  if (versions?.bun !== undefined || versions?.deno !== undefined) return "only Node can be told to join vectors";
  if (major < leastNode) return `Node ${major} cannot join vectors: Node ${leastNode} and newer can`;
  if (arch !== "x64") return `vectors are joined on x86-64, not on ${arch}`;
  return null;
}

/** Compiles with the flags of the recipe, joining or not, and takes them back. */
function scoped(globals: Globals, joins: boolean): CompileModule {
  const v8 = nodeModule<NodeV8>(globals, "node:v8");
  if (v8 === undefined) throw new TypeError("node:v8 is missing");
  const isAlways = saysFlag(globals, joinFlag) === true; // V8 then inlines nothing either
  const usual = (name: string): boolean => name !== joinFlag && !(isAlways && name === "wasm-inlining");
  const before = recipe.map(({ name }) => flag(name, saysFlag(globals, name) ?? usual(name)));
  const during = recipe.map(({ name, on }) => flag(name, on && joins));
  return (bytes) => {
    for (const word of during) v8.setFlagsFromString(word);
    try {
      return new WebAssembly.Module(bytes);
    } finally {
      for (const word of before) v8.setFlagsFromString(word);
    }
  };
}

function flag(name: string, value: boolean): string {
  return `--${value ? "" : "no-"}${name}`;
}

/** What the command line says of a flag last; undefined where nothing. */
function saysFlag({ process }: Globals, name: string): boolean | undefined {
  const said = (process?.execArgv ?? []).map((word) => word.replaceAll("_", "-"));
  const last = said.findLast((word) => word === flag(name, true) || word === flag(name, false));
  return last === undefined ? undefined : last === flag(name, true);
}
