/**
 * Many steps in one call (`run({ steps })`), and a data set that lives in the executable's memory: the same numbers as single
 * calls that are fed, bit for bit, on the targets of this machine.
 */
import { beforeAll, describe, expect, test } from "vitest";
import { RandomStream } from "../../src/core/random.ts";
import type { TensorsOf } from "../../src/dsl/spec.ts";
import { jsTarget, wasmTarget } from "../../src/eager-targets.ts";
import {
  accuracy,
  add,
  cast,
  compileOn,
  FeedError,
  f32,
  gather,
  grad,
  i32,
  matmul,
  mean,
  mul,
  normal,
  param,
  program,
  relu,
  rmsprop,
  slot,
  softmaxCrossEntropy,
  type Tensor,
  UserError,
  zeros,
} from "../../src/index.ts";
import type { TargetSetup } from "../../src/target-setup.ts";

const [samples, pixels, classes, batch, steps] = [50, 49, 5, 12, 7] as const;
const stream = new RandomStream(3, "steps");
const images = Uint8Array.from({ length: samples * pixels }, () => stream.integer(256));
const labels = Int32Array.from({ length: samples }, () => stream.integer(classes));
/** Which samples step k takes: any, in any order, some more than once. */
const picks = Array.from({ length: steps }, () => Int32Array.from({ length: batch }, () => stream.integer(samples)));

const targets: readonly (readonly [name: string, target: TargetSetup])[] = [
  ["js", jsTarget],
  ["wasm, 1 thread", wasmTarget({ threads: 1 })],
  ["wasm, 2 threads", wasmTarget({ threads: 2 })],
  ["wasm, precise", wasmTarget({ threads: 1, precise: true })],
];

const optimizer = rmsprop();
type Images = Tensor<["batch", 49], "f32">;
type Labels = Tensor<["batch"], "i32">;

/** The states that are trained, and the optimizer's. Made anew for each program. */
function trainedStates() {
  const model = {
    w1: param(normal(0, 0.1, pixels, 16)),
    b1: param(zeros(16)),
    w2: param(normal(0, 0.1, 16, classes)),
    b2: param(zeros(classes)),
  };
  return { model, opt: optimizer.slots(model) };
}

function train(image: Images, label: Labels, { model, opt: slots }: TensorsOf<ReturnType<typeof trainedStates>>) {
  const hidden = relu(add(matmul(image, model.w1), model.b1));
  const logits = add(matmul(hidden, model.w2), model.b2);
  const loss = mean(softmaxCrossEntropy(logits, label));
  const next = optimizer.update({ model, slots, gradients: grad(loss, model) });
  return { outputs: { loss, logits, scores: { accuracy: accuracy(logits, label) } }, next };
}

/** Batches are fed. */
const fed = () =>
  program({
    inputs: { image: f32("batch", pixels), label: i32("batch") },
    state: trainedStates(),
    entries: { train: ({ image, label }, states) => train(image, label, states) },
  });

/** Bytes and labels lie in the executable's memory, and a batch is a list of places in them. */
const resident = () =>
  program({
    inputs: { pick: i32("batch") },
    state: {
      ...trainedStates(),
      data: { images: slot(zeros(samples, pixels), { dtype: "u8" }), labels: slot(zeros(samples), { dtype: "i32" }) },
    },
    entries: {
      train({ pick }, { data, ...states }) {
        const image = mul(cast(gather(data.images, pick), "f32"), 1 / 255);
        return train(image as Images, gather(data.labels, pick) as Labels, states);
      },
    },
  });

/** What `resident` computes of its bytes, fed: products of f32, rounded once. */
function feedsOf(step: number) {
  const pick = picks[step] ?? new Int32Array(0);
  const image = new Float32Array(batch * pixels);
  pick.forEach((sample, row) => {
    for (let i = 0; i < pixels; i++) {
      image[row * pixels + i] = (images[sample * pixels + i] ?? 0) * Math.fround(1 / 255);
    }
  });
  return { image, label: pick.map((sample) => labels[sample] ?? 0) };
}

