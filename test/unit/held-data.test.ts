/**
 * fit with the data held by the device: the losses and states are to the bit those of batches that the host gathers, a run goes on
 * from a checkpoint either way, and what is held is bounded, let go of and uploaded anew.
 */
import { describe, expect, test, vi } from "vitest";
import { Table } from "../../src/data/pipeline/table.ts";
import { adam, add, dataset, dense, dropout, embedding, flatten, i32, model, Pixels, rows, sequential, trainer } from "../../src/index.ts"; // biome-ignore format: names

const count = 22;
const bytes = Uint8Array.from({ length: 6 * count }, (_, i) => (97 * i) % 256);
const floats = Float32Array.from(bytes, (byte, i) => Math.sin(byte + i));
const labels = Uint8Array.from({ length: count }, (_, i) => (5 * i) % 3);
const words = Int32Array.from({ length: 2 * count }, (_, i) => (7 * i) % 11);
const weights = Float32Array.from({ length: count }, (_, i) => (i % 4) / 2);

const classifier = () =>
  trainer(sequential([dense(5, { activation: "relu" }), dropout(0.3), dense(3, { activation: "softmax" })]), {
    input: [6],
    loss: "softmaxCrossEntropy",
    optimizer: adam({ learningRate: 0.05 }),
    metrics: ["accuracy"],
  });
type Net = ReturnType<typeof classifier>;
type Given = Parameters<Net["fit"]>[0];

const oneThread = { js: { target: "js" }, wasm: { target: "wasm", threads: 1 } } as const;
type Target = keyof typeof oneThread;

async function compiled<T extends { compile: Net["compile"] }>(net: T, target: Target): Promise<T> {
  await net.compile({ ...oneThread[target], batch: 4, seed: 1 });
  return net;
}

/** All that a run leaves behind. */
async function left(net: Net, given: Given) {
  const { epochs } = await net.fit(given);
  const facts = epochs.map(({ loss, accuracy, validation }) => ({ loss, accuracy, validation }));
  return { facts, state: await net.executable.state.snapshot() };
}

const heldEntries = ({ executable: { report } }: Pick<Net, "executable">, of = "train"): readonly string[] =>
  report.entries.map(({ entry }) => entry).filter((name) => name.startsWith(`${of} by rows`));

const cases: readonly (readonly [string, Given])[] = [
  ["bytes that are divided", { x: bytes, y: labels, scale: 1 / 255 }],
  ["bytes that are multiplied", { x: bytes, y: labels, scale: 0.25 }],
  ["bytes that are looked up", { x: bytes, y: labels, scale: 0.1234567 }],
  ["bytes as they are", { x: bytes, y: labels }],
  ["clamped bytes", { x: new Uint8ClampedArray(bytes), y: labels, scale: 1 / 255 }],
  ["pixels, a part of others", { x: new Pixels([9, ...bytes]).subarray(1), y: labels }],
  ["floats", { x: floats, y: labels }],
  ["floats with a scale", { x: floats, y: labels, scale: 0.1 }],
  ["a list", { x: [...floats], y: [...labels] }],
  ["weights", { x: bytes, y: labels, sampleWeight: weights, classWeight: { 1: 3 } }],
  ["in order, in other batches", { x: floats, y: labels, shuffle: false, batch: 5 }],
  ["a validation split", { x: bytes, y: labels, scale: 1 / 255, validationSplit: 0.3 }],
];

describe.each(["js", "wasm"] as const)("the same bits as of fed batches, short last one and all, on %s", (target) => {
  // On the one what is gathered is looked at, on the other that gathering does not matter.
  test.each(target === "js" ? cases : cases.slice(0, 3))("%s", async (_, given) => {
    const [fed, held] = [await compiled(classifier(), target), await compiled(classifier(), target)];
    const wanted = await left(fed, { ...given, epochs: 3, holdBytes: 0 });
    expect(await left(held, { ...given, epochs: 3, holdBytes: 1e6 })).toEqual(wanted);
    expect([heldEntries(fed).length, heldEntries(held).length]).toEqual([0, 2]);
  });
});

