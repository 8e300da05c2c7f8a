/**
 * Runs one of our scripts in a process of its own, as `npm start` does, and gives back what it printed. The commands, and what
 * a script imports as "tensorloom", are the sources as test/built.ts has built them.
 */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { builtFiles, builtFolder } from "../built.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export async function runScript(
  path: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Finished> {
  const built = process.env[builtFolder];
  if (built === undefined) throw new Error(`${builtFolder} is not set: test/built.ts is Vitest's global setup`);
  const file = new Map<string, string>(Object.entries(builtFiles)).get(path);
  // A built command needs no tsx for itself; for a user's TypeScript it brings it.
  const start = file === undefined ? ["--import", "tsx", path] : [join(built, `${file}.js`)];
  const child = spawn(process.execPath, [...start, ...args], {
    cwd: root,
    env: { ...process.env, NO_COLOR: "1", TSX_TSCONFIG_PATH: join(built, "tsconfig.json"), ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [stdout, stderr]: [string[], string[]] = [[], []];
  child.stdout.setEncoding("utf8").on("data", (text: string) => stdout.push(text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => stderr.push(text));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", resolve);
  });
  return { code, stdout: stdout.join(""), stderr: stderr.join("") };
}
