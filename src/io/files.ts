/**
 * Files that are either the old or the new one, whatever happens while they are saved. Node only.
 *
 *     write  .tensorloom-save-3f9c...tmp  ->  flush it  ->  rename it to  model.safetensors  ->  flush the folder
 *
 * A rename within a folder is atomic, so a reader never sees half a file, and a writer that is killed leaves the old file
 * and a temporary one. Temporary names are random, so writers never meet in one, and nothing reads them; a later save in
 * the same folder removes those that nobody has written to for an hour.
 */
import { randomBytes } from "node:crypto";
import { constants, type Stats } from "node:fs";
import { type FileHandle, lstat, open, readdir, realpath, rename, stat, unlink } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { DataError, UserError } from "../core/errors.ts";
import { type Checkpoint, type CheckpointContents, decodeCheckpoint, encodeCheckpoint, type Fingerprint } from "./checkpoint.ts"; // biome-ignore format: names

/** Saves a checkpoint over the one that may be there. */
export async function saveCheckpoint(path: string, contents: CheckpointContents): Promise<void> {
  await writeFileAtomically(path, encodeCheckpoint(contents));
}

/** Loads a checkpoint, which must fit `expected` where that is given. */
export async function loadCheckpoint(path: string, expected?: Fingerprint): Promise<Checkpoint> {
  return decodeCheckpoint(await readWholeFile(path), path, expected);
}

/** Writes a file so that at every moment, even if this process is killed, `path` is the old file or the new one. */
export async function writeFileAtomically(path: string, bytes: Uint8Array): Promise<void> {
  try {
    const target = await realTarget(path);
    const old = await statOrNull(target);
    if (old !== null && !old.isFile()) throw new UserError("there is something of that name that is no file");
    const folder = dirname(target);
    const temporary = join(folder, `.tensorloom-save-${randomBytes(16).toString("hex")}.tmp`);
    await writeAndRename(temporary, target, bytes, old);
    await flushFolder(folder);
    await removeLeftovers(folder);
  } catch (error) {
    throw new UserError(`${path}: could not be saved: ${fileProblem(error)}`, { cause: error });
  }
}

/** Leftovers are removed when nobody has written to them for this long. */
const LEFTOVER_MS = 3_600_000;
const leftoverName = /^\.tensorloom-save-[0-9a-f]{32}\.tmp$/;

async function writeAndRename(temporary: string, target: string, bytes: Uint8Array, old: Stats | null): Promise<void> {
  // Exclusive: never a file, or a link to one, that somebody else put there.
  const handle = await open(temporary, "wx", (old?.mode ?? 0o666) & 0o777);
  try {
    try {
      if (old !== null) await handle.chmod(old.mode & 0o777).catch(() => {}); // where files have modes
      await handle.writeFile(bytes);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await renameOver(temporary, target);
  } catch (error) {
    await unlink(temporary).catch(() => {});
    throw error;
  }
}

/** On Windows a file that someone is reading (a virus scanner, say) cannot be replaced for a moment. */
async function renameOver(from: string, to: string): Promise<void> {
  for (let wait = 10; ; wait *= 2) {
    try {
      return await rename(from, to);
    } catch (error) {
      const busy = process.platform === "win32" && ["EPERM", "EACCES", "EBUSY"].includes(codeOf(error));
      if (!busy || wait > 1000) throw error;
      await sleep(wait);
    }
  }
}

/** Makes the rename last through a power cut, where folders can be flushed: not on Windows, not on every network drive. */
async function flushFolder(folder: string): Promise<void> {
  let handle: FileHandle | null = null;
  try {
    handle = await open(folder, constants.O_RDONLY);
    await handle.sync();
  } catch (error) {
    if (!["EISDIR", "EPERM", "EACCES", "EINVAL", "EBADF", "ENOTSUP", "ENOSYS"].includes(codeOf(error))) throw error;
  } finally {
    await handle?.close();
  }
}

/** Best effort: whatever goes wrong here, the file was saved. */
async function removeLeftovers(folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  for (const name of names.filter((found) => leftoverName.test(found))) {
    const path = join(folder, name);
    try {
      const found = await lstat(path);
      if (found.isFile() && Date.now() - found.mtimeMs > LEFTOVER_MS) await unlink(path);
    } catch {
      // Another save was quicker, or may and we may not.
    }
  }
}

/** The file behind links; the path itself where there is none yet. */
async function realTarget(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    if (codeOf(error) !== "ENOENT") throw error;
    const full = resolve(path);
    return join(await realpath(dirname(full)), basename(full));
  }
}

async function statOrNull(path: string): Promise<Stats | null> {
  try {
    return await stat(path);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return null;
    throw error;
  }
}

/** A DataError says why it cannot be read. */
export async function readWholeFile(path: string): Promise<Uint8Array> {
  try {
    if (!(await stat(path)).isFile()) throw new DataError("it is no file"); // to open a pipe would wait for a writer
    const handle = await open(path, "r");
    try {
      return await readBytes(handle, (await handle.stat()).size);
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw new DataError(`${path}: could not be loaded: ${fileProblem(error)}`, { cause: error });
  }
}

/** In pieces: one call of the system reads less than 2 GiB. */
async function readBytes(handle: FileHandle, size: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; ) {
    const { bytesRead } = await handle.read(bytes, at, Math.min(size - at, 1 << 26), at);
    if (bytesRead === 0) return bytes.subarray(0, at); // someone has cut it; the reader will say so
    at += bytesRead;
  }
  return bytes;
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file or folder",
  EACCES: "this is not permitted",
  EPERM: "this is not permitted",
  ENOSPC: "the disk is full",
  EROFS: "the file system is read-only",
  ENOTDIR: "a part of the path is no folder",
};

/** Why a file could not be read or written, in words. */
export function fileProblem(error: unknown): string {
  const known = reasons[codeOf(error)];
  return known ?? (error instanceof Error ? error.message : String(error));
}