describe.each(["js", "wasm"] as const)("samples to validate on are held beside those to train on, on %s", (target) => {
  const [few, others] = [bytes.subarray(6, 72), labels.subarray(1, 12)];
  const apart = dataset({ x: rows(few, 6), y: others });
  const given = { x: bytes, y: labels, scale: 1 / 255, epochs: 4 } as const;
  const all: readonly (readonly [string, Given, number])[] = [
    ["a split", { ...given, validationSplit: 0.3 }, 2],
    ["arrays", { ...given, validation: { x: few, y: others } }, 2],
    ["weighted, now and then", { ...given, validation: { x: few, y: others, sampleWeight: weights.subarray(3, 14) }, validationFreq: 3 }, 2], // biome-ignore format: short
    ["a dataset", { ...given, validationData: apart.batch(4) }, 2],
    ["a dataset of floats, in one size", { data: dataset({ x: rows(floats, 6), y: labels }).batch(11), validationData: dataset({ x: rows(floats, 6), y: labels }).take(8).batch(4), epochs: 3 }, 1], // biome-ignore format: short
    ["more than there is room for beside the others", { ...given, holdBytes: 260, validation: { x: few, y: others } }, 0], // biome-ignore format: short
  ];
  test.each(target === "js" ? all : all.slice(0, 2))("%s", async (_, run, entries) => {
    const [fed, held] = [await compiled(classifier(), target), await compiled(classifier(), target)];
    const wanted = await left(fed, { ...run, holdBytes: 0 });
    expect(wanted.facts.some(({ validation }) => validation !== undefined)).toBe(true);
    expect(await left(held, { holdBytes: 1e6, ...run })).toEqual(wanted);
    expect([heldEntries(held).length > 0, heldEntries(held, "evaluate").length]).toEqual([true, entries]);
    // The same arrays at another time, and others in their place.
    const next = { ...given, x: bytes.map((byte) => byte ^ 3), validation: { x: few.map((byte) => byte ^ 5), y: others } }; // biome-ignore format: short
    const later = await left(fed, { ...next, holdBytes: 0 });
    expect(await left(held, { ...next, holdBytes: 1e6 })).toEqual(later);
  });
});

test("evaluate on held samples, alone and in the middle of a run that holds its own to validate on", async () => {
  const given = { x: bytes, y: labels, scale: 1 / 255, validationSplit: 0.3, epochs: 2 } as const;
  const runs = [];
  for (const holdBytes of [0, 1e6]) {
    const net = await compiled(classifier(), "js");
    const seen: unknown[] = [];
    const evaluate = async (from: number): Promise<void> => {
      seen.push(await net.evaluate({ x: bytes.subarray(6 * from), y: labels.subarray(from), holdBytes }));
    };
    await net.fit({ ...given, holdBytes, callbacks: [{ onEpochEnd: () => evaluate(1) }] });
    expect(heldEntries(net, "evaluate").map((name) => name.slice(0, 20))).toEqual(
      holdBytes === 0 ? [] : ["evaluate by rows (7 ", "evaluate by rows (7 "],
    );
    for (const from of [0, 3, 0]) await evaluate(from);
    expect(heldEntries(net, "evaluate").some((name) => name.includes("(22 of"))).toBe(holdBytes > 0);
    const odd = net.evaluate({ x: floats.with(7, Number.NaN), y: labels, holdBytes });
    await expect(odd).rejects.toThrow(/x of sample 1 .*, number 1 of its 6, is NaN/);
    seen.push(await net.evaluate({ data: dataset({ x: rows(bytes, 6), y: labels }).batch(4), holdBytes }));
    runs.push(seen);
    const wrong = dataset({ x: rows(bytes, 6), y: labels.with(9, 7) }).batch(4);
    const fresh = await compiled(classifier(), "js"); // has no entry yet that knows how many classes there are
    const place = holdBytes === 0 ? "batch 2: y of sample 1" : "y of sample 9";
    await expect(fresh.evaluate({ data: wrong, holdBytes })).rejects.toThrow(`evaluate: ${place} (the first is 0) is 7: labels go from 0 to 2`); // biome-ignore format: short
    await expect(net.evaluate({ x: bytes, y: labels, holdBytes: -1 })).rejects.toThrow(/holdBytes/);
  }
  expect(runs[1]).toEqual(runs[0]);
});

test("several inputs and outputs, and numbers that pick", async () => {
  const make = () => {
    const net = model({
      inputs: { image: [6], text: i32("batch", 2) },
      layers: { wide: dense(6), words: embedding(11, 3), flat: flatten(), kind: dense(3), size: dense(1) },
      call({ image, text }, { wide, words, flat, kind, size }) {
        const both = add(wide(image), flat(words(text)));
        return { kind: kind(both), size: size(both) };
      },
    });
    return trainer(net, { loss: { kind: "softmaxCrossEntropy", size: "meanSquaredError" }, optimizer: adam() });
  };
  const given = { x: { image: bytes, text: words }, y: { kind: labels, size: floats.subarray(0, count) }, epochs: 2 };
  const runs = [];
  for (const holdBytes of [0, 1e6]) {
    const net = await compiled(make(), "js");
    const { epochs } = await net.fit({ ...given, holdBytes });
    runs.push({ losses: epochs.map(({ loss }) => loss), state: await net.executable.state.snapshot() });
  }
  expect(runs[1]).toEqual(runs[0]);
});

