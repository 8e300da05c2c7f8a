/**
 * Checkpoints: what they hold comes back, what does not fit is refused with every difference, and a run that goes on from
 * one in the middle of an epoch reaches the same bits as a run that was never broken off.
 */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { DataError, UserError } from "../../src/core/errors.ts";
import { batches, gatherRows } from "../../src/data/dataset.ts";
import { dropout } from "../../src/dsl/ops.ts";
import {
  compile, f32, glorotUniform, grad, i32, matmul, mean, param, program, relu, sgd, softmaxCrossEntropy,
} from "../../src/index.ts"; // biome-ignore format: names
import {
  type Checkpoint,
  type CheckpointContents,
  type DataPosition,
  decodeCheckpoint,
  encodeCheckpoint,
  type Fingerprint,
  fingerprintOf,
  packageVersion,
} from "../../src/io/checkpoint.ts";
import { readSafetensors, writeSafetensors } from "../../src/io/safetensors.ts";
import type { TypedArray } from "../../src/runtime/typed-arrays.ts";

const fingerprint: Fingerprint = {
  optimizer: "adam",
  states: new Map([
    ["model.w1", { dtype: "f32", shape: [2, 3] }],
    ["opt.t", { dtype: "u32", shape: [] }],
    ["$random", { dtype: "u32", shape: [2] }],
  ]),
};

const position: DataPosition = {
  epoch: 2,
  batch: 7,
  batchSize: 128,
  samples: 60_000,
  shuffle: true,
  shuffleSeed: 2 ** 53 - 5,
  shuffles: 11,
  sums: new Map([
    ["loss", 0.1 + 0.2],
    ["accuracy", Number.NaN],
    ["__proto__", -0],
    ["huge", Number.NEGATIVE_INFINITY],
  ]),
};

const contents: CheckpointContents = {
  fingerprint,
  state: new Map<string, TypedArray>([
    ["opt.t", Uint32Array.of(4294967295)],
    ["$random", Uint32Array.of(3, 4)],
    ["model.w1", Float32Array.of(1, 2, 3, 4, 5, -0)],
  ]),
  seed: Number.MAX_SAFE_INTEGER,
  position,
  notes: new Map([["architecture", '{"layers":[]}\n']]),
  extras: new Map([["callback0.kernel", { dtype: "f32", shape: [2], data: Float32Array.of(7, 8) }]]),
};

/** The file of `contents`, with some of its metadata changed or (null) removed. */
function tampered(changes: Readonly<Record<string, string | null>>): Uint8Array {
  const { tensors, metadata } = readSafetensors(encodeCheckpoint(contents), "whole");
  const changed = new Map(metadata);
  for (const [key, value] of Object.entries(changes)) {
    if (value === null) changed.delete(key);
    else changed.set(key, value);
  }
  return writeSafetensors(tensors, changed);
}

describe("a checkpoint", () => {
  it("holds everything that was put in, in the order of the program", () => {
    const read = decodeCheckpoint(encodeCheckpoint(contents), "some", fingerprint);
    expect(read).toEqual({ ...contents, madeBy: packageVersion });
    expect([...read.state.keys()]).toEqual(["model.w1", "opt.t", "$random"]);
    expect([...(read.position?.sums.values() ?? [])]).toEqual([0.1 + 0.2, Number.NaN, -0, Number.NEGATIVE_INFINITY]);
  });

  it("needs no position, optimizer or notes, and can be read by who does not know the program", () => {
    const plain = { ...contents, fingerprint: { ...fingerprint, optimizer: null }, position: null, notes: new Map() };
    const read = decodeCheckpoint(encodeCheckpoint(plain), "some");
    expect(read.position).toBeNull();
    expect(read.notes.size).toBe(0);
    expect(read.fingerprint.optimizer).toBeNull();
    expect(new Map([...read.fingerprint.states].sort())).toEqual(new Map([...fingerprint.states].sort()));
  });

  it("names the version of this package", () => {
    const manifest: unknown = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
    expect(manifest).toHaveProperty("version", packageVersion);
  });

  it("is the same bytes for the same contents", () => {
    const turned = { ...contents, state: new Map([...contents.state].reverse()) };
    expect(encodeCheckpoint(turned)).toEqual(encodeCheckpoint(contents));
  });

  it("is not made of what is incomplete", () => {
    const without = new Map([...contents.state].slice(1));
    expect(() => encodeCheckpoint({ ...contents, state: without })).toThrow("the values of opt.t are missing");
    const more = new Map(contents.state).set("a b", Float32Array.of(1));
    expect(() => encodeCheckpoint({ ...contents, state: more })).toThrow('"a b" is no state of the program');
    expect(() => encodeCheckpoint({ ...contents, seed: 0.5 })).toThrow("the seed must be a whole number, not 0.5");
    const nowhere = { ...contents, position: { ...position, epoch: Number.NaN } };
    expect(() => encodeCheckpoint(nowhere)).toThrow(UserError);
  });
});

