/**
 * Where choices are kept: in Node in the user's cache folder, in the folder that TENSORLOOM_CACHE names, or in a file that is named.
 * In a browser there is no such file.
 *
 * Node's modules are asked for where they are wanted and not imported: this file is part of what browsers load.
 */
import { messageOf } from "../core/errors.ts";
import { makeFolderBy } from "../core/make-folder.ts";
import { mostBytes, type PlaceChoices, parseChoices, printChoices, withChoices } from "./choices.ts";

const fileName = "tuning.json";
/** The value of TENSORLOOM_CACHE under which nothing is kept. */
const off = "off";

/** The file's path; null where nothing is kept, and where the environment is nobody's to read (Deno without --allow-env). */
export function choicesPath(given?: string, env = environment()): string | null {
  if (given !== undefined) return given;
  try {
    return usualPath(env);
  } catch {
    return null;
  }
}

type Environment = Readonly<Record<string, string | undefined>>;

function usualPath(env: Environment): string | null {
  const path = nodeProcess()?.getBuiltinModule?.("node:path");
  const named = env.TENSORLOOM_CACHE;
  if (path === undefined || named === off) return null;
  if (named !== undefined && named !== "") return path.join(named, fileName);
  const home = env.HOME || env.USERPROFILE;
  const usual =
    nodeProcess()?.platform === "win32" && env.LOCALAPPDATA
      ? env.LOCALAPPDATA
      : home === undefined || home === ""
        ? undefined
        : nodeProcess()?.platform === "darwin"
          ? path.join(home, "Library", "Caches")
          : path.join(home, ".cache");
  const cache = env.XDG_CACHE_HOME || usual;
  return cache === undefined ? null : path.join(cache, "tensorloom", fileName);
}

/** What the file holds; nothing where there is none. One that is not ours, or damaged, is left alone, and `warn` hears why. */
export function readChoices(file: string, warn: (message: string) => void): readonly PlaceChoices[] {
  const fs = nodeProcess()?.getBuiltinModule?.("node:fs");
  if (fs?.existsSync(file) !== true) return [];
  try {
    const stat = fs.statSync(file);
    if (!stat.isFile()) return ignored(file, "it is no file", warn);
    if (stat.size > mostBytes) return ignored(file, `it has more than ${mostBytes} bytes`, warn);
    const found = parseChoices(fs.readFileSync(file, "utf8"));
    return typeof found === "string" ? ignored(file, found, warn) : found;
  } catch (error) {
    return ignored(file, messageOf(error), warn);
  }
}

function ignored(file: string, why: string, warn: (message: string) => void): readonly PlaceChoices[] {
  warn(`${file} is not used: ${why}. Delete it, and run "tensorloom tune" to measure anew.`);
  return [];
}

/** Adds choices to the file, which is the old one or the new one whatever happens meanwhile. Gives why it could not be written, or null. */
export function writeChoices(file: string, made: PlaceChoices, warn: (message: string) => void): string | null {
  const node = nodeProcess();
  const [fs, path] = [node?.getBuiltinModule?.("node:fs"), node?.getBuiltinModule?.("node:path")];
  if (node === undefined || fs === undefined || path === undefined) return "there are no files here";
  const temporary = `${file}.${node.pid}.tmp`;
  try {
    makeFolderBy(fs, path, path.dirname(file));
    fs.writeFileSync(temporary, printChoices(withChoices(readChoices(file, warn), made)));
    fs.renameSync(temporary, file);
    return null;
  } catch (error) {
    fs.rmSync(temporary, { force: true });
    return messageOf(error);
  }
}

/** The processor and the engine, where they can be told: a CPU's times are another's no more than a GPU's. */
export function hostName(): string {
  const node = nodeProcess();
  const cpu = node?.getBuiltinModule?.("node:os")?.cpus()[0]?.model ?? "";
  return [cpu.trim(), engineOf(node)].filter((word) => word !== "").join(", ");
}

function engineOf(node: NodeJS.Process | undefined): string {
  if (node === undefined) return globalThis.navigator?.userAgent ?? "";
  const { bun, v8 } = node.versions; // Bun names a V8 too, and has none
  return bun === undefined ? `V8 ${v8}` : `Bun ${bun}`;
}

function environment(): Environment {
  return nodeProcess()?.env ?? {};
}

const nodeProcess = (): NodeJS.Process | undefined => (typeof process === "object" ? process : undefined);
