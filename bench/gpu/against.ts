/**
 * `--against REV`: tensorloom of this checkout against a commit of it, or another folder, on one adapter: duels (bench/against/duel.ts) of the
 * same rows, compiled with this checkout's programs. Of the other only src/index.ts and src/node.ts are imported.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { duel } from "../against/duel.ts";
import { bundle, cache, root } from "../systems.ts";
import type { GpuWorkload, Row } from "./rows.ts";
import { ownCommand } from "./systems.ts";

interface AgainstOptions {
  readonly env: Readonly<Record<string, string>>;
  readonly pairs: number;
  readonly rounds: number;
  readonly say: (line: string) => void;
}

/** Whether every row keeps its limit. */
export async function measureAgainst(other: string, rows: readonly Row[], options: AgainstOptions): Promise<boolean> {
  const { env, pairs, rounds, say } = options;
  const spec = async (name: "old" | "new", checkout: string) => {
    const folder = join(cache, `gpu-${name}`);
    await bundle([join("gpu", "own")], folder, checkout);
    return { name, command: ownCommand(folder), env };
  };
  const old = await spec("old", checkoutOf(other));
  const fresh = await spec("new", root);
  let isKept = true;
  for (const { title, note, workload, limit } of rows) {
    const named = note === undefined ? title : `${title} (here ${note})`;
    const result = await duel<GpuWorkload>(old, fresh, workload, { pairs, rounds, turnMs: 60, warmupMs: 200 });
    if ("error" in result) {
      say(`${named}: ${result.error}`);
      continue;
    }
    const { ratio, fastest } = result;
    if (Number.isNaN(ratio)) {
      say(`${named}: not on both sides`);
      continue;
    }
    const isGood = ratio <= limit;
    isKept &&= isGood;
    const calls = `${(result.old / workload.calls).toPrecision(3)} -> ${(result.new / workload.calls).toPrecision(3)} ms a call`;
    const factor = `new / old ${ratio.toFixed(3)} (fastest ${fastest.toFixed(3)}), ${(1 / ratio).toFixed(2)} times as fast`;
    say(`${named}: ${calls}, ${factor}${isGood ? "" : `: OVER ${limit.toFixed(2)}`}`);
  }
  return isKept;
}

/** A folder as it is; a commit's files in a folder of the cache. */
function checkoutOf(other: string): string {
  if (existsSync(join(resolve(other), "src", "index.ts"))) return resolve(other);
  const { stdout, status } = spawnSync("git", ["-C", root, "rev-parse", "--verify", `${other}^{commit}`], { encoding: "utf8" }); // biome-ignore format: one line
  if (status !== 0) throw new Error(`--against: ${other} is neither the folder of a checkout nor a commit`);
  const folder = join(cache, `rev-${stdout.trim().slice(0, 12)}`);
  if (existsSync(join(folder, "src", "index.ts"))) return folder;
  mkdirSync(folder, { recursive: true });
  const archive = spawnSync("git", ["-C", root, "archive", stdout.trim()], { maxBuffer: 2 ** 30 });
  const unpacked = spawnSync("tar", ["-x", "-C", folder], { input: archive.stdout });
  if (archive.status !== 0 || unpacked.status !== 0) {
    rmSync(folder, { recursive: true });
    throw new Error(`--against: the files of ${other} could not be unpacked: ${unpacked.stderr}`);
  }
  return folder;
}
