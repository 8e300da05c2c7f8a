/**
 * The explorer's page in a real browser: every click does what it says, by mouse and by keyboard, in a file and from the server; and the
 * server answers nobody but its own page.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import cnn from "../../examples/cnn.ts";
import { add, f32, mul, program, rmsprop, type Tensor, tanh } from "../../src/index.ts";
import { pageScript, wholePage } from "../../src/tools/cli/explore-page.ts";
import { type ExploreServer, startServer } from "../../src/tools/cli/explore-server.ts";
import type { Exploration } from "../../src/tools/explorer/exploration.ts";
import { explore } from "../../src/tools/explorer/explore.ts";
import { mnistStep } from "../mnist-step.ts";
import { hasChromium } from "./chromium.ts";
import { openBrowser } from "./driven.ts";

const mnist = mnistStep(rmsprop());

/** 2,000 nodes of the same few calls: bench/explorer.ts has a training step of that size. */
const towers = program({
  inputs: { x: f32(8) },
  step: ({ x }) => {
    const block = (h: Tensor<[8], "f32">) => tanh(add(mul(h, x), 0.5));
    let total: Tensor<[8], "f32"> = x;
    for (let tower = 1; tower <= 16; tower++) {
      let h: Tensor<[8], "f32"> = mul(x, tower);
      for (let i = 0; i < 40; i++) h = block(h);
      total = add(total, h);
    }
    return { outputs: { total } };
  },
});

const of = (target: "js" | "wasm" | "wgsl"): Exploration =>
  explore(mnist, { entry: "train", dims: { batch: 128 }, target, folder: process.cwd() });

const script = pageScript();
let folder = "";
let browser: Browser;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "tensorloom-explorer-"));
  if (hasChromium) browser = await openBrowser();
});
afterAll(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true, force: true });
});

interface Opened {
  readonly page: Page;
  /** What a page must not say. */
  readonly errors: readonly string[];
}

async function open(address: string, viewport = { width: 1280, height: 800 }): Promise<Opened> {
  const page = await browser.newPage({ viewport });
  page.setDefaultTimeout(20_000);
  const errors: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") errors.push(message.text());
  });
  page.on("pageerror", ({ message }) => errors.push(message));
  await page.goto(address);
  await page.waitForSelector(".page");
  return { page, errors };
}

async function write(name: string, explorations: readonly Exploration[]): Promise<string> {
  const path = join(folder, name);
  writeFileSync(path, await wholePage(name, explorations, await script));
  return pathToFileURL(path).href;
}

const codeOf = (page: Page): Promise<string> => page.locator('[role="tabpanel"]:visible .cm-content').innerText();

