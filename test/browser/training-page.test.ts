/**
 * The training page in a real browser, as a visitor has it: clicked, drawn on, with its headers and policies, its GPU lost. Losses
 * are those that the same program has in Node, bit for bit.
 */
import { gzipSync } from "node:zlib";
import type { Browser, Page } from "playwright-core";
import { syntheticDigits, trainerFrom } from "tensorloom";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { buildTrainingPage } from "../../web/build.ts";
import { type Served, serve } from "../../web/server.ts";
import { loadDigits } from "../../web/training/digits.ts";
import type { Message, Place, Plan } from "../../web/training/protocol.ts";
import { NetworkRun } from "../../web/training/run.ts";
import { hasChromium } from "./chromium.ts";
import { openBrowser } from "./driven.ts";

const small: Plan = { network: "mlp", digits: "drawn", images: 256, epochs: 2, batch: 32, seed: 3 };
const steps = 16;

describe.skipIf(!hasChromium)("the training page", () => {
  let browser: Browser;
  let served: Served;

  beforeAll(async () => {
    [browser, served] = await Promise.all([
      openBrowser({ gpu: true }),
      buildTrainingPage(null).then((site) => serve(site)),
    ]);
  });
  afterAll(() => Promise.all([browser?.close(), served?.close()]));

  /** A visit, and what the console said that is no good: nothing may. */
  async function visit(
    plan: Partial<Plan>,
    more = "",
    url = served.url,
  ): Promise<{ readonly page: Page; readonly problems: string[] }> {
    const page = await browser.newPage({ locale: "en-US", viewport: { width: 1280, height: 900 } });
    page.setDefaultTimeout(60_000);
    const problems: string[] = [];
    page.on("console", (message) => {
      if (message.type() === "error" || message.type() === "warning") problems.push(message.text());
    });
    page.on("pageerror", (error) => problems.push(String(error.stack)));
    const given = Object.entries({ ...small, ...plan }).map(([name, value]) => `${name}=${value}`);
    await page.goto(`${url}?${given.join("&")}${more}`);
    return { page, problems };
  }

  /** Waits for a stage; where it does not come, what the page says instead is the error. */
  async function stage(page: Page, text: string): Promise<void> {
    await page
      .locator("#stage", { hasText: text })
      .waitFor()
      .catch(async (error: unknown) => {
        const shown = await Promise.all([".standing", "#places"].map((part) => page.locator(part).textContent()));
        throw new Error(`${text} did not come: ${shown.join(" ").replace(/\s+/g, " ")}`, { cause: error });
      });
  }

  /** What a button saves. */
  async function download(page: Page, button: string): Promise<Buffer> {
    const [file] = await Promise.all([page.waitForEvent("download"), page.getByText(button).click()]);
    const parts: Buffer[] = [];
    for await (const part of await file.createReadStream()) parts.push(part as Buffer);
    return Buffer.concat(parts);
  }

  async function losses(page: Page): Promise<readonly number[]> {
    const [head, ...lines] = (await download(page, "Save the curves")).toString().trim().split("\n");
    expect(head).toBe("step,loss,accuracy,test loss,test accuracy");
    const read = lines.map((line) => line.split(",")).filter(([, loss]) => loss !== "");
    return read.map(([, loss]) => Number(loss));
  }

  const falls = (found: readonly number[]): void => {
    const half = found.length >> 1;
    const mean = (part: readonly number[]): number => part.reduce((sum, loss) => sum + loss, 0) / part.length;
    expect(mean(found.slice(half))).toBeLessThan(0.8 * mean(found.slice(0, half)));
  };

  test.each(["js", "wasm"] as const)("%s on one thread has the losses of Node, to the last bit", async (place) => {
    const { page, problems } = await visit({}, `&place=${place}&start`);
    await stage(page, "Trained");
    const found = await losses(page);
    expect(found).toHaveLength(steps);
    expect(found).toEqual((await runInNode(small, place)).losses);
    falls(found);
    expect(problems).toEqual([]);
    await page.close();
  });

  test("threads; a digit that is drawn is known; a second start begins anew", async () => {
    const { page, problems } = await visit({ images: 3000, epochs: 4 }, "&place=threads&start");
    await stage(page, "Trained");
    expect(await page.locator("#device").innerText()).toMatch(/^wasm \([2-8] threads\)$/);
    falls(await losses(page));
    await draw(page, [[0.52, 0.15], [0.5, 0.85]]); // biome-ignore format: a stroke
    await page.locator("#answer", { hasText: "a 1." }).waitFor();
    await page.locator("#clear").click();
    await draw(
      page,
      Array.from({ length: 25 }, (_, i) => [0.5 + 0.22 * Math.sin(i / 4), 0.5 - 0.33 * Math.cos(i / 4)]),
    );
    await page.locator("#answer", { hasText: "a 0." }).waitFor();
    expect(await page.locator("#mistakes li").count()).toBeGreaterThan(0);
    await page.getByText("Start anew").click();
    await stage(page, "Training");
    await page.getByText("Pause").click();
    await stage(page, "Paused");
    await page.getByText("Go on").click();
    await stage(page, "Trained");
    expect((await losses(page)).length).toBe(4 * Math.ceil(3000 / 32));
    expect(problems).toEqual([]);
    await page.close();
  });

  test("a worker that crashes is replaced, and told of", async () => {
    const { page, problems } = await visit({ epochs: 1 }, "&place=wasm&start");
    await stage(page, "Trained");
    const worker = page.workers().find((found) => found.url().endsWith("worker.js"));
    await worker?.evaluate(() => void setTimeout(() => { throw new Error("out of luck"); })); // biome-ignore format: one line
    await page.locator("#notices", { hasText: /The worker ended: .*out of luck/ }).waitFor();
    await stage(page, "Ready");
    await page.locator("#go").click();
    await stage(page, "Trained");
    expect(await page.locator("#places li").count()).toBe(4);
    expect(problems).toEqual([]);
    await page.close();
  });

  test("a worker that does not load is not tried again and again, but at the next start", async () => {
    const page = await browser.newPage({ locale: "en-US" });
    let asked = 0;
    await page.route("**/worker.js", (route) => {
      asked += 1;
      return asked > 1 ? route.continue() : route.abort();
    });
    await page.goto(`${served.url}?network=mlp&images=256&epochs=1&place=js`);
    await page.locator("#notices", { hasText: "The worker does not work: it did not load." }).waitFor();
    await page.waitForTimeout(500);
    expect(asked).toBe(1);
    await page.locator("#go").click();
    await stage(page, "Trained");
    expect(asked).toBe(2);
    await page.close();
  });

  test("a run that was paused, moved there and back, is the run that it would have been; its network is a file for Node", async () => {
    const plan = { ...small, epochs: 8 };
    const { page, problems } = await visit(plan, "&place=js&start");
    await page.waitForFunction(() => Number(document.querySelector("progress")?.value) >= 3);
    await page.getByText("Pause").click();
    await stage(page, "Paused");
    expect(Number(await page.locator("progress").getAttribute("value"))).toBeLessThan(64);
    for (const [place, device] of [
      ["wasm", "wasm (1 thread)"],
      ["js", "js"],
    ] as const) {
      // biome-ignore format: pairs
      await page.locator("#place").selectOption(place);
      await page.locator("#device", { hasText: device }).waitFor();
      await stage(page, "Paused");
    }
    await page.getByText("Go on").click();
    await stage(page, "Trained");
    const expected = await runInNode(plan, "js");
    expect(await losses(page)).toEqual(expected.losses);
    const net = await trainerFrom(await download(page, "Save the network"));
    expect(await net.predict({ x: expected.images })).toEqual(expected.answers);
    net.dispose();
    expect(problems).toEqual([]);
    await page.close();
  });

  test("WebGPU, lost on the way: it goes on from the last state on another device, and then on the processor", async () => {
    const { page, problems } = await visit({ epochs: 30 }, "&place=wgsl&lose&start");
    await stage(page, "Training");
    for (const [i, device] of [/^wgsl/, /^wasm/].entries()) {
      await page.waitForFunction((before) => Number(document.querySelector("progress")?.value) > before, 4 + 8 * i);
      await page.getByText("Lose the GPU").click();
      const notice = page.locator("#notices li").nth(i);
      await notice.waitFor();
      expect(await notice.innerText()).toMatch(/^The GPU \(.*\) was destroyed.* Going on from step \d+, on /s);
      expect(await page.locator("#device").innerText()).toMatch(device);
    }
    await stage(page, "Trained");
    falls(await losses(page));
    expect(problems).toEqual([]);
    await page.close();
  });

  test("without isolation there is one thread, and a word about why; the convolutional network trains too", async () => {
    const site = await buildTrainingPage(null);
    const plain = await serve(site, { isolated: false, policy: false }); // as a server has it that knows nothing of headers
    const { page, problems } = await visit(
      { network: "cnn", images: 128, epochs: 1 },
      "&place=threads&start",
      plain.url,
    );
    await stage(page, "Trained");
    expect(await page.locator("#device").innerText()).toBe("wasm (1 thread)");
    expect(await page.locator("#places").textContent()).toMatch(
      /threads does not work here: .*not cross-origin isolated/,
    );
    expect(await page.locator("#weights").getAttribute("aria-label")).toBe(
      "Weights of the first layer: 32 of its 32 units, 3 x 3 each",
    );
    expect(problems).toEqual([]);
    await page.close();
    await plain.close();
  });

  test("MNIST comes from the server where it has it, or from files that the visitor picks", async () => {
    const names = [
      "train-images-idx3-ubyte",
      "train-labels-idx1-ubyte",
      "t10k-images-idx3-ubyte",
      "t10k-labels-idx1-ubyte",
    ];
    const { train, test: held } = syntheticDigits({ train: 128, test: 64 });
    const contents = [
      idx(train.images, 128, 28, 28),
      idx(train.labels, 128),
      idx(held.images, 64, 28, 28),
      idx(held.labels, 64),
    ];
    const files = names.map((name, i) => ({
      name: `${name}.gz`,
      buffer: gzipSync(contents[i] ?? ""),
      mimeType: "application/gzip",
    }));
    const [trainImages = "", trainLabels = "", testImages = "", testLabels = ""] = files.map(
      ({ name }) => `./data/${name}`,
    );
    const site = await buildTrainingPage({ trainImages, trainLabels, testImages, testLabels });
    const other = await serve(
      new Map([...site, ...files.map(({ name, buffer }) => [`data/${name}`, buffer] as const)]),
    );
    const { page, problems } = await visit(
      { digits: "served", images: 100, epochs: 1 },
      "&place=wasm&start",
      other.url,
    );
    await stage(page, "Trained");
    expect(await page.locator("#about").innerText()).toBe(
      "100 images to train on, 64 to test on: this server's files.",
    );
    await page.locator("#digits").selectOption("own");
    await page.locator("#files").setInputFiles(files.slice(0, 3));
    await page.getByText("Start anew").click();
    await stage(page, "Stopped by an error");
    expect(await page.locator("#notices").innerText()).toContain(
      "t10k-labels-idx1-ubyte (or t10k-labels-idx1-ubyte.gz) is missing",
    );
    await page.locator("#files").setInputFiles(files);
    await page.locator("#go").click();
    await stage(page, "Trained");
    expect(await page.locator("#about").innerText()).toBe("100 images to train on, 64 to test on: your files.");
    expect(problems).toEqual([]);
    await page.close();
    await other.close();
  });

  test("the page compiles nothing and loads nothing from elsewhere", async () => {
    const { page } = await visit({});
    const refused = await page.evaluate(async () => {
      const attempts = [
        () => new Promise((resolve) => setTimeout(resolve)).then(() => new Function("return 1")()), // what we evaluate ourselves may
        async () => WebAssembly.compile(Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0)),
        async () => fetch("https://example.com/"),
      ];
      const results = await Promise.allSettled(attempts.map(async (attempt) => attempt()));
      return results.map(({ status }) => status);
    });
    expect(refused).toEqual(["rejected", "rejected", "rejected"]);
    await page.close();
  });
});

