/**
 * A real browser for tests: the Chromium of a dev dependency, without a window, unpacked once into node_modules/.cache.
 *
 *   runInPage(source, { isolated, place })    bundles `source`, runs it in a page or in a page's worker, gives what it posts
 *   chromiumFolder()                          where it lies; driven.ts drives it through Playwright
 */
import { spawn } from "node:child_process";
import { mkdir, mkdtemp, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { brotliDecompress } from "node:zlib";
import { build } from "esbuild";
import { untar } from "../gpu/software.ts";

export interface PageOptions {
  /** Whether the server sends the headers that give a page shared memory. */
  readonly isolated: boolean;
  readonly place: "page" | "worker";
  /** The page's content security policy: none by default. */
  readonly policy?: string;
  /** Whether the browser has WebGPU, through its software driver. */
  readonly gpu?: boolean;
}

/** The package has a binary for this platform alone. */
export const hasChromium = process.platform === "linux" && process.arch === "x64";

const deadlineMs = 60_000;

/** Runs a script, which must POST its result to /result; gives that text. */
export async function runInPage(script: string, options: PageOptions): Promise<string> {
  const { isolated, place, policy, gpu = false } = options;
  const [browser, code] = await Promise.all([chromiumFolder(), bundled(script)]);
  const page = `<script type="module" src="/${place === "page" ? "app" : "worker"}.js"></script>`;
  const profile = await mkdtemp(join(tmpdir(), "tensorloom-chromium-"));
  let finish = async (): Promise<void> => {};
  try {
    return await new Promise<string>((resolve, reject) => {
      const server = serve({ code, page, isolated, policy }, resolve);
      server.listen(0, "127.0.0.1", () => {
        const { port } = server.address() as AddressInfo;
        const close = browse(browser, profile, `http://127.0.0.1:${port}/`, gpu, reject);
        finish = async () => {
          await close();
          server.closeAllConnections();
          server.close();
        };
      });
    });
  } finally {
    await finish();
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

interface Site {
  readonly code: string;
  readonly page: string;
  readonly isolated: boolean;
  readonly policy: string | undefined;
}

function serve({ code, page, isolated, policy }: Site, done: (result: string) => void): Server {
  return createServer((request, response) => {
    if (isolated) {
      response.setHeader("Cross-Origin-Opener-Policy", "same-origin");
      response.setHeader("Cross-Origin-Embedder-Policy", "require-corp");
    }
    if (policy !== undefined) response.setHeader("Content-Security-Policy", policy);
    if (request.url === "/result") {
      const parts: string[] = [];
      request.setEncoding("utf8").on("data", (text: string) => parts.push(text));
      request.on("end", () => {
        response.end();
        done(parts.join(""));
      });
      return;
    }
    const script = request.url === "/app.js" ? code : request.url === "/worker.js" ? startWorker : null;
    response.setHeader("content-type", script === null ? "text/html" : "text/javascript");
    response.end(script ?? page);
  });
}

/** With WebGPU through a driver that computes on the CPU, or without it. */
export function graphicsFlags(gpu: boolean): readonly string[] {
  return gpu ? ["--no-zygote", "--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"] : ["--disable-gpu"];
}

/** Opens an address. The function that it gives closes the browser. */
function browse(
  browser: string,
  profile: string,
  url: string,
  gpu: boolean,
  fail: (error: Error) => void,
): () => Promise<void> {
  const flags = [
    "--headless=old",
    "--no-sandbox",
    ...graphicsFlags(gpu),
    "--no-first-run",
    `--user-data-dir=${profile}`,
  ];
  const child = spawn(join(browser, "chromium"), [...flags, url], {
    env: { ...process.env, LD_LIBRARY_PATH: browser, HOME: profile },
    stdio: ["ignore", "ignore", "pipe"],
    detached: true, // a group of its own, so that its children end with it
  });
  const closed = new Promise((resolve) => child.on("close", resolve));
  const log: string[] = [];
  child.stderr.setEncoding("utf8").on("data", (text: string) => log.push(text));
  const failed = (why: string): void => fail(new Error(`Chromium ${why}:\n${log.join("").slice(-2000)}`));
  const timer = setTimeout(() => failed(`gave no result within ${deadlineMs} ms`), deadlineMs);
  child.on("error", ({ message }) => failed(`did not start: ${message}`));
  child.on("exit", (code) => failed(`ended with code ${code}`));
  return async () => {
    clearTimeout(timer);
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, "SIGKILL");
    await closed;
  };
}

/** A file of its own, which any policy allows that allows our code. */
const startWorker = `
const worker = new Worker("/app.js", { type: "module" });
worker.onerror = ({ message }) => fetch("/result", { method: "POST", body: "worker: " + message });
`;

async function bundled(script: string): Promise<string> {
  const resolveDir = dirname(fileURLToPath(import.meta.url));
  const made = await build({
    stdin: { contents: script, resolveDir, loader: "ts" },
    bundle: true,
    format: "esm",
    write: false,
    target: "es2022",
  });
  return made.outputFiles[0]?.text ?? "";
}

/** The folder with Chromium and its libraries. It is written under another name and renamed: whole, or not there. */
export async function chromiumFolder(): Promise<string> {
  const entry = createRequire(import.meta.url).resolve("@sparticuz/chromium");
  const bin = join(dirname(entry), "..", "..", "bin");
  const about = JSON.parse(await readFile(join(bin, "..", "package.json"), "utf8")) as { readonly version: string };
  const cache = join(dirname(fileURLToPath(import.meta.url)), "../../node_modules/.cache/tensorloom-chromium");
  const folder = join(cache, `${about.version} with graphics`);
  if (await exists(folder)) return folder;
  const unpack = async (name: string) => promisify(brotliDecompress)(await readFile(join(bin, name)));
  await mkdir(cache, { recursive: true });
  const temporary = await mkdtemp(join(cache, ".unpacking-"));
  try {
    for (const archive of ["al2023.tar.br", "swiftshader.tar.br"]) {
      for (const [name, data] of untar(await unpack(archive))) {
        await writeFile(join(temporary, basename(name)), data, { mode: 0o755 });
      }
    }
    await writeFile(join(temporary, "chromium"), await unpack("chromium.br"), { mode: 0o755 });
    await rename(temporary, folder);
  } catch (error) {
    if (!(await exists(folder))) throw error;
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
  return folder;
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
