/**
 * A user's script as a module. TypeScript goes through tsx in this process, with no namespace of its own (`tsImport` has one),
 * so that the script shares our modules; a .ts file is an ES module here whatever its package.json says, so that a script in
 * a new folder may import and await at its top.
 */
import { existsSync, statSync } from "node:fs";
import * as nodeModule from "node:module";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { CommanderError } from "commander";
import { CompilerBug, DataError, UserError } from "../../core/errors.ts";

export interface ImportedScript {
  readonly path: string;
  readonly exports: Readonly<Record<string, unknown>>;
}

/** Where a script is. Throws where there is none. */
export function findScript(script: string): string {
  const path = resolve(script);
  if (!existsSync(path)) throw new UserError(`there is no file ${script}`);
  if (!statSync(path).isFile()) throw new UserError(`${script} is a folder: name the script in it`);
  return path;
}

/** Imports a script, which finds its own `args` in process.argv. Whatever goes wrong in it is the user's error. */
export async function importScript(script: string, args: readonly string[] = []): Promise<ImportedScript> {
  const path = findScript(script);
  await understandTypeScript();
  process.argv = [process.execPath, script, ...args]; // as node script.ts would have it
  try {
    const exports: Readonly<Record<string, unknown>> = await import(pathToFileURL(path).href);
    return { path, exports };
  } catch (error) {
    throw usersError(error, path, `${script} could not be loaded`);
  }
}

/** An error of the user's code as one that names their line. Those that were explained have one put behind, where it lacks. */
export function usersError(error: unknown, path: string, what: string): Error {
  if (error instanceof DataError) return error; // the fault of a file, which it names
  if (error instanceof UserError) {
    if (!/\n {4}at .*:\d+:\d+/.test(error.message)) error.message += lineIn(error, path);
    return error;
  }
  if (error instanceof CompilerBug || error instanceof CommanderError) return error;
  // Another copy of tensorloom's, or a script's own: known by name.
  const isOurs = error instanceof Error && error.name === "CompilerBug";
  if (isOurs) return error;
  const reason = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  const told = new UserError(`${what}: ${reason}${lineIn(error, path)}`, { cause: error });
  if (error instanceof Error && error.stack !== undefined) told.stack = error.stack; // what --debug shows
  return told;
}

// As text, for Node 20, which runs hooks in a thread of their own. What `next` gives is a promise there and none elsewhere.
const isTypeScript = String.raw`/\.tsx?(\?|$)/`;
const asModules = `data:text/javascript,${encodeURIComponent(`
const asModule = (found) => ${isTypeScript}.test(found.url) ? { ...found, format: "module" } : found;
export function resolve(specifier, context, next) {
  const found = next(specifier, context);
  return typeof found.then === "function" ? found.then(asModule) : asModule(found);
}
export function load(url, context, next) {
  return next(url, ${isTypeScript}.test(url) ? { ...context, format: "module" } : context);
}`)}`;

let understands = false;

async function understandTypeScript(): Promise<void> {
  if (understands) return;
  understands = true;
  const hooks: unknown = await import(asModules);
  const { register } = await import("tsx/esm/api");
  register();
  // `module.register` is deprecated from Node 26 on, and says so on stderr.
  if ("registerHooks" in nodeModule && typeof nodeModule.registerHooks === "function") nodeModule.registerHooks(hooks);
  else nodeModule.register(asModules);
}

/** The first place in the script that an error's stack names. */
function lineIn(error: unknown, path: string): string {
  const url = pathToFileURL(path).href;
  const lines = error instanceof Error ? (error.stack ?? "").split("\n") : [];
  const frame = lines.find((line) => /^\s*at /.test(line) && (line.includes(path) || line.includes(url)));
  const place = frame === undefined ? null : /:(\d+:\d+)\)?$/.exec(frame);
  return place === null ? "" : `\n    at ${path}:${place[1]}`;
}
