/**
 * Saving is all or nothing. Children that save in a loop are killed at random moments; after every kill the file must be
 * the last one that was saved, or the one being saved, whole. TENSORLOOM_KILLS=1000 makes it a thousand kills.
 *
 * A kill shows that the order of write and rename is right. That the flushes are too, only a power cut would show.
 */
import { type ChildProcess, spawn } from "node:child_process";
import {
  chmod,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DataError, UserError } from "../../src/core/errors.ts";
import { threefry2x32, uniformFromBits } from "../../src/core/random.ts";
import { loadCheckpoint, saveCheckpoint, writeFileAtomically } from "../../src/io/files.ts";
import { generation } from "../atomic-save-child.ts";

const kills = Number(process.env.TENSORLOOM_KILLS ?? 60);
const lanes = 3;
const numbers = 1 << 16;

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tensorloom-save-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function freshFolder(name: string): Promise<string> {
  const path = join(folder, name);
  await mkdir(path);
  return path;
}

const isLeftover = (name: string) => name.startsWith(".tensorloom-save-");
const leftovers = async (path: string) => (await readdir(path)).filter(isLeftover);

async function makeOld(path: string): Promise<void> {
  const then = new Date(Date.now() - 2 * 3_600_000);
  await utimes(path, then, then);
}

interface Tally {
  kills: number;
  /** Kills that found a save under way, by which file was there afterwards. */
  old: number;
  new: number;
  /** Temporary files that kills left. */
  readonly leftovers: Set<string>;
  saves: number;
}

describe(`${kills} kills while saving`, () => {
  it("leave the old or the new checkpoint, every time", { timeout: 60_000 + kills * 1000 }, async () => {
    const child = join(folder, "child.mjs");
    await build({
      entryPoints: [fileURLToPath(new URL("../atomic-save-child.ts", import.meta.url))],
      outfile: child,
      bundle: true,
      platform: "node",
      format: "esm",
    });
    const tally: Tally = { kills: 0, old: 0, new: 0, leftovers: new Set(), saves: 0 };
    const started = performance.now();
    await Promise.all(Array.from({ length: lanes }, (_, lane) => killRepeatedly(child, lane, tally)));
    const seconds = (performance.now() - started) / 1000;
    console.log(
      `kills: ${JSON.stringify({ ...tally, leftovers: tally.leftovers.size, seconds: Math.round(seconds) })}`,
    );
    expect(tally.kills).toBe(kills);
    // That kills did hit saves, or all of this shows nothing.
    expect(tally.leftovers.size).toBeGreaterThan(kills / 20);
    expect(tally.old).toBeGreaterThan(kills / 20);
  });
});

/** One lane: a folder of its own, one child after the other, until all kills are done. */
async function killRepeatedly(child: string, lane: number, tally: Tally): Promise<void> {
  const path = join(await freshFolder(`lane${lane}`), "model.safetensors");
  await saveCheckpoint(path, generation(0, numbers));
  let newest = 0;
  for (let turn = 0; tally.kills < kills; turn++) {
    tally.kills++;
    const said = await saveUntilKilled([child, path, String(newest + 1), String(numbers)], lane, turn);
    const last = (word: string) =>
      Math.max(newest, ...[...said.matchAll(RegExp(`${word} (\\d+)\n`, "g"))].map((m) => Number(m[1])));
    const [begun, done] = [last("start"), last("done")];
    const { state, seed } = await loadCheckpoint(path, generation(0, numbers).fingerprint);
    expect([done, begun]).toContain(seed);
    expect(state.get("w")?.every((value) => value === seed)).toBe(true);
    if (begun > done) tally[seed === done ? "old" : "new"]++;
    tally.saves += done - newest;
    newest = seed;
    // Nobody is left who writes to these: they are made to look old, so that the next child removes them.
    for (const name of await leftovers(join(path, ".."))) {
      tally.leftovers.add(name);
      await makeOld(join(path, "..", name));
    }
  }
  await saveCheckpoint(path, generation(newest, numbers));
  expect(await readdir(join(path, ".."))).toEqual(["model.safetensors"]);
}

/** Starts a child, lets it begin to save, kills it a random moment later; returns what it said. */
async function saveUntilKilled(argumentsOfNode: readonly string[], lane: number, turn: number): Promise<string> {
  const env = { ...process.env, TENSORLOOM_SAVE_CHILD: "1" };
  const child = spawn(process.execPath, argumentsOfNode, { env, stdio: ["ignore", "pipe", "inherit"] });
  let said = "";
  const began = new Promise<void>((resolve) => {
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      said += text;
      if (said.includes("start")) resolve();
    });
  });
  const closed = exitOf(child);
  await Promise.race([began, closed]);
  await sleep(60 * uniformFromBits(threefry2x32(lane, turn, 0x6b696c6c, 0)[0]));
  child.kill("SIGKILL");
  expect(await closed).toBe("SIGKILL");
  return said;
}

function exitOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.on("close", (code, signal) => resolve(signal ?? `exit code ${code}`));
  });
}

describe("saving", () => {
  const bytes = (text: string) => new TextEncoder().encode(text);

  it("makes a new file, and replaces an old one", async () => {
    const path = join(await freshFolder("replace"), "a");
    await writeFileAtomically(path, bytes("one"));
    await writeFileAtomically(path, bytes("two"));
    expect(await readFile(path, "utf8")).toBe("two");
    expect(await readdir(join(path, ".."))).toEqual(["a"]);
  });

  it("takes a name relative to the working folder, and a long one", async () => {
    const long = join(await freshFolder("names"), "ä".repeat(120));
    await writeFileAtomically(long, bytes("long"));
    expect(await readFile(long, "utf8")).toBe("long");
    const name = `tensorloom-save-test-${process.pid}.tmp`;
    await writeFileAtomically(name, bytes("here"));
    expect(await readFile(name, "utf8")).toBe("here");
    await rm(name);
  });

  it("of many at once: each is whole, one is the last", async () => {
    const path = join(await freshFolder("many"), "model");
    await Promise.all(Array.from({ length: 20 }, (_, g) => saveCheckpoint(path, generation(g, 1000))));
    const { seed, state } = await loadCheckpoint(path);
    expect(state.get("w")).toEqual(new Float32Array(1000).fill(seed));
    expect(await readdir(join(path, ".."))).toEqual(["model"]);
  });

  it("removes leftovers of killed writers when they are old, and nothing else", async () => {
    const place = await freshFolder("leftovers");
    const [old, fresh] = ["0", "1"].map((digit) => `.tensorloom-save-${digit.repeat(32)}.tmp`) as [string, string];
    const others = [".tensorloom-save-mine.tmp", `x${old}`, `${old}x`, "model.tmp"];
    for (const name of [old, fresh, ...others]) await writeFile(join(place, name), "half a che");
    const directory = `.tensorloom-save-${"2".repeat(32)}.tmp`;
    await mkdir(join(place, directory));
    for (const name of [old, directory, ...others]) await makeOld(join(place, name));
    await writeFileAtomically(join(place, "model"), bytes("new"));
    expect((await readdir(place)).sort()).toEqual([fresh, directory, "model", ...others].sort());
  });

  it.skipIf(process.platform === "win32")("keeps the file's mode, and writes through a link", async () => {
    const place = await freshFolder("links");
    await writeFile(join(place, "real"), "old");
    await chmod(join(place, "real"), 0o640);
    await symlink("real", join(place, "link"));
    await writeFileAtomically(join(place, "link"), bytes("new"));
    expect(await readFile(join(place, "real"), "utf8")).toBe("new");
    expect((await stat(join(place, "real"))).mode & 0o777).toBe(0o640);
    expect((await lstat(join(place, "link"))).isSymbolicLink()).toBe(true);
  });

  it("that fails says so and leaves nothing behind", async () => {
    const place = await freshFolder("failures");
    await mkdir(join(place, "folder"));
    const failing = (path: string) => expect(writeFileAtomically(path, bytes("x"))).rejects;
    await failing(join(place, "folder")).toThrow(/folder: could not be saved: there is something of that name/);
    await failing(join(place, "none", "model")).toThrow(/model: could not be saved: there is no such file or folder/);
    await failing(join(place, "none", "model")).toThrow(UserError);
    await writeFile(join(place, "file"), "");
    await failing(join(place, "file", "model")).toThrow(/a part of the path is no folder/);
    expect((await readdir(place)).sort()).toEqual(["file", "folder"]);
  });

  it("that fails halfway removes its temporary file and keeps the old file", async () => {
    const path = join(await freshFolder("halfway"), "model");
    await writeFile(path, "old");
    const unwritable = { byteLength: 3, length: 3 } as Uint8Array;
    await expect(writeFileAtomically(path, unwritable)).rejects.toThrow(/model: could not be saved/);
    expect(await readFile(path, "utf8")).toBe("old");
    expect(await readdir(join(path, ".."))).toEqual(["model"]);
  });
});

describe("loading", () => {
  it("says what is wrong with a file, by its path", async () => {
    const place = await freshFolder("loading");
    const failing = (name: string) => expect(loadCheckpoint(join(place, name))).rejects;
    await failing("none").toThrow(/none: could not be loaded: there is no such file or folder/);
    await failing("none").toThrow(DataError);
    await failing(".").toThrow(/could not be loaded: it is no file/);
    await writeFile(join(place, "empty"), "");
    await failing("empty").toThrow(/empty: the file is truncated/);
    const path = join(place, "model");
    await saveCheckpoint(path, generation(1, 10));
    await expect(loadCheckpoint(path, generation(1, 11).fingerprint)).rejects.toThrow("w f32[10], the program f32[11]");
    await writeFile(path, (await readFile(path)).subarray(0, -1));
    await failing("model").toThrow(/model: the file is truncated/);
  });
});
