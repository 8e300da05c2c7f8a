/** A process of `steps.ts`: measures the checkout it is given, and prints JSON. Arguments: the checkout, how the rows' names begin. */
import { pathToFileURL } from "node:url";

type Loom = typeof import("../../src/index.ts");
type LoomNode = typeof import("../../src/node.ts");

const [checkout = "", only = ""] = process.argv.slice(2);
const loom: Loom = await import(`${pathToFileURL(checkout)}/src/index.ts`);
const { nodeGpu }: LoomNode = await import(`${pathToFileURL(checkout)}/src/node.ts`);
const { add, compile, f32, gather, glorotUniform, grad, i32, matmul, mean, param, program, relu, rmsprop, slot, softmaxCrossEntropy, zeros } = loom; // biome-ignore format: names

interface Size {
  readonly inputs: number;
  readonly hidden: number;
  readonly batch: number;
}

/** So small that what a call costs shows, also where a launch costs as much as on a software adapter. */
const small: Size = { inputs: 8, hidden: 8, batch: 4 };
const mnist: Size = { inputs: 784, hidden: 512, batch: 128 };
const samples = 1200;

/** Fed with batches, or with the places of samples in data that lie on the device. */
function net({ inputs, hidden }: Size) {
  const model = {
    w1: param(glorotUniform(inputs, hidden)),
    b1: param(zeros(hidden)),
    w2: param(glorotUniform(hidden, 10)),
    b2: param(zeros(10)),
  };
  const opt = rmsprop();
  const data = { x: slot(zeros(samples, inputs)), y: slot(zeros(samples), { dtype: "i32" }) };
  type Model = { readonly [K in keyof typeof model]: import("../../src/index.ts").Tensor };
  const lossOf = (x: unknown, y: unknown, { w1, b1, w2, b2 }: Model) => {
    const low = relu(add(matmul(x as never, w1 as never), b1 as never) as never);
    return mean(softmaxCrossEntropy(add(matmul(low, w2 as never), b2 as never) as never, y as never));
  };
  return program({
    inputs: { x: f32("batch", inputs), y: i32("batch"), pick: i32("batch") },
    state: { model, opt: opt.slots(model), data },
    entries: {
      train({ x, y }, { model, opt: slots }) {
        const loss = lossOf(x, y, model);
        return { outputs: { loss }, next: opt.update({ model, slots, gradients: grad(loss, model) }) };
      },
      resident({ pick }, { model, opt: slots, data }) {
        const loss = lossOf(gather(data.x, pick), gather(data.y, pick), model);
        return { outputs: { loss }, next: opt.update({ model, slots, gradients: grad(loss, model) }) };
      },
    },
  });
}

const rows: Record<string, number> = {};
let device = "";

/** The least of several turns, each of so many steps. */
async function row(name: string, steps: number, turns: number, work: () => Promise<unknown>): Promise<void> {
  if (!name.startsWith(only)) return;
  let least = Infinity;
  for (let turn = 0; turn <= turns; turn++) {
    const start = performance.now();
    await work();
    if (turn > 0) least = Math.min(least, performance.now() - start);
  }
  rows[name] = (least / steps) * 1000;
}

/** One launch, nothing fed: the least that a step can be. */
async function measureCounter(steps: number, turns: number): Promise<void> {
  if (only !== "" && !only.startsWith("one launch")) return;
  const counter = program({ state: { n: slot(zeros()) }, step: (_, { n }) => ({ outputs: { n: add(n, 1) }, next: { n: add(n, 1) } }) }); // biome-ignore format: short
  const executable = await compile(counter, { target: "wgsl", gpu: await nodeGpu() });
  device = executable.report.device;
  await row("one launch: run({ steps })", steps, turns, () => executable.run({ entry: "step", steps }));
  await row("one launch: run() for each step", steps, turns, async () => {
    for (let step = 0; step < steps; step++) await executable.run({ entry: "step" });
  });
  await row("one launch: step() and read() for each step", steps, turns, async () => {
    for (let step = 0; step < steps; step++) {
      executable.step();
      await executable.read("n");
    }
  });
  executable.dispose();
}

/** As many as take a quarter of a second, so that a slow adapter is not asked for too much; at most 256. */
async function stepsFor(work: (steps: number) => Promise<unknown>): Promise<number> {
  await work(1);
  const start = performance.now();
  await work(2);
  return Math.max(2, Math.min(256, Math.round(500 / (performance.now() - start))));
}

async function measure(name: string, size: Size, turns: number): Promise<void> {
  if (!name.startsWith(only) && !only.startsWith(name)) return;
  const { batch, inputs } = size;
  const gpu = await nodeGpu();
  const executable = await compile(net(size), { target: "wgsl", gpu, dims: { batch } });
  device = executable.report.device;
  const batches = Array.from({ length: 4 }, (_, n) => ({
    x: Float32Array.from({ length: batch * inputs }, (_, i) => Math.sin(i * 7 + n)),
    y: Int32Array.from({ length: batch }, (_, i) => (i + n) % 10),
  }));
  const picks = Array.from({ length: 4 }, (_, n) => ({
    pick: Int32Array.from({ length: batch }, (_, i) => 9 * i + n),
  }));
  const feeds = (step: number) => batches[step % 4] ?? {};
  const run = (request: object) => executable.run(request as never);
  const steps = await stepsFor((steps) => run({ entry: "train", steps, feeds: feeds(0) }));
  await row(`${name}: run({ steps }), one feed`, steps, turns, () => run({ entry: "train", steps, feeds: feeds(0) }));
  await row(`${name}: run({ steps }), fed each step`, steps, turns, () => run({ entry: "train", steps, feeds }));
  const places = (step: number) => picks[step % 4] ?? {};
  await row(`${name}: run({ steps }), places fed`, steps, turns, () =>
    run({ entry: "resident", steps, feeds: places }),
  );
  await row(`${name}: run() for each step`, steps, turns, async () => {
    for (let step = 0; step < steps; step++) await run({ entry: "train", feeds: feeds(step) });
  });
  await row(`${name}: train() and read() for each step`, steps, turns, async () => {
    for (let step = 0; step < steps; step++) {
      executable.train(feeds(step));
      await executable.read("loss");
    }
  });
  await row(`${name}: train(), one read() at the end`, steps, turns, async () => {
    for (let step = 0; step < steps; step++) executable.train(feeds(step));
    await executable.read("loss");
  });
  await row(`${name}: a snapshot of all states`, 1, turns, () => executable.state.snapshot());
  executable.dispose();
}

await measureCounter(256, 6);
await measure("8-8-10, batch 4", small, 6);
await measure("784-512-10, batch 128", mnist, 2);
process.stdout.write(`${JSON.stringify({ device, rows })}\n`);
