/** The launcher as a user starts it: `python -m tensorloom_xla`. */
import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { python } from "./xla.ts";

export interface Ended {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

export interface Launched {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
}

export function launch(args: readonly string[]): Launched {
  const cwd = fileURLToPath(new URL("../../python", import.meta.url));
  const child = spawn(python, ["-m", "tensorloom_xla", ...args], {
    cwd,
    env: { ...process.env, JAX_PLATFORMS: "cpu" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [out, err]: [string[], string[]] = [[], []];
  child.stdout.on("data", (data) => void out.push(String(data)));
  child.stderr.on("data", (data) => void err.push(String(data)));
  const ended = new Promise<Ended>((resolve) => {
    child.on("close", (status) => resolve({ status, out: out.join(""), err: err.join("") }));
  });
  return { child, ended };
}
