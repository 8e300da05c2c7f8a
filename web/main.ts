/**
 * The training page, built and served on this machine, or written to a folder for any server:
 *
 *   npm run web                            npm run web -- --data DIR           (DIR holds MNIST's four files)
 *   npm run web -- --out site              npm run web -- --port 8080
 */
import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { DataError, UserError } from "tensorloom";
import { script } from "tensorloom/node";
import { buildTrainingPage, type Site } from "./build.ts";
import { serve } from "./server.ts";
import type { ServedFiles } from "./training/digits.ts";

const flags = {
  data: { kind: "text", about: "folder with MNIST's four IDX files, gzipped or not; without it the page draws digits" },
  out: { kind: "text", about: "write the page's files to this folder, and serve nothing" },
  port: { kind: "count", default: 0, least: 0, about: "where to listen; 0 is any that is free" },
} as const;
const about = "Serves the training page on this machine, or writes it to a folder.";

await script({ name: "npm run web --", about, flags }, async ({ data, out, port }) => {
  const files = data === undefined ? null : await mnistIn(data);
  const site = new Map([...(await buildTrainingPage(files?.served ?? null)), ...(files?.contents ?? [])]);
  if (out !== undefined) {
    await write(site, out);
    console.log(
      `${site.size} files are in ${out}: any server can serve them (docs/browser.md says with which headers).`,
    );
    return;
  }
  const { url } = await serve(site, { port }).catch((error: unknown) => {
    throw new UserError(`port ${port} cannot be used: ${messageOf(error)}`);
  });
  console.log(
    `Training in the page: ${url}\nDigits: ${data === undefined ? "drawn by the page; --data DIR serves MNIST" : `MNIST in ${data}`}. Ctrl-C ends.`,
  );
});

/** The files as they lie there, under the names that they have. */
async function mnistIn(folder: string): Promise<{ readonly served: ServedFiles; readonly contents: Site }> {
  const names = await readdir(folder).catch(() => {
    throw new DataError(`--data: there is no folder ${folder}; it should hold MNIST's four files`);
  });
  const contents = new Map<string, Uint8Array>();
  const urlOf = async (wanted: string): Promise<string> => {
    const name = names.find((found) => found.replace(/\.gz$/, "").replace(".idx", "-idx") === wanted);
    if (name === undefined) throw new DataError(`--data: ${folder} has no ${wanted} (or ${wanted}.gz)`);
    contents.set(`data/${name}`, await readFile(join(folder, name)));
    return `./data/${name}`;
  };
  const served = {
    trainImages: await urlOf("train-images-idx3-ubyte"),
    trainLabels: await urlOf("train-labels-idx1-ubyte"),
    testImages: await urlOf("t10k-images-idx3-ubyte"),
    testLabels: await urlOf("t10k-labels-idx1-ubyte"),
  };
  return { served, contents };
}

async function write(site: Site, folder: string): Promise<void> {
  try {
    for (const [path, content] of site) {
      const file = resolve(folder, path);
      await makeFolder(dirname(file));
      await writeFile(file, content);
    }
  } catch (error) {
    throw new UserError(`could not write to ${folder}: ${messageOf(error)}`);
  }
}

/** With what is missing above it. By steps: Node's `recursive` goes on for ever in places where nothing can be made. */
async function makeFolder(folder: string): Promise<void> {
  const isThere = (): Promise<boolean> => stat(folder).then((found) => found.isDirectory(), () => false); // biome-ignore format: short
  if (await isThere()) return;
  if (dirname(folder) !== folder) await makeFolder(dirname(folder));
  try {
    await mkdir(folder);
  } catch (error) {
    if (!(await isThere())) throw error; // another process may have been quicker
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