describe("a checkpoint that does not fit", () => {
  const differences = (expected: Fingerprint): string => {
    try {
      decodeCheckpoint(encodeCheckpoint(contents), "a.safetensors", expected);
    } catch (error) {
      expect(error).toBeInstanceOf(DataError);
      return (error as DataError).message;
    }
    throw new Error("it was accepted");
  };
  const changed = (
    change: (states: Map<string, { dtype: "f32" | "u32" | "i32"; shape: readonly number[] }>) => void,
  ) => {
    const states = new Map(fingerprint.states) as Map<string, { dtype: "f32" | "u32" | "i32"; shape: number[] }>;
    change(states);
    return { optimizer: "adam", states };
  };

  it("by a shape", () => {
    expect(differences(changed((states) => states.set("model.w1", { dtype: "f32", shape: [3, 2] })))).toBe(
      "a.safetensors: the checkpoint does not fit the program (one difference):\n" +
        "  the checkpoint has model.w1 f32[2,3], the program f32[3,2]",
    );
  });

  it("by everything at once", () => {
    const expected = changed((states) => {
      states.delete("opt.t");
      states.set("$random", { dtype: "i32", shape: [2] });
      states.set("new\nname", { dtype: "f32", shape: [] });
    });
    expect(differences({ ...expected, optimizer: null })).toBe(
      "a.safetensors: the checkpoint does not fit the program (4 differences):\n" +
        "  the checkpoint has $random u32[2], the program i32[2]\n" +
        '  the program has "new\\nname" f32[], the checkpoint nothing of that name\n' +
        "  the checkpoint has opt.t u32[], the program nothing of that name\n" +
        "  the checkpoint has the optimizer adam, the program none",
    );
  });

  it("by constants of the optimizer, one by one", () => {
    const constants = (...entries: readonly [string, number | boolean | string][]) => ({
      ...fingerprint,
      constants: new Map(entries),
    });
    const texts = ["true", "1", '"', ""].map((text): [string, string] => [`a ${text}`, text]); // texts stay texts
    const bytes = encodeCheckpoint({
      ...contents,
      fingerprint: constants(["rho", 0.1 + 0.2], ["centered", true], ["beta", 1], ...texts),
    });
    const same = constants(["beta", 1], ["centered", true], ["rho", 0.1 + 0.2], ...texts);
    expect(decodeCheckpoint(bytes, "some", same).fingerprint.constants).toEqual(same.constants);
    expect(() =>
      decodeCheckpoint(bytes, "some", constants(["rho", 0.3], ["centered", true], ["gamma", -0], ...texts)),
    ).toThrow(
      "some: the checkpoint does not fit the program (3 differences):\n" +
        "  the checkpoint was made with adam's rho 0.30000000000000004, the program has 0.3\n" +
        "  the checkpoint was made with adam's beta 1, the program has none\n" +
        "  the checkpoint was made with adam's gamma none, the program has -0",
    );
  });

  it("by very much", () => {
    const message = differences(
      changed((states) => {
        for (let i = 0; i < 1000; i++) states.set(`s${i}`, { dtype: "f32", shape: [] });
      }),
    );
    expect(message.split("\n")).toHaveLength(12);
    expect(message).toContain("1000 differences");
    expect(message).toMatch(/\n {2}and 990 more$/);
  });
});

describe("a file that is no checkpoint", () => {
  it.each<[string, Uint8Array, string]>([
    ["other tensors", writeSafetensors(new Map()), "expected a checkpoint of tensorloom"],
    ["a later format", tampered({ format_version: "2", tensorloom: "3.0.0" }), 'found "2", made by tensorloom 3.0.0'],
    ["no version", tampered({ format_version: null }), 'expected version 1 of the checkpoint format, found "none"'],
    ["no seed", tampered({ seed: null }), "seed: expected a whole number from 0, found nothing"],
    ["a seed that is none", tampered({ seed: "0x10" }), 'seed: expected a whole number from 0, found "0x10"'],
    ["a seed below 0", tampered({ seed: "-1" }), "seed: expected a whole number from 0, found -1"],
    ["half a position", tampered({ "position.batch": null }), "position.batch: expected a whole number from 0"],
    [
      "a negative epoch",
      tampered({ "position.epoch": "-1" }),
      "position.epoch: expected a whole number from 0, found -1",
    ],
    [
      "a batch of none",
      tampered({ "position.batch_size": "0" }),
      "position.batch_size: expected a whole number from 1",
    ],
    ["a batch that there is not", tampered({ "position.batch": "470" }), "make 469 batches of 128, found 470 done"],
    ["an order that is none", tampered({ "position.shuffle": "yes" }), 'expected true or false, found "yes"'],
    [
      "a sum that is none",
      tampered({ "position.sum.loss": "1,5" }),
      'position.sum.loss: expected a number, found "1,5"',
    ],
    [
      "a constant that is none",
      tampered({ "optimizer.constant.rho": "fast" }),
      'optimizer.constant.rho: expected a number, true, false or a text in quotes, found "fast"',
    ],
    ["a truncated file", encodeCheckpoint(contents).subarray(0, -1), "truncated"],
  ])("%s", (_, bytes, message) => {
    const read = () => decodeCheckpoint(bytes, "some.safetensors", fingerprint);
    expect(read).toThrow(DataError);
    expect(read).toThrow(/^some\.safetensors: /);
    expect(read).toThrow(message);
  });
});

