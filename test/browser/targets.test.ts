/**
 * The targets in a real browser. wasm: threads in the worker of an isolated page, one thread where there is no shared memory
 * and on a page's main thread, with the same numbers everywhere. All of them: on pages whose content security policy forbids
 * compiling code while they run. And the report of a run. One file, as it is one browser to unpack.
 */
import { describe, expect, test } from "vitest";
import { pageParts, reportPage } from "../../src/nn/report/report.ts";
import { curvesOfEpochs } from "../../src/nn/report/run-curves.ts";
import { hasChromium, type PageOptions, runInPage } from "./chromium.ts";

/** What the page does: ten steps of a small regression. */
const regression = `
import { add, compile, f32, grad, matmul, mean, mul, ones, param, program, sgd, sub } from "../../src/index.ts";

async function main() {
  const model = { w: param(ones(16, 8)) };
  const opt = sgd({ learningRate: 0.05 });
  const training = program({
    inputs: { rows: f32(32, 16) },
    state: { model, opt: opt.slots(model) },
    entries: {
      train({ rows }, { model, opt: slots }) {
        const off = sub(matmul(rows, model.w), 0.5);
        const loss = mean(mul(off, off));
        return { outputs: { loss }, next: opt.update({ model, slots, gradients: grad(loss, model) }) };
      },
    },
  });
  const rows = Float32Array.from({ length: 512 }, (_, i) => (i % 13) / 13);
  const warnings = [];
  const executable = await compile(training, {
    target: "wasm", threads: 3, precise: true, onWarning: (text) => warnings.push(text),
  });
  const losses = [];
  for (let i = 0; i < 10; i++) {
    executable.train({ rows });
    losses.push(await executable.read("loss"));
  }
  const { device } = executable.report;
  executable.dispose();
  return { device, warnings, losses };
}
main().then((found) => found, (error) => ({ error: String(error.stack) }))
  .then((found) => fetch("/result", { method: "POST", body: JSON.stringify(found) }));
`;

interface Found {
  readonly device: string;
  readonly warnings: readonly string[];
  readonly losses: readonly number[];
}

async function visit(options: PageOptions): Promise<Found> {
  return JSON.parse(await runInPage(regression, options)) as Found;
}

describe.skipIf(!hasChromium)("wasm in Chromium", () => {
  const losses: (readonly number[])[] = [];

  test("a worker of an isolated page runs a step on several threads", async () => {
    const found = await visit({ isolated: true, place: "worker" });
    expect(found).toMatchObject({ device: "wasm (3 threads)", warnings: [] });
    expect(found.losses).toHaveLength(10);
    expect(found.losses[9]).toBeLessThan(found.losses[0] ?? 0);
    losses.push(found.losses);
  });

  test.each([
    [
      "a page that is not isolated",
      { isolated: false, place: "worker" },
      /not cross-origin isolated.*Cross-Origin-Opener/,
    ],
    ["a page's main thread", { isolated: true, place: "page" }, /main thread may not wait.*run in a worker/],
  ] as const)("%s runs it on one, and says so once", async (_, options, reason) => {
    const found = await visit(options);
    expect(found).toMatchObject({ device: "wasm (1 thread)", warnings: [expect.stringMatching(reason)] });
    expect(found.losses).toEqual(losses[0]);
  });
});

/** What becomes of each target, for a program that is worth threads. */
const everyTarget = `
import { compile, f32, matmul, program, sum } from "../../src/index.ts";

const made = program({
  inputs: { a: f32(200, 200) },
  step: ({ a }) => ({ outputs: { y: sum(matmul(a, a)) } }),
});
async function attempt(target) {
  const warnings = [];
  try {
    const executable = await compile(made, { target, onWarning: (text) => warnings.push(text) });
    const { y } = await executable.run({ entry: "step", feeds: { a: new Float32Array(40000).fill(0.5) } });
    const { device, why } = executable.report;
    executable.dispose();
    return { device, why, y, warnings };
  } catch (error) {
    return { error: error.name + ": " + error.message };
  }
}
async function main() {
  const found = {};
  for (const target of ["js", "wasm", "wgsl", "auto"]) found[target] = await attempt(target);
  return found;
}
main().then((found) => found, (error) => ({ error: String(error.stack) }))
  .then((found) => fetch("/result", { method: "POST", body: JSON.stringify(found) }));
`;

interface Attempt {
  readonly device?: string;
  readonly why?: string;
  readonly y?: number;
  readonly error?: string;
  readonly warnings?: readonly string[];
}
type Attempts = Readonly<Record<"js" | "wasm" | "wgsl" | "auto", Attempt>>;

async function attemptsUnder(policy: string, options: Partial<PageOptions> = {}): Promise<Attempts> {
  return JSON.parse(await runInPage(everyTarget, { isolated: true, place: "worker", policy, ...options })) as Attempts;
}

const y = 200 * 200 * 200 * 0.25;
const noWasm = /content security policy forbids compiling WebAssembly.*'wasm-unsafe-eval'/;
const noJs = /content security policy forbids compiling JavaScript.*'unsafe-eval'/;

