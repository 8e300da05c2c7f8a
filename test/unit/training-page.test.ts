/**
 * The training page without a browser: how a drawing becomes a digit, what the server gives away, what the command says.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DeviceError, syntheticDigits, Trainer } from "tensorloom";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { type Served, serve } from "../../web/server.ts";
import { asDigit } from "../../web/training/ink.ts";
import type { Message } from "../../web/training/protocol.ts";
import { NetworkRun } from "../../web/training/run.ts";
import { root } from "../installed.ts";

describe("a drawing", () => {
  /** A rectangle of ink. */
  const drawn = (left: number, top: number, wide: number, high: number): Uint8Array => {
    const ink = new Uint8Array(280 * 280);
    for (let y = top; y < top + high; y++) ink.fill(255, 280 * y + left, 280 * y + left + wide);
    return ink;
  };

  test("is scaled to 20 pixels with its centre in the middle, wherever and however large it is", () => {
    const digit = asDigit({ width: 280, height: 280, ink: drawn(10, 30, 40, 100) });
    const rows = Array.from({ length: 28 }, (_, y) => digit?.subarray(28 * y, 28 * y + 28) ?? []);
    const full = rows.flatMap((row, y) => (row[13] === 255 && row[14] === 255 ? [y] : []));
    expect(full).toEqual(Array.from({ length: 20 }, (_, i) => i + 4));
    expect(Array.from(rows[14] ?? [], (value) => Math.sign(value)).join("")).toBe(
      "0".repeat(10) + "1".repeat(8) + "0".repeat(10),
    );
    expect(asDigit({ width: 280, height: 280, ink: drawn(100, 60, 80, 200) })).toEqual(digit);
  });

  test("that is none is no digit; one that goes over the edge is", () => {
    expect(asDigit({ width: 280, height: 280, ink: new Uint8Array(280 * 280) })).toBeNull();
    const corner = asDigit({ width: 280, height: 280, ink: drawn(0, 0, 30, 280) });
    expect(corner?.reduce((sum, value) => sum + value, 0)).toBeGreaterThan(20 * 255);
  });
});

describe("a run whose device fails", () => {
  const plan = { network: "mlp", digits: "drawn", images: null, epochs: 1, batch: 8, seed: 1 } as const;
  const opened = async () => {
    const told: Message[] = [];
    const run = new NetworkRun(plan, syntheticDigits({ seed: 1, train: 16, test: 8 }), (message) => told.push(message));
    await run.open("js");
    return { run, notices: () => told.filter(({ kind }) => kind === "notice").length };
  };
  afterEach(() => void vi.restoreAllMocks());

  test("goes on elsewhere, and ends with the failure where that comes to nothing again and again", async () => {
    const { run, notices } = await opened();
    const fit = vi.spyOn(Trainer.prototype, "fit").mockRejectedValue(new DeviceError("the device is gone"));
    await expect(run.train(new AbortController().signal)).rejects.toThrow("the device is gone");
    expect(notices()).toBe(3);
    expect(fit).toHaveBeenCalledTimes(4);
  });

  test("that fails once is trained to its end", async () => {
    const { run, notices } = await opened();
    vi.spyOn(Trainer.prototype, "fit").mockRejectedValueOnce(new DeviceError("the device is gone"));
    expect(await run.train(new AbortController().signal)).toBe("done");
    expect(notices()).toBe(1);
  });
});

describe("the server", () => {
  let served: Served;
  beforeAll(async () => {
    served = await serve(new Map([["index.html", Buffer.from("page")], ["worker.js", Buffer.from("worker")], ["data/a.gz", Buffer.from("a")]])); // biome-ignore format: one line
  });
  afterAll(() => served.close());

  /** Paths as they are given: fetch would tidy them up. */
  const ask = (path: string, headers: Record<string, string> = {}, method = "GET") =>
    new Promise<{ readonly status: number; readonly body: string; readonly headers: Record<string, unknown> }>(
      (resolve, reject) => {
        const { port } = new URL(served.url);
        request(
          { host: "127.0.0.1", port, path, method, headers: { host: `localhost:${port}`, ...headers } },
          (response) => {
            let body = "";
            response.setEncoding("utf8").on("data", (text: string) => (body += text));
            response.on("end", () => resolve({ status: response.statusCode ?? 0, body, headers: response.headers }));
          },
        )
          .on("error", reject)
          .end();
      },
    );

  test("gives what it was given and nothing else", async () => {
    expect(await ask("/")).toMatchObject({ status: 200, body: "page" });
    expect(await ask("/data/a.gz")).toMatchObject({ status: 200, body: "a" });
    for (const path of [
      "/package.json",
      "/../package.json",
      "/%2e%2e/package.json",
      "//etc/passwd",
      "/data/../../package.json",
      "/%",
    ]) {
      expect((await ask(path)).status, path).toBe(404);
    }
    expect((await ask("/", {}, "POST")).status).toBe(405);
  });

  test("answers under its own name alone", async () => {
    expect((await ask("/", { host: "evil.example" })).status).toBe(403);
    expect((await ask("/", { host: "localhost.evil.example:80" })).status).toBe(403);
    expect((await ask("/", { host: "127.0.0.1:1" })).status).toBe(200);
  });

  test("isolates the page, whose policy lets it compile nothing; the worker's does", async () => {
    const [page, worker] = await Promise.all([ask("/"), ask("/worker.js")]);
    for (const { headers } of [page, worker]) {
      expect(headers["cross-origin-opener-policy"]).toBe("same-origin");
      expect(headers["cross-origin-embedder-policy"]).toBe("require-corp");
    }
    expect(page.headers["content-security-policy"]).toMatch(/^default-src 'none'; script-src 'self'; /);
    expect(worker.headers["content-security-policy"]).toContain("'wasm-unsafe-eval' 'unsafe-eval'; worker-src blob:");
  });
});

describe("npm run web", () => {
  const run = (...args: readonly string[]) =>
    spawnSync(process.execPath, ["--import", "tsx", "web/main.ts", ...args], { cwd: root, encoding: "utf8" });

  test("--out writes a folder that any server can serve", () => {
    const folder = mkdtempSync(join(tmpdir(), "tensorloom-site-"));
    const { stdout, status, stderr } = run("--out", folder);
    expect([status, stderr]).toEqual([0, ""]);
    expect(stdout).toContain("6 files");
    expect(readdirSync(folder).sort()).toEqual([
      "_headers",
      "data.json",
      "index.html",
      "page.css",
      "page.js",
      "worker.js",
    ]);
    expect(readFileSync(join(folder, "_headers"), "utf8")).toContain("  Cross-Origin-Embedder-Policy: require-corp\n");
    rmSync(folder, { recursive: true });
  });

  test("says where it cannot write", () => {
    const { stderr, status } = run("--out", "package.json/site");
    expect(status).toBe(2);
    expect(stderr).toMatch(/^error: could not write to package.json\/site: E(NOTDIR|EXIST)/);
  });

  test("says what is wrong with a folder of data", () => {
    const { stderr, status } = run("--data", "test/unit");
    expect(status).toBe(2);
    expect(stderr).toContain("--data: test/unit has no train-images-idx3-ubyte (or train-images-idx3-ubyte.gz)");
  });
});