describe("going on from a checkpoint", () => {
  const [samples, width, batch, seed] = [52, 6, 8, 2 ** 52 + 3];
  const x = Float32Array.from({ length: samples * width }, (_, i) => Math.sin(i * i));
  const label = Int32Array.from({ length: samples }, (_, i) => (i * 7) % 4);

  const made = () => {
    const opt = sgd({ learningRate: 0.1, momentum: 0.9, nesterov: true });
    const model = { w1: param(glorotUniform(width, 16)), w2: param(glorotUniform(16, 4)) };
    return program({
      inputs: { x: f32("batch", width), label: i32("batch") },
      state: { model, opt: opt.slots(model) },
      entries: {
        train(inputs, { model: { w1, w2 }, opt: slots }) {
          const hidden = dropout(relu(matmul(inputs.x, w1)), 0.4);
          const loss = mean(softmaxCrossEntropy(matmul(hidden, w2), inputs.label));
          return {
            outputs: { loss },
            next: opt.update({ model: { w1, w2 }, slots, gradients: grad(loss, { w1, w2 }) }),
          };
        },
      },
    });
  };

  /** Trains to the end of epoch 3, from a checkpoint if there is one; saves after `saveAt` steps of epoch 2. */
  const run = async (from: Uint8Array | null, saveAt: number, compileSeed = seed) => {
    const net = made();
    const executable = await compile(net, { dims: { batch }, seed: compileSeed, target: "js" });
    await executable.prepare({ batch: samples % batch });
    let at: DataPosition = { epoch: 0, batch: 0, batchSize: batch, samples, shuffle: true, shuffleSeed: seed, shuffles: 0, sums: new Map([["loss", 0]]) }; // biome-ignore format: one line
    if (from !== null) {
      const checkpoint: Checkpoint = decodeCheckpoint(from, "memory", fingerprintOf(net, "sgd"));
      executable.state.restore(checkpoint.state);
      at = checkpoint.position ?? at;
    }
    let sum = at.sums.get("loss") ?? 0;
    const means: number[] = [];
    let saved: Uint8Array | null = null;
    for (let epoch = at.epoch; epoch < 3; epoch++) {
      const order = { count: samples, batch, seed: at.shuffleSeed, epoch, shuffle: true };
      for (const { index, indices, from: first, to } of batches(order)) {
        if (epoch === at.epoch && index < at.batch) continue;
        if (from === null && epoch === 1 && index === saveAt) {
          const here = { ...at, epoch, batch: index, shuffles: epoch, sums: new Map([["loss", sum]]) };
          const state = await executable.state.snapshot();
          saved = encodeCheckpoint({ fingerprint: fingerprintOf(net, "sgd"), state, seed, position: here });
        }
        const feeds = { x: new Float32Array((to - first) * width), label: new Int32Array(to - first) };
        gatherRows(x, width, indices, first, to, feeds.x);
        gatherRows(label, 1, indices, first, to, feeds.label);
        executable.train(feeds);
        sum += (await executable.read("loss")) * (to - first);
      }
      means.push(sum / samples);
      sum = 0;
    }
    const state = await executable.state.snapshot();
    executable.dispose();
    return { state, means, saved };
  };

  it.each([0, 1, 4, 6])(
    "after %i of 7 batches: the same weights, momentum, masks and losses to the bit",
    async (saveAt) => {
      const unbroken = await run(null, saveAt);
      expect([...unbroken.state.keys()].sort()).toEqual(
        ["$random", "model.w1", "model.w2", "opt.learningRate", "opt.velocity.w1", "opt.velocity.w2"].sort(),
      );
      const saved = decodeCheckpoint(unbroken.saved ?? new Uint8Array(), "saved");
      expect([saved.seed, saved.position?.shuffleSeed]).toEqual([seed, seed]);
      const resumed = await run(unbroken.saved, saveAt, seed + 1);
      expect(resumed.means).toEqual(unbroken.means.slice(1));
      const bits = ({ state }: typeof resumed) =>
        [...state].map(([name, { buffer }]) => [name, Buffer.from(buffer as ArrayBuffer).toString("hex")]);
      expect(bits(resumed)).toEqual(bits(unbroken));
    },
  );

  it("without the random state it would not be the same: the test can tell", async () => {
    const unbroken = await run(null, 4);
    const { tensors, metadata } = readSafetensors(unbroken.saved ?? new Uint8Array(), "saved");
    const changed = new Map(tensors).set("$random", { dtype: "u32", shape: [2], data: Uint32Array.of(3, 0) });
    const resumed = await run(writeSafetensors(changed, metadata), 4);
    expect(resumed.means).not.toEqual(unbroken.means.slice(1));
  });
});
