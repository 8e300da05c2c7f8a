/**
 * The wasm target in a real browser: threads in the worker of an isolated page, one thread where there is no shared memory
 * and on a page's main thread. The numbers are the same everywhere.
 */
import { describe, expect, test } from "vitest";
import { hasChromium, type PageOptions, runInPage } from "./chromium.ts";

/** What the page does: ten steps of a small regression. */
const script = `
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
  return JSON.parse(await runInPage(script, options)) as Found;
}

describe.skipIf(!hasChromium)("in Chromium", () => {
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
