/** The package as somebody else has it: packed, and unpacked into a project of theirs, whose path has a space in it. */
import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

export const root = fileURLToPath(new URL("../", import.meta.url));
const execute = promisify(execFile);

export interface Installed {
  /** Temporary; to be removed. */
  readonly folder: string;
  /** Of modules ("type": "module"). The package and what it depends on are in its node_modules, and nothing else. */
  readonly project: string;
  readonly tarball: string;
}

/**
 * For a short run of the newest `tsc`: one that collects no garbage and checks in one thread does the same in half the CPU time
 * (the whole project: 12.9 to 6.8 s, 1.5 GB).
 */
export const tscFlags = ["--singleThreaded"] as const;
export const tscEnv: NodeJS.ProcessEnv = { ...process.env, GOGC: "off" };

/** Runs a program of an npm package, or a script, under plain Node; gives what it printed. */
export async function node(cwd: string, ...args: readonly string[]): Promise<string> {
  const { NODE_OPTIONS: _, ...env } = process.env;
  const { stdout } = await execute(process.execPath, [...args], { cwd, env });
  return stdout;
}

/** Puts a package of ours into a project. */
export async function link(project: string, name: string): Promise<void> {
  const to = join(project, "node_modules", name);
  await mkdir(dirname(to), { recursive: true });
  await symlink(join(root, "node_modules", name), to, process.platform === "win32" ? "junction" : "dir");
}

export async function install(): Promise<Installed> {
  const folder = await mkdtemp(join(tmpdir(), "tensorloom-package-"));
  const source = join(folder, "source");
  // A copy, so that nothing here is built over what others use. It holds a file that must not be packed.
  const copied = ["src", "passes", "codegen", "docs", "examples", "web", "python", "package.json", "README.md", "LICENSE", "tsconfig.json", "tsconfig.build.json", "rolldown.config.ts"]; // biome-ignore format: names
  for (const name of copied) await cp(join(root, name), join(source, name), { recursive: true });
  // new-target.test.ts holds that the sources have no errors of types: what is built here is not checked for them once more.
  const config = join(source, "tsconfig.build.json");
  const { compilerOptions, ...others } = JSON.parse(await readFile(config, "utf8"));
  await writeFile(config, JSON.stringify({ ...others, compilerOptions: { ...compilerOptions, noCheck: true } }));
  await mkdir(join(source, "dist"));
  await writeFile(join(source, "dist", "left-over.js"), "");
  await symlink(join(root, "node_modules"), join(source, "node_modules"), process.platform === "win32" ? "junction" : "dir"); // biome-ignore format: long
  await execute("npm", ["pack", "--offline"], { cwd: source, env: tscEnv, shell: process.platform === "win32" });
  const [name = ""] = (await readdir(source)).filter((file) => file.endsWith(".tgz"));
  const tarball = join(source, name);

  const project = join(folder, "my project");
  const installed = join(project, "node_modules", "tensorloom");
  await mkdir(installed, { recursive: true });
  await execute("tar", ["-xzf", tarball, "-C", installed, "--strip-components=1"]);
  const { dependencies } = JSON.parse(await readFile(join(installed, "package.json"), "utf8"));
  for (const dependency of Object.keys(dependencies)) await link(project, dependency);
  await writeFile(join(project, "package.json"), JSON.stringify({ name: "mine", type: "module", private: true }));
  return { folder, project, tarball };
}
