/**
 * MNIST, wherever it is: a folder given, the folder that TENSORLOOM_DATA names, the cache, a download into the cache, or
 * digits drawn by us.
 *
 * The four files keep their usual names, gzipped or not. A folder that somebody names must hold them, all of them and
 * intact; only where nobody names one is the next place tried. The cache is ours, so what lies there must be the published
 * files to the bit; a damaged one is fetched again. Drawn digits are other images, with other accuracies, so whoever gets them
 * in place of MNIST is told, and with `synthetic: false` it is an error. Node only; `name` and `origin` of the result say what
 * was taken.
 */
import { existsSync, statSync } from "node:fs";
import { readFile, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { DataError } from "../core/errors.ts";
import { callable, checkOptions, flag, list, number, type OptionTable, object, text } from "../core/options.ts";
import type { ImageSet } from "./dataset.ts";
import { syntheticDigits } from "./digits.ts";
import { differenceFrom, downloadFiles } from "./download.ts";
import { gunzipped } from "./gunzip.ts";
import { decodeIdxDataset, type NamedBytes } from "./idx.ts";
import { type PublishedFile, mirrors as publicMirrors, publishedFiles } from "./mnist-files.ts";

/** Where the digits come from. */
export interface LoadMnistOptions {
  /** A folder with the four files. */
  readonly data?: string | undefined;
  /** process.env by default. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Where to download from, instead of the public mirrors. None: nothing is downloaded. */
  readonly mirrors?: readonly string[];
  /** The files to expect there and in the cache; MNIST's own by default. */
  readonly files?: readonly PublishedFile[];
  /** Milliseconds to wait for a server; 5,000 by default. */
  readonly timeoutMs?: number;
  /** Whether digits drawn by tensorloom may stand in where MNIST cannot be had; without them that is a DataError. True by default. */
  readonly synthetic?: boolean | undefined;
  /** Told what happens on the way: a damaged file, digits in place of MNIST. By default: console.error. */
  readonly log?: (line: string) => void;
  /** Told of each file how many bytes have arrived. */
  readonly onProgress?: (file: string, bytes: number) => void;
}

const optionTable: OptionTable<LoadMnistOptions> = {
  data: text,
  env: object(),
  mirrors: list(text),
  files: list(object()),
  timeoutMs: number({ above: 0 }),
  synthetic: flag,
  log: callable(),
  onProgress: callable(),
};

/**
 * MNIST: `name` is "mnist", 60,000 images to train on and 10,000 to test on; or drawn digits, as many: `name` is "synthetic-digits".
 * Images are bytes, 784 each. A DataError says what is wrong with a folder that was named, and, with `synthetic: false`, why MNIST
 * could not be had.
 */
export async function loadMnist(options: LoadMnistOptions = {}): Promise<ImageSet> {
  checkOptions("loadMnist", options, optionTable);
  const { data, env = process.env, synthetic = true, log = console.error } = options;
  if (data !== undefined) return readFolder(data, `the folder ${data}`);
  const named = env.TENSORLOOM_DATA;
  if (named !== undefined && named !== "") return readFolder(named, `the folder ${named}, from TENSORLOOM_DATA`);
  const found = await published(options, cacheFolder(env), log);
  if (typeof found !== "string") return found;
  if (!synthetic) {
    throw new DataError(
      `MNIST could not be had: ${found}. Get ${FILES.map((name) => `${name}.gz`).join(", ")} from ${publicMirrors[0]}, put ` +
        "them into a folder, as they are or unpacked, and name it: loadMnist({ data: FOLDER }), or the environment variable TENSORLOOM_DATA",
    );
  }
  const drawn = syntheticDigits();
  log(
    `MNIST could not be had (${found}): these are other digits, drawn by tensorloom (${drawn.name}), and accuracies are not those ` +
      "of MNIST. loadMnist({ synthetic: false }) stops here instead.",
  );
  return drawn;
}

/** MNIST from the cache, which is filled where it can be; or why it cannot be had. */
async function published(
  options: LoadMnistOptions,
  cache: string,
  log: (line: string) => void,
): Promise<ImageSet | string> {
  const missing = await missingFrom(cache, options.files ?? publishedFiles, log);
  if (missing.length === 0) return readFolder(cache, `the cache, ${cache}`);
  const { mirrors = publicMirrors, timeoutMs, onProgress } = options;
  if (mirrors.length === 0) return `${cache} has not all of its files, and there is no mirror to download them from`;
  try {
    await downloadFiles(cache, {
      files: missing,
      mirrors,
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
      ...(onProgress === undefined ? {} : { onProgress }),
    });
    return await readFolder(cache, `a download, kept in ${cache}`);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return error.message;
  }
}

/** The user's cache folder, by the customs of the platform. */
function cacheFolder(env: Readonly<Record<string, string | undefined>>): string {
  const usual =
    process.platform === "darwin"
      ? join(homedir(), "Library", "Caches")
      : process.platform === "win32"
        ? (env.LOCALAPPDATA ?? join(homedir(), "AppData", "Local"))
        : join(homedir(), ".cache");
  return join(env.XDG_CACHE_HOME || usual, "tensorloom", "mnist");
}

/** The files that the cache has not, or no longer as they were published; damaged ones are removed. */
async function missingFrom(
  cache: string,
  files: readonly PublishedFile[],
  log: (line: string) => void,
): Promise<PublishedFile[]> {
  const missing: PublishedFile[] = [];
  for (const file of files) {
    const path = findFile(cache, file.name);
    const wrong = path === null ? "" : await damageOf(path, file);
    if (wrong === null) continue;
    missing.push(file);
    if (path === null) continue;
    log(`${path} is damaged (${wrong}) and was removed.`);
    await rm(path, { force: true });
  }
  return missing;
}

async function damageOf(path: string, file: PublishedFile): Promise<string | null> {
  try {
    return differenceFrom(file, (await readPlain(path)).bytes);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

const FILES = publishedFiles.map(({ name }) => name) as [string, string, string, string];

async function readFolder(folder: string, origin: string): Promise<ImageSet> {
  if (!existsSync(folder)) throw new DataError(`there is no folder ${folder}; it should hold MNIST's four files`);
  if (!statSync(folder).isDirectory())
    throw new DataError(`${folder} is no folder; name the one that holds MNIST's four files`);
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

/** The file under its usual spellings, plain or gzipped. */
function findFile(folder: string, file: string): string | null {
  const spellings = [file, file.replace("-idx", ".idx")].flatMap((name) => [name, `${name}.gz`]);
  return spellings.map((name) => join(folder, name)).find((path) => existsSync(path)) ?? null;
}

async function readMember(folder: string, file: string): Promise<NamedBytes> {
  const path = findFile(folder, file);
  if (path === null) throw new DataError(`${folder} has no ${file} (or ${file}.gz); expected: ${FILES.join(", ")}`);
  return readPlain(path);
}

/** More than any file of this kind has unpacked: a gzip bomb stops here. */
const mostBytes = 1 << 30;

async function readPlain(path: string): Promise<NamedBytes> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (error) {
    throw new DataError(`${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return { name: path, bytes };
  try {
    return { name: path, bytes: await gunzipped(bytes, mostBytes) };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new DataError(`${path}: the gzip file is truncated or corrupt (${why}); get the file again`);
  }
}