describe.skipIf(!hasChromium)("the MNIST step as one file", () => {
  const made = hasChromium ? [of("js"), of("wasm"), of("wgsl")] : [];
  let opened: Opened;
  beforeAll(async () => {
    const address = await write("mnist.html", made);
    opened = await open(address);
  });
  afterAll(() => opened.page.close());

  test("is under 2 MB", async () => {
    expect((await wholePage("mnist.ts", made, await script)).length).toBeLessThan(2_000_000);
  });

  test("a pass: what it added, removed and rewrote, and the law that fired", async () => {
    const { page } = opened;
    await page.getByRole("option", { name: /^differentiate/ }).click();
    const change = made[0]?.stages.find(({ name }) => name === "differentiate")?.change;
    const after = page.getByRole("region", { name: "after", exact: true });
    const before = page.getByRole("region", { name: "before", exact: true });
    // Those without a box are drawn in their readers.
    const small = new Set(
      made[0]?.graphs.flatMap(({ nodes }) => nodes.filter(({ isSmall }) => isSmall).map(({ text }) => text)),
    );
    expect(small.size).toBeGreaterThan(0);
    expect(await after.locator("g.box.added").count()).toBeGreaterThan(5);
    expect(await after.locator("g.box.added").count()).toBeLessThanOrEqual(change?.added.length ?? 0);
    expect(await before.locator("g.box.removed, g.box.rewritten").count()).toBeGreaterThanOrEqual(4); // the gradients
    await page.getByRole("option", { name: /^simplify/ }).click();
    const details = page.getByRole("complementary", { name: "what the stage changed" });
    expect(await details.getByText("9 laws fired").count()).toBe(1);
    await details.getByRole("button", { name: "x / 2ⁿ = x · 2⁻ⁿ" }).first().click();
    expect(await after.locator("g.box.chosen").count()).toBe(1);
    expect(await before.locator("g.box.chosen .label").first().textContent()).toMatch(/^div/);
    expect(await details.locator(".facts").innerText()).toMatch(/x \/ 2ⁿ = x · 2⁻ⁿ/);
    // What has gone is shown where it was.
    await details.getByRole("button", { name: /= stopGradient/ }).click();
    expect(await before.locator("g.box.chosen .label").first().textContent()).toMatch(/^stopGradient/);
    await page.getByText("as text").click();
    expect(await codeOf(page)).toMatch(/^entry train\n%0: f32\[128,784\] = input/);
    await page.getByText("as text").click();
  });

  test("a kernel: its nodes, its loops before and after each move, its code in colours", async () => {
    const { page } = opened;
    for (const [choice, name, has] of [
      ["train on js", "JavaScript", /^function k0_contract_max\(/],
      ["train on wgsl", "WGSL", /@compute @workgroup_size/],
      ["train on wasm", "WebAssembly", /^\(func \$k0_contract_max/],
    ] as const) {
      await page.getByLabel("entry and target").selectOption(choice);
      await page.getByText(`${choice.replace("train on ", "train on ")}, batch 128`).waitFor();
      await page.getByRole("tab", { name: "Kernels" }).click();
      await page.getByRole("option", { name: /k0_contract_max/ }).click();
      expect(await codeOf(page)).toMatch(/^kernel k0_contract_max[\s\S]*parallel i < 128, j < 512/);
      const kernel = made.find(({ target }) => choice.endsWith(target))?.kernels[0];
      const steps = page.getByRole("listbox", { name: "steps of the kernel" }).getByRole("option");
      expect(await steps.count()).toBe((kernel?.moves.length ?? 0) + (choice.endsWith("wasm") ? 4 : 3));
      await steps.nth(1).click();
      expect(await page.locator(".cm-line.cm-new:visible").count()).toBeGreaterThan(0);
      expect(await codeOf(page)).toContain(kernel?.moves[0]?.move ?? "no move");
      await steps.filter({ hasText: new RegExp(`${name}$`) }).click();
      expect(await codeOf(page)).toMatch(has);
      const colours = await page
        .locator(".kernels .cm-line span")
        .evaluateAll((spans) => spans.map((span) => getComputedStyle(span).color));
      expect(new Set(colours).size).toBeGreaterThan(2);
    }
    await page.getByRole("option", { name: /byte by byte/ }).click();
    expect(await codeOf(page)).toMatch(/\n[0-9a-f]{5} {2}(?:[0-9a-f]{2} )+ +\S/);
    const about = page.getByRole("complementary", { name: "what is known of the kernel" });
    expect(await about.innerText()).toMatch(
      /103 Mflop[\s\S]*2\.2 MiB moved[\s\S]*not measured[\s\S]*bytes of WebAssembly/,
    );
    await about.getByRole("button", { name: /= max/ }).click();
    expect(await page.getByRole("tab", { name: "Stages" }).getAttribute("aria-selected")).toBe("true");
    expect(await page.locator("section[aria-label=after] g.box.chosen .label").textContent()).toMatch(/^max/);
  });

  test("a buffer: its life in the memory chart", async () => {
    const { page } = opened;
    await page.getByRole("tab", { name: "Memory" }).click();
    const arena = made[1]?.buffers.filter(({ segment }) => segment === "arena") ?? [];
    expect(await page.locator("g.buffer").count()).toBe(arena.length);
    expect(await page.locator("rect.live").count()).toBe(made[1]?.memory.steps.length);
    await page.getByText("= lower bound").waitFor();
    await page.getByRole("button", { name: /^%16, f32\[128,512\]: 256 KiB at 0, steps 1 to 5$/ }).click();
    const details = page.getByRole("complementary", { name: "what is known of the buffer" });
    expect(await details.innerText()).toMatch(
      /262,144[\s\S]*arena, bytes 0 to 262,143[\s\S]*Written by[\s\S]*k0_contract_max/,
    );
    await details.getByRole("button", { name: "k1_contract_add" }).click();
    expect(await page.getByRole("tab", { name: "Kernels" }).getAttribute("aria-selected")).toBe("true");
    expect(await page.locator(".kernels h2").first().textContent()).toBe("k1_contract_add");
  });

  test("a line of the script: what it became, down to bytes", async () => {
    const { page } = opened;
    await page.getByRole("tab", { name: "Script" }).click();
    await page.locator(".cm-made", { hasText: "const hidden = relu(" }).click();
    const details = page.getByRole("complementary", { name: "what the line became" });
    expect(await details.innerText()).toMatch(
      /written: 6 nodes[\s\S]*simplify: 10 nodes[\s\S]*In 4 kernels[\s\S]*860 bytes of code[\s\S]*256 KiB at 0/,
    );
    await details.getByRole("button", { name: "simplify: 10 nodes" }).click();
    expect(await page.locator("section[aria-label=after] g.box.chosen").count()).toBeGreaterThan(3);
  });

  test("search, and the keyboard alone", async () => {
    const { page } = opened;
    await page.getByRole("searchbox").fill("learningRate");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    expect(await page.locator("section[aria-label=after] g.box.chosen .label").textContent()).toBe("opt.learningRate");
    const focused = (): Promise<string> =>
      page.evaluate(() => document.activeElement?.getAttribute("aria-label") ?? "");
    await page.locator("section[aria-label=after] svg.graph").focus();
    await page.keyboard.press("ArrowDown");
    const first = await focused();
    await page.keyboard.press("ArrowDown"); // to who reads it
    const second = await focused();
    expect(second).not.toBe(first);
    await page.keyboard.press("Enter");
    expect(await page.locator("section[aria-label=after] g.box.chosen").getAttribute("aria-label")).toBe(second);
    await page.getByRole("tab", { name: "Stages" }).focus();
    await page.keyboard.press("ArrowRight");
    expect(await page.getByRole("tab", { name: "Kernels" }).getAttribute("aria-selected")).toBe("true");
    await page.getByRole("listbox", { name: "kernels" }).getByRole("option", { selected: true }).focus();
    await page.keyboard.press("End");
    expect(await page.locator(".kernels h2").first().textContent()).toBe("k6_contract_sub");
    // Whatever can be pressed has a name.
    const nameless = await page.evaluate(
      () =>
        [...document.querySelectorAll("button, [role=button], [role=option], input, select")].filter(
          (one) =>
            `${one.getAttribute("aria-label") ?? ""}${one.textContent}${one.closest("label")?.textContent ?? ""}` ===
            "",
        ).length,
    );
    expect(nameless).toBe(0);
  });

  test("it has said nothing on the console, and fits a telephone", async () => {
    const { page, errors } = opened;
    await page.setViewportSize({ width: 390, height: 800 });
    for (const tab of ["Stages", "Kernels", "Memory", "Script"]) {
      await page.getByRole("tab", { name: tab }).click();
      expect(await page.evaluate(() => document.documentElement.scrollWidth), tab).toBeLessThanOrEqual(390);
    }
    expect(errors).toEqual([]);
  });
});

describe.skipIf(!hasChromium)("other programs", () => {
  test("a convolutional net opens, and its layers can be folded", async () => {
    const made = explore(cnn.program, { entry: "train", dims: { batch: 64 }, target: "wgsl", folder: process.cwd() });
    const { page, errors } = await open(await write("cnn.html", [made]));
    await page.getByRole("button", { name: "after", exact: true }).click();
    await page.getByLabel("collapse by").last().selectOption("layer");
    const labels = await page.locator("g.box.group .label").allTextContents();
    expect(labels).toEqual(expect.arrayContaining([expect.stringMatching(/conv/), expect.stringMatching(/dense/)]));
    expect(errors).toEqual([]);
    await page.close();
  });

  test("2,000 nodes: folded at first, opened group by group or all at once, moved by one transform", async () => {
    const made = explore(towers, { entry: "step", dims: {}, target: "js", folder: process.cwd() });
    expect(Math.max(...made.graphs.map(({ nodes }) => nodes.length))).toBeGreaterThan(1_950);
    const { page, errors } = await open(await write("large.html", [made]));
    await page.getByRole("button", { name: "after", exact: true }).click();
    const pane = page.locator("section[aria-label=after]");
    const count = (): Promise<number> => pane.locator("g.box").count();
    const folded = await count();
    expect(folded).toBeLessThan(160);
    await pane.locator("g.box.group").first().dblclick();
    await expect.poll(count).toBeGreaterThan(folded);
    await pane.getByRole("button", { name: "close groups" }).click();
    await expect.poll(count).toBe(folded);
    await pane.getByLabel("collapse by").selectOption("nothing");
    await expect.poll(count).toBeGreaterThan(1_000);
    const changed = page.evaluate(
      () =>
        new Promise<number>((resolve) => {
          const elements = new Set<Node>();
          const watch = new MutationObserver((all) => {
            for (const { target } of all) elements.add(target);
          });
          watch.observe(document.body, { attributes: true, childList: true, subtree: true });
          setTimeout(() => resolve(elements.size), 600);
        }),
    );
    const frame = await pane.locator("svg.graph").boundingBox();
    const [x, y] = [(frame?.x ?? 0) + 300, (frame?.y ?? 0) + 200];
    await page.mouse.move(x, y);
    await page.mouse.down();
    for (let i = 0; i < 10; i++) await page.mouse.move(x + 9 * i, y + 5 * i);
    await page.mouse.up();
    expect(await changed).toBeLessThanOrEqual(2); // the world, and whether it is far
    expect(await pane.locator("svg.graph > g").getAttribute("transform")).toMatch(/^translate\(.*scale/);
    expect(errors).toEqual([]);
    await page.close();
  });

  test("names that hold markup are shown as text", async () => {
    const bad = '<img src=x onerror="window.hit=1"></script><script>window.hit=1</script>';
    const hostile = program({
      inputs: { [bad]: f32(2) },
      step: (given) => ({ outputs: { [bad]: mul(given[bad] ?? 0, 2) } }),
    });
    const made = explore(hostile, { entry: "step", dims: {}, target: "js", folder: process.cwd() });
    const evil = {
      ...made,
      warnings: [bad],
      sources: [{ path: bad, text: bad }],
      places: made.places.map((one) => ({ ...one, source: 0 })),
    };
    const path = join(folder, "hostile.html");
    writeFileSync(path, await wholePage(bad, [evil], await script));
    const { page, errors } = await open(pathToFileURL(path).href);
    expect(await page.locator("h1").textContent()).toBe(bad);
    await page.locator("g.box").last().click();
    for (const tab of ["Kernels", "Memory", "Script", "Stages"]) await page.getByRole("tab", { name: tab }).click();
    await page.getByRole("searchbox").fill("img");
    await page.locator(".results button").first().waitFor();
    expect(await page.evaluate(() => "hit" in window)).toBe(false);
    expect(await page.locator("img").count()).toBe(0);
    expect(errors).toEqual([]);
    await page.close();
  });
});

interface Asked {
  readonly status: number;
  readonly body: string;
  readonly headers: Readonly<Record<string, unknown>>;
}

/** As nobody's browser would send it. */
function ask(
  address: string,
  headers: Readonly<Record<string, string>> = {},
  method = "GET",
  path?: string,
): Promise<Asked> {
  const { hostname, port, pathname } = new URL(address);
  return new Promise((resolve, reject) => {
    const sent = request({ hostname, port, path: path ?? pathname, method, headers, agent: false }, (response) => {
      const parts: string[] = [];
      response.setEncoding("utf8").on("data", (text: string) => parts.push(text));
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, body: parts.join(""), headers: response.headers }),
      );
    });
    sent.on("error", reject).end();
  });
}

