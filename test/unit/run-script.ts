/**
 * Runs one of our scripts in a process of its own, as `npm start` does, and gives back what it printed. The commands, and what
 * a script imports as "tensorloom", are the sources as test/built.ts has built them.
 */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { builtFiles, builtFolder } from "../built.ts";
import { workerFlags } from "../worker-flags.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

type Environment = Readonly<Record<string, string>>;

/** `flags` are Node's own. */
export async function runScript(
  path: string,
  args: readonly string[],
  env: Environment = {},
  flags: readonly string[] = [],
): Promise<Finished> {
  const child = startScript(path, args, env, flags);
  child.stdin.end();
  const [stdout, stderr]: [string[], string[]] = [[], []];
  child.stdout.setEncoding("utf8").on("data", (text: string) => stdout.push(text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => stderr.push(text));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", resolve);
  });
  return { code, stdout: stdout.join(""), stderr: stderr.join("") };
}

export function startScript(
  path: string,
  args: readonly string[],
  env: Environment = {},
  flags: readonly string[] = [],
): ChildProcessWithoutNullStreams {
  const built = process.env[builtFolder];
  if (built === undefined) throw new Error(`${builtFolder} is not set: test/built.ts is Vitest's global setup`);
  const file = new Map<string, string>(Object.entries(builtFiles)).get(path);
  // A built command needs no tsx for itself; for a user's TypeScript it brings it.
  const first = file === undefined ? ["--import", "tsx", path] : [join(built, `${file}.js`)];
  return spawn(process.execPath, [...workerFlags, ...flags, ...first, ...args], {
    cwd: root,
    env: { ...process.env, NO_COLOR: "1", TSX_TSCONFIG_PATH: join(built, "tsconfig.json"), ...env },
  });
}

/** A process for many commands: to start one for each takes a third of a second. */
export interface Commands {
  /** What each of some commands wrote and ended with, one after the other. */
  runEach<const L extends readonly (readonly string[])[]>(lists: L): Promise<{ [I in keyof L]: Finished }>;
  run(...args: readonly string[]): Promise<Finished>;
  end(): Promise<void>;
}

export function startCommands(env: Environment = {}): Commands {
  const child = startScript("test/cli/command.ts", [], env);
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  let noise = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    noise += text;
  });
  const runEach: Commands["runEach"] = async (lists) => {
    child.stdin.write(`${JSON.stringify(lists)}\n`);
    const { done, value } = await answers.next();
    if (done === true || noise !== "") throw new Error(`the process of the commands says: ${noise}`);
    return JSON.parse(value);
  };
  return {
    runEach,
    run: async (...args) => (await runEach([args]))[0],
    end: async () => {
      child.stdin.end();
      if (child.exitCode === null) await once(child, "close");
    },
  };
}
