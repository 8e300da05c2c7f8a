/**
 * Standalone programs in a page: a script of type "module" under a policy that lets nothing be compiled from text, with the losses
 * of the executable in Node, bit for bit on js and wasm.
 */
import { readFile, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import * as tl from "../../src/index.ts";
import { mnistBatches, mnistStep } from "../mnist-step.ts";
import { executableOf, folderOf, removeFolders } from "../standalone-case.ts";
import { hasChromium } from "./chromium.ts";
import { openBrowser } from "./driven.ts";

const batch = 16;

/** Everything that a device may do otherwise: loops, copies, random numbers, narrow numbers, several entries, states that swap. */
const varied = tl.program({
  inputs: { x: tl.f32(5, 3), half: tl.f16(3), flags: tl.bool(3), bytes: tl.u8(3), whole: tl.i32() },
  state: { a: tl.param(tl.normal(0, 1, 3)), b: tl.slot(tl.zeros(3)), on: tl.slot(tl.zeros(3), { dtype: "bool" }) },
  entries: {
    step: ({ x, half, flags, bytes, whole }, { a, b, on }) => {
      const { carry, outputs } = tl.scan(
        (h: tl.Tensor<[3], "f32">, row: tl.Tensor<[3], "f32">) => {
          const next = tl.tanh(tl.add(tl.mul(h, 0.5), row));
          return { carry: next, output: next };
        },
        a,
        x,
      );
      return {
        outputs: {
          last: carry,
          list: [outputs, tl.cast(half, "f32")],
          noise: tl.randomBits([4]),
          dropped: tl.dropout(x, 0.5),
          small: { half, flags, bytes, on, whole },
          sum: tl.sum(tl.cast(bytes, "f32")),
        },
        next: { a: tl.add(carry, b), b: a, on: flags },
      };
    },
    look: (_, { a, b }) => ({ outputs: [a, b] }),
  },
});
const variedFeeds = {
  x: Array.from({ length: 15 }, (_, i) => Math.fround(Math.sin(i))),
  ...{ half: [0.5, -2, 0.1], flags: [true, false, true], bytes: [1, 2, 255], whole: -7 },
};
const mnist = mnistStep(tl.rmsprop(), 24);
const images = mnistBatches(5, batch).map(({ image, label }) => ({ image: [...image], label: [...label] }));

const cases = [
  { program: mnist, dims: { batch }, runs: images.map((feeds) => ({ entry: "train", feeds })) },
  { program: varied, dims: {}, runs: ["step", "step", "look"].map((entry) => ({ entry, feeds: variedFeeds })) },
];

/** What the page runs. Arrays become lists, so that they can be sent. */
const main = `
import { create } from "./net.js";
const plain = (value) =>
  ArrayBuffer.isView(value) ? [...value] : Array.isArray(value) ? value.map(plain)
    : Object(value) === value ? Object.fromEntries(Object.entries(value).map(([name, part]) => [name, plain(part)])) : value;
async function run() {
  let mayEval = true;
  try { new Function("return 1")(); } catch { mayEval = false; }
  const net = await create();
  const found = [];
  // Not awaited one by one: on a GPU calls take effect in their order all the same.
  for (const { entry, feeds } of await (await fetch("./runs.json")).json()) found.push(net[entry](feeds));
  const outputs = plain(await Promise.all(found));
  const saved = await net.state.save();
  const again = await create({ state: saved });
  const states = {};
  for (const name of again.state.names) states[name] = plain(await again.state.read(name));
  net.dispose?.();
  again.dispose?.();
  return { mayEval, outputs, states };
}
run().catch((error) => ({ error: String(error.stack) }))
  .then((found) => fetch("/result", { method: "POST", body: JSON.stringify(found) }));
`;

interface Found {
  readonly error?: string;
  readonly mayEval?: boolean;
  readonly outputs?: unknown;
  readonly states?: Readonly<Record<string, readonly number[]>>;
}

const types: Readonly<Record<string, string>> = { ".js": "text/javascript", ".html": "text/html", ".json": "application/json", ".wasm": "application/wasm" }; // biome-ignore format: table

/** Serves a folder, and takes what its page posts. */
function serve(folder: string, policy: string, done: (result: string) => void): Server {
  return createServer(async (request, response) => {
    if (request.method === "POST") {
      const parts: Buffer[] = [];
      for await (const part of request) parts.push(part);
      response.end();
      done(Buffer.concat(parts).toString());
      return;
    }
    const name = request.url === "/" ? "index.html" : (request.url ?? "").slice(1);
    const content = await readFile(join(folder, name)).catch(() => null);
    response.statusCode = content === null ? 404 : 200;
    response.setHeader("Content-Security-Policy", policy);
    response.setHeader("Content-Type", types[extname(name)] ?? "application/octet-stream");
    response.end(content ?? "");
  });
}

async function visit(browser: Browser, folder: string, policy: string): Promise<Found> {
  const page = await browser.newPage();
  const complaints: string[] = [];
  page.on("console", (message) => complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(String(error)));
  const { promise, resolve, reject } = withResolvers();
  const server = serve(folder, policy, resolve);
  const timer = setTimeout(() => reject(new Error(`the page sent nothing: ${complaints.join("\n")}`)), 60_000);
  try {
    await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    return JSON.parse(await promise);
  } finally {
    clearTimeout(timer);
    await page.close();
    server.closeAllConnections();
    server.close();
  }
}

function withResolvers() {
  let [resolve, reject] = [(_: string): void => {}, (_: Error): void => {}];
  const promise = new Promise<string>((done, fail) => {
    [resolve, reject] = [done, fail];
  });
  return { promise, resolve, reject };
}

/** Arrays as lists. */
function plain(value: unknown): unknown {
  if (ArrayBuffer.isView(value)) return [...(value as Float32Array)];
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, plain(part)]));
}

