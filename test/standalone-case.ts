/** Programs as standalone folders, and beside them the executables whose numbers they must give. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect } from "vitest";
import { compile } from "../src/compile.ts";
import type { Program } from "../src/dsl/program.ts";
import type { Executable } from "../src/runtime/executable-type.ts";
import { type StandaloneOptions, standalone } from "../src/tools/cli/standalone/standalone.ts";

/** What a module's `create` gives. */
export interface Net {
  readonly state: {
    readonly names: readonly string[];
    read(name: string): unknown;
    write(name: string, values: unknown): void;
    save(): Uint8Array | Promise<Uint8Array>;
    load(file: Uint8Array): void;
  };
  dispose(): void;
  readonly [entry: string]: unknown;
}

export interface Folder {
  readonly path: string;
  create(options?: object): Promise<Net>;
}

const made: string[] = [];

/** Writes a program's folder, far from any other package. */
export async function folderOf(
  program: Program<unknown>,
  options: Partial<StandaloneOptions> & Pick<StandaloneOptions, "target">,
): Promise<Folder> {
  const path = await mkdtemp(join(tmpdir(), "tensorloom-standalone-"));
  made.push(path);
  const { files } = await standalone(program, { script: "net.ts", ...options });
  for (const [name, content] of files) await writeFile(join(path, name), content);
  const main = [...files.keys()].find((name) => name.endsWith(".js")) ?? "";
  return { path, create: async (given) => (await import(pathToFileURL(join(path, main)).href)).create(given) };
}

export async function removeFolders(): Promise<void> {
  for (const path of made.splice(0)) await rm(path, { recursive: true, force: true });
}

export function call(net: Net, entry: string, feeds: unknown): unknown {
  return (net[entry] as (feeds: unknown) => unknown)(feeds);
}

interface Run {
  readonly entry: string;
  readonly feeds?: unknown;
}

/** The bits of an executable on one thread, whose products are rounded as in the files. */
export function executableOf(
  program: Program<unknown>,
  { target, dims = {}, seed = 0 }: Pick<StandaloneOptions, "target" | "dims" | "seed">,
): Promise<Executable> {
  const general = Object.fromEntries(Object.entries(dims).filter(([name]) => !name.includes(".")));
  return compile(program, {
    ...{
      target: target === "c" ? "js" : target,
      dims: general,
      seed,
      threads: 1,
      precise: true,
      tune: false,
      onWarning: () => {},
    },
  }) as Promise<Executable>;
}

/** After the same calls the outputs of each, and all states, are the same bit for bit. */
export async function expectSame(
  program: Program<unknown>,
  options: Partial<StandaloneOptions> & Pick<StandaloneOptions, "target">,
  runs: readonly Run[],
): Promise<void> {
  const folder = await folderOf(program, options);
  const net = await folder.create();
  const executable = await executableOf(program, options);
  for (const [i, { entry, feeds = {} }] of runs.entries()) {
    const found = await call(net, entry, feeds);
    const wanted = await executable.run({ entry: entry as never, feeds: feeds as never });
    expect(found, `${options.target}, call ${i}, ${entry}`).toEqual(wanted);
  }
  for (const name of net.state.names) {
    expect(await net.state.read(name), `${options.target}, ${name}`).toEqual(await executable.state.read(name));
  }
  executable.dispose();
}
