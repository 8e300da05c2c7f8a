/** Arrays made ready for training: splits, windows, classes, words. */
import { describe, expect, test } from "vitest";
import { timeseries, toCategorical, trainTestSplit } from "../../src/data/arrays.ts";
import { rows } from "../../src/data/pipeline/memory.ts";
import { Pixels } from "../../src/data/pixels.ts";
import { textVectorizer, Vocabulary, vocabulary } from "../../src/data/vocabulary.ts";

const counting = (size: number): number[] => Array.from({ length: size }, (_, i) => i);

describe("trainTestSplit", () => {
  test("each row once, rows together, kinds kept, the same from the same seed", () => {
    const columns = {
      x: rows(Pixels.from(counting(20)) as Pixels, 2),
      y: counting(10),
      name: counting(10).map(String),
    };
    const { train, test: held } = trainTestSplit(columns, { testSize: 0.25, seed: 1 });
    expect([train.y.length, held.y.length]).toEqual([7, 3]);
    expect(train.x.array).toBeInstanceOf(Pixels);
    expect([...train.y, ...held.y].toSorted((a, b) => a - b)).toEqual(counting(10));
    expect([...train.x.array]).toEqual(train.y.flatMap((row) => [2 * row, 2 * row + 1]));
    expect(held.name).toEqual(held.y.map(String));
    expect(trainTestSplit(columns, { testSize: 0.25, seed: 1 }).test.y).toEqual(held.y);
    expect(trainTestSplit(columns, { testSize: 3, seed: 2 }).test.y).not.toEqual(held.y);
    expect(trainTestSplit(columns, { testSize: 3, shuffle: false }).test.y).toEqual([7, 8, 9]);
  });

  test("stratify: the shares of the classes, what is left over to the largest rest", () => {
    const y = [
      ...Array.from({ length: 50 }, () => 0),
      ...Array.from({ length: 30 }, () => 1),
      ...Array.from({ length: 21 }, () => 2),
    ];
    const { train, test: held } = trainTestSplit({ y }, { testSize: 0.2, stratify: y });
    const times = (list: readonly number[]): number[] => [0, 1, 2].map((of) => list.filter((it) => it === of).length);
    expect(times(held.y)).toEqual([11, 6, 4]); // 10.4, 6.2, 4.4 of 21: two shares of 0.4 are alike up to rounding, the first has it
    expect(times(train.y)).toEqual([39, 24, 17]);
  });

  test("wrong input", () => {
    expect(() => trainTestSplit({ x: [1, 2], y: [1] })).toThrow("trainTestSplit: x has 2 rows, y 1");
    expect(() => trainTestSplit({ x: [1, 2] }, { testSize: 2 })).toThrow(
      "testSize 2 of 2 rows leaves none to train on",
    );
    expect(() => trainTestSplit({ x: [1, 2, 3] }, { testSize: 1.5 })).toThrow("or is no whole number");
    expect(() => trainTestSplit({ x: [1, 2, 3] }, { stratify: ["a", "b", "b"] })).toThrow('the class "a" has one row');
    expect(() => trainTestSplit({ x: [1, 2, 3] }, { stratify: true as never })).toThrow("stratify must be a list with a class for each row, the labels say, not true"); // biome-ignore format: short
    expect(() => trainTestSplit({ x: [1, 2, 3] }, { stratify: ["a"] })).toThrow("stratify has 1 classes for 3 rows");
    expect(() => trainTestSplit([1, 2] as never)).toThrow("trainTestSplit takes columns, { x, y }, not [1, 2]");
  });
});

