/**
 * A page as the static files that it is made of: esbuild joins its modules and minifies them; everything else is as it lies here.
 *
 *   await buildTrainingPage(null)   ->   index.html, page.js, page.css, worker.js, data.json, _headers
 */
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { pageHeaders, workerHeaders } from "./headers.ts";
import type { ServedFiles } from "./training/digits.ts";

/** Contents by path, as they lie in the folder that is served. */
export type Site = ReadonlyMap<string, Uint8Array>;

const here = fileURLToPath(new URL(".", import.meta.url));

/** `served`: where MNIST's files lie beside the page, or null. */
export async function buildTrainingPage(served: ServedFiles): Promise<Site> {
  const made = await build({
    absWorkingDir: here,
    entryPoints: ["training/page.ts", "training/page.css", "training/worker.ts"],
    outdir: "/",
    bundle: true,
    minify: true,
    keepNames: true, // messages say them, and files hold them
    format: "esm",
    target: "es2022",
    charset: "utf8",
    legalComments: "none",
    write: false,
    logLevel: "error",
    tsconfig: "../tsconfig.json", // "tensorloom" means the sources
  });
  const site = new Map<string, Uint8Array>();
  for (const { path, contents } of made.outputFiles) site.set(path.split("/").at(-1) ?? path, contents);
  site.set("index.html", await readFile(`${here}training/index.html`));
  site.set("data.json", new TextEncoder().encode(JSON.stringify(served)));
  site.set("_headers", new TextEncoder().encode(headersFile()));
  return site;
}

/** How Netlify, Cloudflare Pages and others are told which headers to send. */
function headersFile(): string {
  const lines = (headers: Readonly<Record<string, string>>): string =>
    Object.entries(headers)
      .map(([name, value]) => `  ${name}: ${value}\n`)
      .join("");
  return `/*\n${lines(pageHeaders)}/worker.js\n  ! Content-Security-Policy\n${lines(workerHeaders)}`;
}