describe("the server", () => {
  let server: ExploreServer;
  const made = JSON.stringify(of("js"));
  beforeAll(async () => {
    const choice = (entry: string, target: string, i: number) =>
      ({ entry, target, data: { kind: "address", at: `data/${i}` } }) as const;
    server = await startServer({
      offer: { script: "mnist.ts", choices: [choice("train", "js", 0), choice("train", "wgsl", 1)] },
      data: async (i) => {
        if (i === 0) return made;
        throw new Error("broken");
      },
    });
  });
  afterAll(() => server.close());

  test("lies at a port of the loopback address, behind a token of its own", async () => {
    expect(server.address).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/[\w-]{32}\/$/);
    const other = await startServer({ offer: { script: "", choices: [] }, data: async () => "" });
    expect(other.address.split("/")[3]).not.toBe(server.address.split("/")[3]);
    await other.close();
    await expect(ask(other.address)).rejects.toThrow(/ECONNREFUSED/);
  });

  test("gives the page, its script and its data, under a strict policy", async () => {
    const page = await ask(server.address);
    expect(page.status).toBe(200);
    expect(page.headers["content-security-policy"]).toMatch(
      /^default-src 'none'; script-src 'nonce-([\w+/=]+)'; style-src 'nonce-\1'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'$/,
    );
    expect(page.headers).toMatchObject({
      "x-content-type-options": "nosniff",
      "referrer-policy": "no-referrer",
      "cache-control": "no-store",
      "cross-origin-resource-policy": "same-origin",
    });
    const nonces = [page, await ask(server.address)].map(({ headers }) => String(headers["content-security-policy"]));
    expect(nonces[0]).not.toBe(nonces[1]);
    expect((await ask(`${server.address}data/0`)).body).toBe(made);
    expect((await ask(`${server.address}explorer.js`)).headers["content-type"]).toMatch(/^text\/javascript/);
    expect(await ask(server.address, {}, "HEAD")).toMatchObject({ status: 200, body: "" });
  });

  const port = (): string => new URL(server.address).port;
  test.each([
    ["another host", () => ({ host: "evil.example" }), 403],
    ["another host at this port", () => ({ host: `evil.example:${port()}` }), 403],
    ["this machine at another port", () => ({ host: "127.0.0.1:80" }), 403],
    ["another page", () => ({ origin: "http://evil.example" }), 403],
    ["a page from the disk", () => ({ origin: "null" }), 403],
    ["another site, as its browser says", () => ({ "sec-fetch-site": "cross-site" }), 403],
    ["another port of this machine, as its browser says", () => ({ "sec-fetch-site": "same-site" }), 403],
    ["its own page", () => ({ host: `localhost:${port()}`, origin: `http://localhost:${port()}` }), 200],
  ] as const)("%s", async (_, headers, status) => {
    expect((await ask(server.address, headers())).status).toBe(status);
  });

  test.each(["/", "/explorer.js", "/data/0", "/x/data/0", "//", "/%2e%2e/", `/${"a".repeat(32)}/`])(
    "without the token nothing is there: %s",
    async (path) => {
      expect(await ask(server.address, {}, "GET", path)).toMatchObject({ status: 404, body: "nothing is here\n" });
    },
  );

  test.each([
    "../package.json",
    "..%2f..%2fetc/passwd",
    "data/2",
    "data/-1",
    "data/00000",
    "data/0/x",
    "%00",
    "explorer.js.map",
    "web/explorer/main.ts",
  ])("with it, nothing else is: %s", async (path) => {
    const { pathname } = new URL(server.address);
    expect((await ask(server.address, {}, "GET", pathname + path)).status).toBe(404);
  });

  test("it only shows", async () => {
    for (const method of ["POST", "PUT", "DELETE", "OPTIONS"])
      expect((await ask(server.address, {}, method)).status).toBe(405);
  });

  test.skipIf(!hasChromium)("its page works, and says what went wrong", async () => {
    const { page, errors } = await open(server.address);
    expect(await page.locator("h1").textContent()).toBe("mnist.ts");
    expect(await page.locator("g.box").count()).toBeGreaterThan(50);
    expect(errors).toEqual([]);
    await page.getByLabel("entry and target").selectOption("train on wgsl");
    await page.getByRole("alert").filter({ hasText: "broken" }).waitFor();
    await page.close();
  });
});