describe("timeseries", () => {
  const series = Float32Array.from(counting(10));

  test("windows, and their targets as Keras has them", async () => {
    const plain = await timeseries(series, { window: 3, stride: 2 }).toArray();
    expect(plain.map(({ x }) => [...x])).toEqual([[0, 1, 2], [2, 3, 4], [4, 5, 6], [6, 7, 8]]); // biome-ignore format: rows
    const apart = await timeseries(series, { window: 3, rate: 3, start: 1 }).toArray();
    expect(apart.map(({ x }) => [...x])).toEqual([[1, 4, 7], [2, 5, 8], [3, 6, 9]]); // biome-ignore format: rows
    const targets = counting(10).map((n) => 100 + n).slice(3); // biome-ignore format: short
    const predicted = await timeseries(series, { window: 3, targets }).toArray();
    expect(predicted.length).toBe(7);
    expect(predicted.at(-1)).toEqual({ x: Float32Array.of(6, 7, 8), y: 109 });
    const later = await timeseries(series, { window: 3, targets: series, start: 2, end: 6 }).toArray();
    expect(later).toEqual([{ x: Float32Array.of(2, 3, 4), y: 2 }, { x: Float32Array.of(3, 4, 5), y: 3 }]); // biome-ignore format: rows
  });

  test("horizon: what follows; several numbers a moment; batches of windows", async () => {
    const data = timeseries(rows(series, 2), { window: 2, horizon: 1 });
    expect(data.size).toBe(3);
    expect(await data.batch(2).toArray()).toEqual([
      { x: Float32Array.of(0, 1, 2, 3, 2, 3, 4, 5), y: Float32Array.of(4, 5, 6, 7) },
      { x: Float32Array.of(4, 5, 6, 7), y: Float32Array.of(8, 9) },
    ]);
    expect(await timeseries(series, { window: 11 }).toArray()).toEqual([]);
  });

  test("wrong input", () => {
    expect(() => timeseries(series, {} as never)).toThrow(
      "timeseries: window must be a whole number from 1, not undefined",
    );
    expect(() => timeseries([1, 2] as never, { window: 1 })).toThrow(
      "timeseries takes a typed array or rows(array, width)",
    );
    expect(() => timeseries(series, { window: 1, end: 11 })).toThrow("start 0 and end 11 are no part of 10 moments");
    expect(() => timeseries(series, { window: 1, targets: [1], horizon: 1 })).toThrow("give targets or horizon");
  });
});

test("toCategorical", () => {
  expect(toCategorical([1, 0, 2])).toEqual(Float32Array.of(0, 1, 0, 1, 0, 0, 0, 0, 1));
  expect(toCategorical(Uint8Array.of(0, 1), 3)).toEqual(Float32Array.of(1, 0, 0, 0, 1, 0));
  expect(() => toCategorical([0, -1])).toThrow("toCategorical: the label at position 1 is -1");
  expect(() => toCategorical([0, 1.5])).toThrow("the label at position 1 is 1.5: labels are whole numbers from 0");
  expect(() => toCategorical([0, Number.NaN])).toThrow("the label at position 1 is NaN");
  expect(() => toCategorical([3], 3)).toThrow("the label at position 0 is 3: labels are whole numbers from 0 to 2");
});

describe("vocabularies", () => {
  test("frequent words first, of equally frequent ones the later in code points", () => {
    const words = "b a c a d \u{1f600} \uff5e a b".split(" ");
    const found = vocabulary(words);
    expect(found.tokens).toEqual(["[UNK]", "a", "b", "\u{1f600}", "\uff5e", "d", "c"]);
    expect([found.encode("b"), found.encode("zzz"), found.decode(1)]).toEqual([2, 0, "a"]);
    expect(vocabulary(words, { maxTokens: 3, mask: true }).tokens).toEqual(["", "[UNK]", "a"]);
    const strict = vocabulary(words, { oov: false });
    expect(strict.encode("a")).toBe(0);
    expect(() => strict.encode("z")).toThrow('vocabulary: "z" is none of its 6 words, and it has no [UNK] for others');
    expect(() => strict.decode(9)).toThrow("vocabulary: there is no word 9: they go from 0 to 5");
    expect(Vocabulary.of(JSON.parse(JSON.stringify(found.tokens))).encode("c")).toBe(6);
    expect(() => Vocabulary.of(["a", "a"])).toThrow('"a" at position 1 is no text, or there twice');
    expect(() => vocabulary([1] as never)).toThrow("vocabulary: 1 at position 0 is no text");
    expect(() => vocabulary(3 as never)).toThrow("vocabulary takes a list of texts, not 3");
  });

  test("texts: small letters, no punctuation, cut or filled up", () => {
    const { encode, vocabulary: words } = textVectorizer(["The cat -- the dog!", "The  cat's\ttail"], {
      outputSequenceLength: 4,
    });
    expect(words.tokens).toEqual(["", "[UNK]", "the", "tail", "dog", "cats", "cat"]);
    expect(encode("THE dog, the unknown cat")).toEqual(Int32Array.of(2, 4, 2, 1));
    expect(encode("")).toEqual(new Int32Array(4));
    expect(textVectorizer(words, { standardize: "none" }).encode("The cat")).toEqual(Int32Array.of(1, 6));
    expect(textVectorizer(["ab"], { split: "character", maxTokens: 3 }).vocabulary.tokens).toEqual(["", "[UNK]", "b"]);
    expect(() => encode(3 as never)).toThrow("textVectorizer: encode takes a text, not 3");
  });
});
