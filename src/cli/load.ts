/**
 * A user's script, loaded but not run: its default export is a program or a trainer; `main` is left alone.
 *
 * TypeScript goes through tsx, in this process and with no namespace (`tsImport` has one): the script's "tensorloom" must be
 * the very modules that this command uses, since an op is known by its identity. For the same reason a .ts file is an ES
 * module here whatever its package.json says.
 */
import { existsSync, statSync } from "node:fs";
import { register as registerHooks } from "node:module";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { Program } from "../dsl/program.ts";
import { CompilerBug, UserError } from "../errors.ts";
import { neededNodes } from "../graph/entry.ts";
import { input, state } from "../graph/ops/source.ts";

/** The program that a script exports. Whatever goes wrong in the script is the user's error, with their line. */
export async function loadProgram(script: string): Promise<Program<unknown>> {
  const exported = (await importScript(script)).default;
  if (exported === undefined) {
    throw new UserError(`${script} has no default export: end it with "export default program({ ... })", or a trainer`);
  }
  const program = isObject(exported) && "program" in exported ? exported.program : exported;
  if (!isProgram(program)) {
    throw new UserError(`the default export of ${script} is neither a program nor a trainer`);
  }
  checkIsOurs(program, script);
  return program;
}

/** A script's exports. */
export async function importScript(script: string): Promise<Readonly<Record<string, unknown>>> {
  const path = resolve(script);
  if (!existsSync(path)) throw new UserError(`there is no file ${script}`);
  if (!statSync(path).isFile()) throw new UserError(`${script} is a folder: name the script in it`);
  await understandTypeScript();
  const url = pathToFileURL(path).href;
  try {
    return (await import(url)) as Readonly<Record<string, unknown>>;
  } catch (error) {
    if (error instanceof UserError || error instanceof CompilerBug) throw error;
    const reason = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    throw new UserError(`${script} could not be loaded: ${reason}${lineIn(error, path, url)}`, { cause: error });
  }
}

const isTypeScript = String.raw`/\.tsx?(\?|$)/`;
const hooks = `
export async function resolve(specifier, context, next) {
  const found = await next(specifier, context);
  return ${isTypeScript}.test(found.url) ? { ...found, format: "module" } : found;
}
export async function load(url, context, next) {
  return next(url, ${isTypeScript}.test(url) ? { ...context, format: "module" } : context);
}`;

let understands = false;

async function understandTypeScript(): Promise<void> {
  if (understands) return;
  understands = true;
  const { register } = await import("tsx/esm/api");
  register();
  registerHooks(`data:text/javascript,${encodeURIComponent(hooks)}`);
}

/** The first place in the script that an error's stack names. */
export function lineIn(error: unknown, path: string, url: string): string {
  const stack = error instanceof Error ? (error.stack ?? "") : "";
  const frame = stack.split("\n").find((line) => /^\s*at /.test(line) && (line.includes(path) || line.includes(url)));
  const place = frame === undefined ? null : /:(\d+:\d+)\)?$/.exec(frame);
  return place === null ? "" : `\n    at ${path}:${place[1]}`;
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

function isProgram(value: unknown): value is Program<unknown> {
  return (
    isObject(value) &&
    "entries" in value &&
    value.entries instanceof Map &&
    "inputs" in value &&
    Array.isArray(value.inputs) &&
    "states" in value &&
    Array.isArray(value.states)
  );
}

/** Two copies of tensorloom do not know each other's ops. */
function checkIsOurs(program: Program<unknown>, script: string): void {
  for (const entry of program.entries.values()) {
    for (const { op } of neededNodes(entry)) {
      if ((op.name !== "input" || op === input) && (op.name !== "state" || op === state)) continue;
      throw new UserError(
        `${script} uses another copy of tensorloom than this command: run the command from the script's project, ` +
          "as npx tensorloom, and install tensorloom there only once",
      );
    }
  }
}