const data = { x: bytes, y: labels, scale: 1 / 255 } as const;

describe("datasets of rows in memory, and those that were read into it", () => {
  const table = dataset({ x: rows(bytes, 6), y: labels });
  const scaled = table.map(({ x, y }) => ({ x: Float32Array.from(x, (byte) => byte / 255), y })).cache();
  test.each<readonly [string, Given, number]>([
    ["rows as they are", { data: table }, 2],
    ["shuffled, in batches, read ahead", { data: table.shuffle(9, { seed: 2 }).batch(4).prefetch(2) }, 2],
    ["a part of them, and no short batch", { data: table.take(19).skip(2).batch(4, { dropRemainder: true }) }, 1],
    ["again and again", { data: table.shuffle(22).repeat().batch(4), stepsPerEpoch: 7 }, 1],
    ["mapped and kept", { data: scaled.shuffle(22).batch(4).prefetch(1) }, 2],
    ["mapped anew each time", { data: scaled.map((it) => it).batch(4) }, 0],
    ["with weights", { data: dataset({ x: rows(bytes, 6), y: labels, weight: weights }) }, 0],
  ])("%s", async (_, given, entries) => {
    const [fed, held] = [await compiled(classifier(), "js"), await compiled(classifier(), "js")];
    const wanted = await left(fed, { ...given, epochs: 3, holdBytes: 0 });
    expect(await left(held, { ...given, epochs: 3, holdBytes: 1e6 })).toEqual(wanted);
    expect(heldEntries(held)).toHaveLength(entries);
    const next = await left(fed, { ...given, epochs: 1, holdBytes: 0 });
    expect(await left(held, { ...given, epochs: 1, holdBytes: 1e6 })).toEqual(next);
  });
});

test("a full cache is looked through once, and again where something else is asked of it", async () => {
  const looks = vi.spyOn(Table.prototype, "all");
  const bits = Float32Array.from(bytes, (byte) => byte % 2); // of which all batches reach as far
  const cached = dataset({ x: rows(bits, 6), y: labels })
    .map((it) => it)
    .cache();
  const held = { data: cached.shuffle(9).batch(4), holdBytes: 1e6 } as const;
  const looked = async (net: Net, given: Given): Promise<number> => {
    looks.mockClear();
    await net.fit(given);
    return looks.mock.calls.length;
  };
  try {
    const net = await compiled(classifier(), "js");
    expect(await looked(net, { ...held, epochs: 3 })).toBe(1);
    expect(await looked(net, held)).toBe(0);
    expect(await looked(net, { ...held, data: cached.batch(5) })).toBe(0);
    expect(await looked(net, { ...held, onNaN: "warn" })).toBe(1);
    expect(await looked(net, { ...held, scale: 2 })).toBe(1);
    // What was trained on last says what the numbers may be.
    const small = await compiled(classifier(), "js");
    await small.fit({ x: bytes, y: labels, scale: 1 / 255 });
    const large = { data: dataset({ x: rows(Float32Array.from(bytes), 6), y: labels }).map((it) => it).cache() }; // biome-ignore format: short
    await expect(small.fit({ ...large, epochs: 2 })).rejects.toThrow(/numbers as large as/);
    // Rows of arrays are the user's own, who may write into them.
    const own = { data: dataset({ x: rows(floats, 6), y: labels }), holdBytes: 1e6 };
    for (let i = 0; i < 2; i++) expect(await looked(net, own)).toBe(1);
  } finally {
    looks.mockRestore();
  }
});

test("a run that ends before its first step has uploaded nothing, and the next one on the same cache does", async () => {
  const cached = dataset({ x: rows(bytes, 6), y: labels })
    .map((it) => it)
    .cache()
    .batch(4);
  await cached.toArray();
  const [fed, held] = [await compiled(classifier(), "js"), await compiled(classifier(), "js")];
  for (const [net, holdBytes] of [
    [fed, 0],
    [held, 1e6],
  ] as const) {
    await net.fit({ data: cached, holdBytes, callbacks: [{ onTrainBegin: (_, control) => control.stop() }] });
  }
  expect(await left(held, { data: cached, holdBytes: 1e6 })).toEqual(await left(fed, { data: cached, holdBytes: 0 }));
});