/** An IDX file of bytes. */
function idx(data: Uint8Array, ...shape: readonly number[]): Uint8Array {
  const header = new DataView(new ArrayBuffer(4 + 4 * shape.length));
  header.setUint32(0, 0x800 + shape.length);
  for (const [axis, size] of shape.entries()) header.setUint32(4 + 4 * axis, size);
  return Buffer.concat([new Uint8Array(header.buffer), data]);
}

async function draw(page: Page, stroke: readonly (readonly number[])[]): Promise<void> {
  const box = await page.locator("#pad").boundingBox();
  if (box === null) throw new Error("there is no pad");
  for (const [i, [x = 0, y = 0]] of stroke.entries()) {
    await page.mouse.move(box.x + x * box.width, box.y + y * box.height);
    if (i === 0) await page.mouse.down();
  }
  await page.mouse.up();
}

/** The same run here: its losses, and what its network answers to test images. */
async function runInNode(plan: Plan, place: Place) {
  const losses: number[] = [];
  const hear = (message: Message): void => {
    if (message.kind === "steps") losses.push(...message.losses);
  };
  const digits = await loadDigits(plan, []);
  const run = new NetworkRun(plan, digits, hear);
  await run.open(place);
  await run.train(new AbortController().signal);
  const net = await trainerFrom(await run.file());
  const { images } = digits.test;
  const answers = await net.predict({ x: images });
  net.dispose();
  run.dispose();
  return { losses, images, answers };
}
