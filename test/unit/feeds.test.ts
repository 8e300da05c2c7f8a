/**
 * What a call takes, and what it says when it is given something else: each message names the culprit and the user's line,
 * and nothing changes when a feed is refused.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { joinPath, splitPath } from "../../src/dsl/tree.ts";
import {
  add,
  cast,
  compileOn,
  f32,
  filled,
  i32,
  jsTarget,
  matmul,
  mean,
  normal,
  param,
  program,
  scalar,
  slot,
  softmaxCrossEntropy,
  sum,
  u8,
} from "../../src/index.ts";
import type { Feeds } from "../../src/runtime/feeds.ts";

const here = /\n {4}at .*feeds\.test\.ts:\d+:\d+$/;

/** One step that counts, and reads an image and a label. */
function counting() {
  return program({
    inputs: { image: f32("batch", 3), label: i32("batch") },
    state: { w: param(normal(0, 1, 3, 4)), count: slot(filled(0)) },
    entries: {
      train: ({ image, label }, { w, count }) => ({
        outputs: { loss: mean(softmaxCrossEntropy(matmul(image, w), label)) },
        next: { count: add(count, 1) },
      }),
    },
  });
}

const good = { image: new Float32Array(6), label: new Int32Array(2) };

describe("a feed that does not fit", () => {
  const cases: readonly (readonly [string, Feeds, RegExp])[] = [
    ["is missing", { image: good.image }, /^train: the feed "label" \(i32\[2\]\) is missing/],
    ["is unknown", { ...good, imgae: [1] }, /^train: there is no input "imgae" \(the inputs are image: f32\[batch,3\]/],
    ["has another dtype", { ...good, label: new Float32Array(2) }, /"label" is a Float32Array; i32\[2\] takes a Int32Array/],
    ["has a length that is no multiple", { ...good, image: new Float32Array(7) }, /"image" has 7 numbers, which is no multiple of 3/],
    ["disagrees with another", { ...good, label: new Int32Array(1) }, /"label" has 1 numbers; i32\[batch\] takes 2, as another feed shows batch = 2/],
    ["is for a batch that was not compiled", { image: new Float32Array(9), label: new Int32Array(3) }, /not compiled for batch: 3\. Call await executable\.prepare/],
    ["has another shape", { ...good, image: [[1, 2], [3, 4], [5, 6]] }, /"image" is not shaped like f32\[2,3\]/],
    ["mixes depths", { ...good, image: [[1, 2, 3], 4] as never }, /"image" is not shaped like f32\[2,3\]/],
    ["has a label out of range", { ...good, label: new Int32Array([1, 4]) }, /"label" has 4 at position 1; labels go from 0 to 3/],
    ["has a negative label", { ...good, label: [0, -1] }, /"label" has -1 at position 1/],
    ["has a label that is no whole number", { ...good, label: [0, 1.5] }, /"label" holds 1\.5, which is no i32/],
    ["holds no numbers", { ...good, image: [["a", 2, 3], [4, 5, 6]] as never }, /"image" holds a, which is no number/],
  ]; // biome-ignore format: a table

  it.each(cases)("%s", async (_, feeds, message) => {
    const executable = await compileOn(counting(), jsTarget, { dims: { batch: 2 } });
    const train = executable.train as (feeds: Feeds) => void;
    expect(() => train(feeds)).toThrow(message);
    expect(() => train(feeds)).toThrow(here);
    expect(await executable.state.read("count")).toEqual(new Float32Array([0]));
    train(good);
    expect(await executable.state.read("count")).toEqual(new Float32Array([1]));
    executable.dispose();
  });

  it("is found inside groups", async () => {
    const made = program({ inputs: { d: { x: f32(2) } }, step: ({ d }) => ({ outputs: { y: sum(d.x) } }) });
    const executable = await compileOn(made, jsTarget, {});
    const step = executable.step as (feeds: Feeds) => void;
    expect(() => step({ d: { x: [1, 2], typo: [3] } })).toThrow(/there is no input "d\.typo"/);
    step({ d: { x: [1, 2] } });
    expect(await executable.read("y")).toBe(3);
  });

  it("labels are checked through casts and views", async () => {
    const made = program({
      inputs: { label: u8(2) },
      state: { logits: param(normal(0, 1, 2, 4)) },
      step: ({ label }, { logits }) => ({ outputs: { loss: mean(softmaxCrossEntropy(logits, cast(label, "i32"))) } }),
    });
    const executable = await compileOn(made, jsTarget, {});
    expect(() => executable.step({ label: new Uint8Array([1, 9]) })).toThrow(/"label" has 9 at position 1/);
  });
});

describe("names and dimensions", () => {
  it("unknown states, entries, outputs and dimensions are named", async () => {
    const made = counting();
    await expect(compileOn(made, jsTarget, {})).rejects.toThrow(/the dimension "batch" has no size: pass dims/);
    await expect(compileOn(made, jsTarget, { dims: { batch: 2, seq: 3 } })).rejects.toThrow(
      /no dimension "seq" \(it has batch\)/,
    );
    const executable = await compileOn(made, jsTarget, { dims: { batch: 2 } });
    await expect(executable.state.read("v")).rejects.toThrow(/there is no state "v" \(there are: w, count\)/);
    expect(() => executable.state.write("w", [1])).toThrow(/the state "w" has 1 number; f32\[3,4\] takes 12/);
    await expect(executable.read("loss")).rejects.toThrow(/nothing was run yet/);
    executable.train(good);
    await expect(executable.read("lsos")).rejects.toThrow(/no such output \(it has: loss\)/);
    await expect(executable.run({ entry: "tarin" as never })).rejects.toThrow(/no entry "tarin" \(it has: train\)/);
  });

  it.each(["then", "read", "__proto__"])("an entry cannot be called %s", async (name) => {
    const made = program({ entries: Object.fromEntries([[name, () => ({ outputs: { y: scalar(1) } })]]) });
    await expect(compileOn(made, jsTarget, {})).rejects.toThrow(/cannot be called/);
  });

  it("paths can be taken apart again", () => {
    const names = fc.array(fc.oneof(fc.string(), fc.constantFrom("", ".", "\\", "e", "\\e", "__proto__")), {
      minLength: 1,
    });
    const isInverse = (parts: string[]) => {
      expect(splitPath(parts.reduce((path, name) => joinPath(path, name), ""))).toEqual(parts);
    };
    fc.assert(fc.property(names, isInverse));
  });

  it("nested arrays choose among specializations by their shape", async () => {
    const made = program({
      inputs: { x: f32("m", "n") },
      step: ({ x }) => ({ outputs: { rows: sum(x, { axis: 1 }) } }),
    });
    const executable = await compileOn(made, jsTarget, { dims: { m: 2, n: 3 } });
    await executable.prepare({ m: 3, n: 2 });
    executable.step({ x: [[1, 2], [3, 4], [5, 6]] }); // biome-ignore format: a matrix
    expect(await executable.read("rows")).toEqual(new Float32Array([3, 7, 11]));
  });
});

describe("calls at the same time", () => {
  it("keep their specializations, however many sizes there are", async () => {
    const made = program({ inputs: { x: f32("m") }, step: ({ x }) => ({ outputs: { total: sum(x) } }) });
    const executable = await compileOn(made, jsTarget, { dims: { m: 1 } });
    const sizes = Array.from({ length: 14 }, (_, i) => i + 1);
    const results = await Promise.all(
      sizes.map((size) => executable.run({ entry: "step", feeds: { x: new Float32Array(size).fill(1) } })),
    );
    expect(results.map(({ total }) => total)).toEqual(sizes);
    executable.dispose();
    expect(() => executable.step({ x: [1] })).toThrow(/disposed/);
  });
});