function expectClose(found: unknown, wanted: unknown, path = ""): void {
  if (typeof wanted === "object" && wanted !== null) {
    for (const [name, part] of Object.entries(wanted)) {
      expectClose(Reflect.get(Object(found), name), part, `${path}.${name}`);
    }
    expect(Object.keys(Object(found)), path).toEqual(Object.keys(wanted));
    return;
  }
  expect(Math.abs(Number(found) - Number(wanted)), path).toBeLessThan(1e-4 * (1 + Math.abs(Number(wanted))));
}

describe.skipIf(!hasChromium)("a standalone folder in a page whose policy forbids code from text", () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await openBrowser({ gpu: true });
  });
  afterAll(async () => {
    await browser.close();
    await removeFolders();
  });

  const own = "default-src 'none'; connect-src 'self'; script-src 'self'";
  test.each([
    ["js", own],
    ["wasm", `${own} 'wasm-unsafe-eval'`],
    ["wgsl", own],
  ] as const)("%s", async (target, policy) => {
    for (const { program, dims, runs } of cases) {
      const { path } = await folderOf(program, { target, dims, seed: 11 });
      await writeFile(join(path, "index.html"), '<!doctype html><script type="module" src="main.js"></script>');
      await writeFile(join(path, "main.js"), main);
      await writeFile(join(path, "runs.json"), JSON.stringify(runs));
      const found = await visit(browser, path, policy);
      expect(found.error).toBeUndefined();
      expect(found.mayEval).toBe(false);

      const onCpu = target === "wgsl" ? "js" : target;
      const executable = await executableOf(program, { target: onCpu, dims, seed: 11 });
      const outputs: unknown[] = [];
      for (const { entry, feeds } of runs) {
        outputs.push(plain(await executable.run({ entry: entry as never, feeds: feeds as never })));
      }
      const names = executable.state.names.map(
        async (name) => [name, plain(await executable.state.read(name))] as const,
      );
      const states = Object.fromEntries(await Promise.all(names));
      executable.dispose();
      if (target === "wgsl") expectClose(found, { mayEval: false, outputs, states });
      else expect(found).toEqual({ mayEval: false, outputs, states });
    }
  });

  test("wasm under a policy without 'wasm-unsafe-eval' says what is forbidden", async () => {
    const { path } = await folderOf(varied, { target: "wasm" });
    await writeFile(join(path, "index.html"), '<!doctype html><script type="module" src="main.js"></script>');
    await writeFile(join(path, "main.js"), main);
    expect((await visit(browser, path, own)).error).toMatch(/CompileError: .*Content Security Policy/);
  });
});