test("a run that was held goes on fed, and one that was fed held, from the middle of an epoch", async () => {
  const whole = await left(await compiled(classifier(), "js"), { ...data, epochs: 3, holdBytes: 0 });
  for (const [before, after] of [
    [1e6, 0],
    [0, 1e6],
  ] as const) {
    const first = await compiled(classifier(), "js");
    const stop: NonNullable<Given["callbacks"]> = [
      {
        onBatchEnd({ epoch, step }, control) {
          if (epoch === 2 && step === 3) control.stop();
        },
      },
    ];
    await first.fit({ ...data, epochs: 3, holdBytes: before, callbacks: stop });
    const second = await compiled(classifier(), "js");
    await second.restore(await first.checkpoint());
    const rest = await left(second, { ...data, epochs: 3, holdBytes: after });
    expect(rest.facts).toEqual(whole.facts.slice(1));
    expect(rest.state).toEqual(whole.state);
  }
});

test("a dataset with the first weights beside arrays without any, in either role", async () => {
  const weighted = dataset({ x: rows(floats, 6), y: labels, weight: weights }).batch(5);
  const arrays = { x: floats, y: labels };
  const validated: Given = { ...arrays, validationData: weighted };
  const [fed, held, other] = [await compiled(classifier(), "js"), await compiled(classifier(), "js"), await compiled(classifier(), "js")]; // biome-ignore format: short
  const wanted = await left(fed, { ...validated, epochs: 3, holdBytes: 0 });
  expect(await left(held, { ...validated, epochs: 3, holdBytes: 1e6 })).toEqual(wanted);
  expect(heldEntries(held)).toHaveLength(2);
  const { facts } = await left(other, { data: weighted, validationData: arrays });
  const { loss } = await other.evaluate(arrays);
  expect(facts[0]?.validation?.loss).toBe(loss);
});

test("evaluation of many sizes between steps drops nothing that is held", async () => {
  const [fed, held] = [await compiled(classifier(), "js"), await compiled(classifier(), "js")];
  const given = (net: Net, holdBytes: number): Given => ({
    ...data,
    epochs: 2,
    holdBytes,
    callbacks: [
      {
        async onBatchEnd({ step }) {
          for (let size = 1; size < 10; size++) await net.evaluate({ ...data, batch: size + step });
        },
      },
    ],
  });
  expect(await left(held, given(held, 1e6))).toEqual(await left(fed, given(fed, 0)));
});

test("another fit sees what its arrays are then; arrays of other kinds and sizes take the place of those before", async () => {
  const [fed, held] = [await compiled(classifier(), "wasm"), await compiled(classifier(), "wasm")];
  const changing = bytes.slice();
  const rounds: readonly Given[] = [
    { x: changing, y: labels },
    { x: changing, y: labels },
    { x: floats, y: labels },
    { x: changing.subarray(0, 60), y: labels.subarray(0, 10) },
    { x: changing, y: labels },
  ];
  for (const given of rounds) {
    changing.reverse();
    expect(await left(held, { ...given, scale: 0.01, holdBytes: 1e6 })).toEqual(await left(fed, { ...given, scale: 0.01, holdBytes: 0 })); // biome-ignore format: short
    expect(new Set(heldEntries(held)).size).toBeLessThanOrEqual(2);
  }
});

test("more bytes than are allowed, a short run by default, and what looks for NaN are fed", async () => {
  const net = await compiled(classifier(), "wasm");
  const needed = bytes.length + 4 * count;
  await net.fit({ ...data, holdBytes: needed - 1 });
  await net.fit(data);
  expect(heldEntries(net)).toEqual([]);
  await net.fit({ ...data, holdBytes: needed });
  expect(heldEntries(net)).toHaveLength(2);
  await net.compile({ target: "js", debug: { nan: true } });
  await net.fit({ ...data, holdBytes: needed });
  expect(heldEntries(net)).toEqual([]);
  await expect(net.fit({ ...data, holdBytes: -1 })).rejects.toThrow(/holdBytes/);
});

test("a wrong label is named before the first step", async () => {
  const net = classifier();
  await net.compile({ target: "js", batch: 4, entries: ["predict"] });
  const wrong = [...labels].with(17, 3);
  await expect(net.fit({ ...data, y: wrong, holdBytes: 1e6 })).rejects.toThrow(
    /y of sample 17 \(the first is 0\) is 3: labels go from 0 to 2/,
  );
  await net.fit({ ...data, holdBytes: 1e6 });
  expect(heldEntries(net)).toHaveLength(2);
});