describe.skipIf(!hasChromium)("under a content security policy", () => {
  test("script-src 'self': wasm and js say what the policy must allow, auto takes even a software GPU, and says why", async () => {
    const { js, wasm, wgsl, auto } = await attemptsUnder("script-src 'self'", { place: "page", gpu: true });
    expect(wasm.error).toMatch(/^DeviceError: target "wasm": this page's/);
    expect(wasm.error).toMatch(noWasm);
    expect(js.error).toMatch(noJs);
    expect([wgsl.error, wgsl.y, auto.error, auto.y]).toEqual([undefined, y, undefined, y]);
    expect(auto.device).toMatch(/^wgsl/);
    expect(auto.why).toMatch(noWasm);
    expect(auto.why).toMatch(noJs);
  });

  test("the same without a GPU: auto says what each target lacks", async () => {
    const { auto } = await attemptsUnder("script-src 'self'");
    expect(auto.error).toMatch(/^DeviceError: no target can run here\. wgsl: no GPU/);
    expect(auto.error).toMatch(noWasm);
    expect(auto.error).toMatch(noJs);
  });

  test("'wasm-unsafe-eval' without workers: wasm runs on one thread, and says why", async () => {
    const { js, wasm, auto } = await attemptsUnder("script-src 'self' 'wasm-unsafe-eval'");
    expect(js.error).toMatch(noJs);
    const blocked = [expect.stringMatching(/one thread.*worker-src blob:/)];
    expect(wasm).toMatchObject({ device: "wasm (1 thread)", y, warnings: blocked });
    expect(auto).toMatchObject({ device: "wasm (1 thread)", y, warnings: blocked });
  });

  test("with worker-src blob: on several", async () => {
    const { wasm } = await attemptsUnder("script-src 'self' 'wasm-unsafe-eval'; worker-src 'self' blob:");
    expect(wasm).toMatchObject({ device: expect.stringMatching(/^wasm \([2-8] threads\)/), y, warnings: [] });
  });
});

/** Opens a report in a frame, points at the middle of its first chart, and then wants it logarithmic, without the first run. */
const reader = (page: string): string => `
async function main() {
  const frame = document.createElement("iframe");
  frame.srcdoc = ${JSON.stringify(page)};
  frame.style.cssText = "width: 1000px; height: 800px";
  document.body.append(frame);
  const errors = [];
  await new Promise((done) => frame.addEventListener("load", done));
  const { contentDocument: inside, contentWindow: view } = frame;
  view.addEventListener("error", ({ message }) => errors.push(message));
  const isDrawn = (canvas) => canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.some((byte) => byte > 0);
  const turn = () => new Promise((done) => setTimeout(done, 50));
  const drawn = [...inside.querySelectorAll("canvas")].map(isDrawn);
  const over = inside.querySelector(".u-over");
  const { left, top, width, height } = over.getBoundingClientRect();
  const place = { clientX: left + width / 2, clientY: top + height / 2, bubbles: true };
  for (const type of ["mouseenter", "mousemove"]) over.dispatchEvent(new view.MouseEvent(type, place));
  await turn();
  const told = (series) => [...series.children].map((part) => part.innerText.trim()).join(": ");
  const legends = [...inside.querySelectorAll(".u-legend")].map((legend) => [...legend.querySelectorAll(".u-series")].map(told));
  const summary = [...inside.querySelectorAll(".summary tr")].map((row) => [...row.cells].map((cell) => cell.innerText.trim()));
  const boxes = [...inside.querySelectorAll("input")];
  for (const box of [boxes[0], boxes[1]]) box.click();
  await turn();
  const after = [...inside.querySelectorAll(".u-legend")].map((legend) => legend.querySelectorAll(".u-series").length - 1);
  return { drawn, titles: [...inside.querySelectorAll("h3")].map(({ innerText }) => innerText), legends, summary, after, errors };
}
main().catch((error) => ({ errors: [String(error.stack)] }))
  .then((found) => fetch("/result", { method: "POST", body: JSON.stringify(found) }));
`;

describe.skipIf(!hasChromium)("a report", () => {
  test("draws its charts, tells the values under the pointer in all of them, hides a run", async () => {
    const epochs = (from: number) => [1, 2, 3].map((epoch) => ({
      epoch, loss: from / epoch, seconds: epoch, validation: { loss: epoch === 3 ? Number.NaN : from / epoch + 1 },
    })); // biome-ignore format: short
    const runs = [
      { name: "one", curves: curvesOfEpochs(epochs(1)) },
      { name: "<two>", curves: curvesOfEpochs(epochs(2).slice(0, 1)) },
    ];
    const page = reportPage(runs, await pageParts(), "Two runs");
    expect(JSON.parse(await runInPage(reader(page), { isolated: false, place: "page" }))).toEqual({
      drawn: [true, true],
      titles: ["loss", "seconds an epoch"],
      legends: [
        ["epoch: 2", "one, train: 0.5", "one, validation: 1.5", "<two>, train: –", "<two>, validation: –"],
        ["epoch: 2", "one: 2", "<two>: –"],
      ],
      summary: [
        ["run", "epochs", "loss", "validation loss"],
        ["one", "3", "0.33333", "NaN best 1.5 in epoch 2"],
        ["<two>", "1", "2", "3 best 3 in epoch 1"],
      ],
      after: [2, 1],
      errors: [],
    });
  });
});
