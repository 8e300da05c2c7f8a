/**
 * Downloading MNIST into the cache (Node only).
 *
 * A file is fetched under a name of its own, unpacked, compared with its published size and SHA-256, and only then renamed:
 * whatever breaks off leaves no half file behind, and the next call starts again. Without a network this gives up after one
 * connection, not one for every file and mirror.
 */
import { createHash, randomUUID } from "node:crypto";
import * as fs from "node:fs";
import { rename, rm, writeFile } from "node:fs/promises";
import * as path from "node:path";
import { DataError } from "../core/errors.ts";
import { makeFolderBy } from "../core/make-folder.ts";
import { gunzipped } from "./gunzip.ts";
import type { PublishedFile } from "./mnist-files.ts";

export interface DownloadOptions {
  readonly files: readonly PublishedFile[];
  /** Folders to try, each ending in a slash. */
  readonly mirrors: readonly string[];
  /** Milliseconds until the first byte, and between any two parts. */
  readonly timeoutMs?: number;
  /** Bytes so far of all that are expected, roughly. */
  readonly onProgress?: (file: string, bytes: number) => void;
}

/** Fetches all files into the folder; a DataError says why a file could not be had. */
export async function downloadFiles(folder: string, options: DownloadOptions): Promise<void> {
  makeFolderBy(fs, path, folder);
  for (const file of options.files) await downloadFile(folder, file, options);
}

async function downloadFile(folder: string, file: PublishedFile, options: DownloadOptions): Promise<void> {
  const failures: string[] = [];
  for (const mirror of options.mirrors) {
    try {
      const packed = await fetchBytes(`${mirror}${file.name}.gz`, file, options);
      await store(folder, file, await unpack(packed, file));
      return;
    } catch (error) {
      failures.push(`${mirror}: ${reasonOf(error)}`);
      if (isUnreachable(error)) break; // no network: the next mirror would keep the user waiting as long again
    }
  }
  throw new DataError(`${file.name} could not be downloaded (${failures.join("; ")})`);
}

async function fetchBytes(
  url: string,
  file: PublishedFile,
  { timeoutMs = 5000, onProgress }: DownloadOptions,
): Promise<Uint8Array> {
  const stop = new AbortController();
  let timer = setTimeout(() => stop.abort(new DataError(`no answer within ${timeoutMs} ms`)), timeoutMs);
  try {
    const response = await fetch(url, { signal: stop.signal });
    if (!response.ok || response.body === null) throw new DataError(`the server answered ${response.status}`);
    const parts: Uint8Array[] = [];
    let bytes = 0;
    for await (const part of response.body as unknown as AsyncIterable<Uint8Array>) {
      clearTimeout(timer);
      timer = setTimeout(() => stop.abort(new DataError(`the download stood still for ${timeoutMs} ms`)), timeoutMs);
      bytes += part.length;
      if (bytes > file.bytes + 1024) throw new DataError("more bytes came than the whole file has");
      parts.push(part);
      onProgress?.(file.name, bytes);
    }
    return Buffer.concat(parts);
  } finally {
    clearTimeout(timer);
  }
}

async function unpack(packed: Uint8Array, file: PublishedFile): Promise<Uint8Array> {
  try {
    return await gunzipped(packed, file.bytes + 1);
  } catch (error) {
    throw new DataError(`the gzip file is truncated or corrupt (${reasonOf(error)})`);
  }
}

async function store(folder: string, file: PublishedFile, bytes: Uint8Array): Promise<void> {
  const wrong = differenceFrom(file, bytes);
  if (wrong !== null) throw new DataError(wrong);
  const temporary = path.join(folder, `.${file.name}.${randomUUID()}.tmp`);
  try {
    await writeFile(temporary, bytes);
    await rename(temporary, path.join(folder, file.name));
  } finally {
    await rm(temporary, { force: true });
  }
}

/** How the bytes differ from the published file, or null. */
export function differenceFrom(file: PublishedFile, bytes: Uint8Array): string | null {
  if (bytes.length !== file.bytes) return `it has ${bytes.length} bytes, ${file.bytes} were expected`;
  const found = createHash("sha256").update(bytes).digest("hex");
  return found === file.sha256 ? null : `its SHA-256 is ${found}, ${file.sha256} was expected`;
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause instanceof Error ? `: ${error.cause.message}` : "";
  return error.message + cause;
}

/** No name service, no route, or no answer: other mirrors would fare no better. */
function isUnreachable(error: unknown): boolean {
  if (error instanceof DataError) return error.message.startsWith("no answer");
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : null;
  const code = cause !== null && "code" in cause ? String(cause.code) : "";
  return ["ENOTFOUND", "EAI_AGAIN", "ENETUNREACH", "EHOSTUNREACH", "ENETDOWN"].includes(code);
}