const dims = { batch };
/** Losses, logits and scores of all steps, one after the other, and the states at the end. */
type Numbers = Readonly<Record<string, ArrayLike<number>>>;

/** Step by step, each one fed, run and read. */
async function oneByOne(target: TargetSetup): Promise<Numbers> {
  const executable = await compileOn(fed(), target, { dims });
  const numbers: Record<string, number[]> = { loss: [], logits: [], accuracy: [] };
  for (let step = 0; step < steps; step++) {
    const { loss, logits, scores } = await executable.run({ entry: "train", feeds: feedsOf(step) });
    numbers.loss?.push(loss);
    numbers.logits?.push(...logits);
    numbers.accuracy?.push(scores.accuracy);
  }
  const states = Object.fromEntries(await executable.state.snapshot());
  executable.dispose();
  return { ...numbers, ...states };
}

/** NaN equals NaN, 0 does not equal -0. */
function expectSame(found: Numbers, wanted: Numbers): void {
  expect(Object.keys(found)).toEqual(Object.keys(wanted));
  for (const [name, values] of Object.entries(wanted))
    expect([...Array.from(found[name] ?? [])], name).toEqual(Array.from(values));
}

describe.each(targets)("many steps in one call, on %s", (_, target) => {
  let single: Numbers;

  beforeAll(async () => {
    single = await oneByOne(target);
    expect(new Set(Array.from(single.loss ?? [])).size).toBe(steps);
  });

  test("have the outputs and states of single calls, as arrays", async () => {
    const executable = await compileOn(fed(), target, { dims });
    const asked: number[] = [];
    const { loss, logits, scores } = await executable.run({
      entry: "train",
      steps,
      feeds(step) {
        asked.push(step);
        return feedsOf(step);
      },
    });
    expect(loss).toBeInstanceOf(Float32Array);
    expect(logits).toHaveLength(steps * batch * classes);
    expect(asked).toEqual(Array.from({ length: steps }, (__, step) => step));
    const states = Object.fromEntries(await executable.state.snapshot());
    expectSame({ loss, logits, accuracy: scores.accuracy, ...states }, single);
    executable.dispose();
  });

  test("take the same feeds in each step where they are given once", async () => {
    const [one, many] = [await compileOn(fed(), target, { dims }), await compileOn(fed(), target, { dims })];
    const { loss } = await many.run({ entry: "train", steps: 3, feeds: feedsOf(0) });
    const losses: number[] = [];
    for (let step = 0; step < 3; step++) {
      losses.push((await one.run({ entry: "train", feeds: feedsOf(0) })).loss);
    }
    expect(Array.from(loss)).toEqual(losses);
    for (const executable of [one, many]) executable.dispose();
  });

  test("have arrays of one element for one step", async () => {
    const executable = await compileOn(fed(), target, { dims });
    const { loss, scores } = await executable.run({ entry: "train", steps: 1, feeds: feedsOf(0) });
    expect(Array.from(loss)).toEqual([single.loss?.[0]]);
    expect(Array.from(scores.accuracy)).toEqual([single.accuracy?.[0]]);
    executable.dispose();
  });

  test("reuse one array for the feeds of all steps: each is copied before the next is asked for", async () => {
    const executable = await compileOn(fed(), target, { dims });
    const shared = { image: new Float32Array(batch * pixels), label: new Int32Array(batch) };
    const { loss } = await executable.run({
      entry: "train",
      steps,
      feeds(step) {
        const { image, label } = feedsOf(step);
        shared.image.set(image);
        shared.label.set(label);
        return shared;
      },
    });
    expect(Array.from(loss)).toEqual(single.loss);
    executable.dispose();
  });

  test("a feed of the wrong size in a later step is an error that names it, after the steps before it", async () => {
    const executable = await compileOn(fed(), target, { dims });
    const failing = executable.run({
      entry: "train",
      steps,
      feeds: (step) => (step === 3 ? { ...feedsOf(step), image: new Float32Array(batch * pixels - 1) } : feedsOf(step)),
    });
    await expect(failing).rejects.toThrow(FeedError);
    await expect(failing).rejects.toThrow(/^train: the feed "image" has 587 numbers; f32\[12,49\] takes 588/);
    // a refused feed is no failed step: training goes on where it was
    const rest: number[] = [];
    for (let step = 3; step < steps; step++) {
      rest.push((await executable.run({ entry: "train", feeds: feedsOf(step) })).loss);
    }
    expect(rest).toEqual(Array.from(single.loss ?? []).slice(3));
    executable.dispose();
  });

  test("a batch of another size in a later step is refused, and so is a missing feed", async () => {
    const executable = await compileOn(fed(), target, { dims });
    const short = { image: new Float32Array(2 * pixels), label: new Int32Array(2) };
    const shorter = executable.run({ entry: "train", steps: 2, feeds: (step) => (step === 1 ? short : feedsOf(0)) });
    await expect(shorter).rejects.toThrow(/^train: the feed "image" has 98 numbers; f32\[12,49\] takes 588/);
    const { image } = feedsOf(1);
    const missing = (step: number) => (step === 1 ? ({ image } as ReturnType<typeof feedsOf>) : feedsOf(0));
    await expect(executable.run({ entry: "train", steps: 2, feeds: missing })).rejects.toThrow(
      /^train: the feed "label" \(i32\[12\]\) is missing/,
    );
    const nothing = (step: number) => (step === 1 ? (null as never) : feedsOf(0)); // not what was fed before
    await expect(executable.run({ entry: "train", steps: 2, feeds: nothing })).rejects.toThrow(
      /^train: the feed "image" \(f32\[12,49\]\) is missing/,
    );
    executable.dispose();
  });

  test("how many must be a whole number, 1 at least", async () => {
    const executable = await compileOn(fed(), target, { dims });
    for (const count of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      const refused = executable.run({ entry: "train", steps: count, feeds: feedsOf(0) });
      await expect(refused, String(count)).rejects.toThrow(UserError);
      await expect(refused, String(count)).rejects.toThrow(
        `run: steps must be a whole number, at least 1, not ${count}`,
      );
    }
    // nothing was run
    expect((await executable.run({ entry: "train", feeds: feedsOf(0) })).loss).toBe(single.loss?.[0]);
    executable.dispose();
  });

  test("of bytes in the executable's memory, by lists of places, have the bits of floats that are fed", async () => {
    const executable = await compileOn(resident(), target, { dims });
    executable.state.write("data.images", images);
    executable.state.write("data.labels", labels);
    const { loss, logits, scores } = await executable.run({
      entry: "train",
      steps,
      feeds: (step) => ({ pick: picks[step] ?? [] }),
    });
    const {
      "data.images": bytes,
      "data.labels": kept,
      ...states
    } = Object.fromEntries(await executable.state.snapshot());
    expectSame({ loss, logits, accuracy: scores.accuracy, ...states }, single);
    expect(bytes).toEqual(images);
    expect(kept).toEqual(labels);
    const slots = executable.report.entries[0]?.buffers ?? [];
    expect(slots.find(({ segment, name }) => segment === "state" && name === "data.images")?.bytes).toBe(
      samples * pixels,
    );
    executable.dispose();
  });
});

test("a table of bytes takes no floats, and no other number of bytes", async () => {
  const executable = await compileOn(resident(), jsTarget, { dims });
  const write = (values: Float32Array | Uint8Array) => () => executable.state.write("data.images", values);
  expect(write(new Float32Array(images.length))).toThrow(
    /"data\.images" is a Float32Array; u8\[50,49\] takes a Uint8Array/,
  );
  expect(write(images.subarray(1))).toThrow(/"data\.images" has 2449 numbers; u8\[50,49\] takes 2450/);
  executable.dispose();
});
