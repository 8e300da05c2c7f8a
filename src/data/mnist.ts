/**
 * MNIST, wherever it is: a folder given, the folder that TENSORLOOM_DATA names, the cache, or digits drawn by us.
 *
 * The four files keep their usual names, gzipped or not. A folder that somebody names must hold them, all of them and
 * intact; only where nobody names one is the next place tried. Node only; `origin` of the result says what was taken.
 */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { DataError } from "../errors.ts";
import type { Dataset } from "./dataset.ts";
import { syntheticDigits } from "./digits.ts";
import { decodeIdxDataset, type NamedBytes } from "./idx.ts";

export interface LoadMnistOptions {
  /** A folder with the four files. */
  readonly data?: string | undefined;
  /** process.env by default. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

export async function loadMnist({ data, env = process.env }: LoadMnistOptions = {}): Promise<Dataset> {
  if (data !== undefined) return readFolder(data, `the folder ${data}`);
  const named = env.TENSORLOOM_DATA;
  if (named !== undefined && named !== "") return readFolder(named, `the folder ${named}, from TENSORLOOM_DATA`);
  const cache = join(env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "tensorloom", "mnist");
  if (FILES.every((file) => findFile(cache, file) !== null)) return readFolder(cache, `the cache, ${cache}`);
  return syntheticDigits();
}

const FILES = [
  "train-images-idx3-ubyte",
  "train-labels-idx1-ubyte",
  "t10k-images-idx3-ubyte",
  "t10k-labels-idx1-ubyte",
] as const;

async function readFolder(folder: string, origin: string): Promise<Dataset> {
  if (!existsSync(folder)) throw new DataError(`there is no folder ${folder}; it should hold MNIST's four files`);
  const [trainImages, trainLabels, testImages, testLabels] = await Promise.all([
    readMember(folder, FILES[0]),
    readMember(folder, FILES[1]),
    readMember(folder, FILES[2]),
    readMember(folder, FILES[3]),
  ]);
  return decodeIdxDataset({
    name: "mnist",
    origin,
    train: { images: trainImages, labels: trainLabels },
    test: { images: testImages, labels: testLabels },
  });
}

function findFile(folder: string, file: string): string | null {
  return [join(folder, file), join(folder, `${file}.gz`)].find((path) => existsSync(path)) ?? null;
}

async function readMember(folder: string, file: string): Promise<NamedBytes> {
  const path = findFile(folder, file);
  if (path === null) throw new DataError(`${folder} has no ${file} (or ${file}.gz); expected: ${FILES.join(", ")}`);
  const bytes = await readFile(path);
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return { name: path, bytes };
  try {
    return { name: path, bytes: await promisify(gunzip)(bytes) };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new DataError(`${path}: the gzip file is truncated or corrupt (${why}); get the file again`);
  }
}
