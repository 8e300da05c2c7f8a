/**
 * Datasets: each operation against arrays, what passes over elements against what takes them, and what is refused.
 */
import { describe, expect, test } from "vitest";
import { DataError, UserError } from "../../src/core/errors.ts";
import type { Dataset } from "../../src/data/pipeline/dataset.ts";
import { dataset, rows } from "../../src/data/pipeline/memory.ts";
import { Pixels } from "../../src/data/pixels.ts";

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function typed<A, B>(_proof: Same<A, B>): void {}

const counting = (size: number): number[] => Array.from({ length: size }, (_, i) => i);

async function* later<T>(list: readonly T[]): AsyncGenerator<T> {
  for (const member of list) {
    await Promise.resolve();
    yield member;
  }
}

/** The same numbers from memory in a table, from a list of elements, from a generator and from an async one. */
const sources: readonly (readonly [string, (size: number) => Dataset<number>])[] = [
  ["table", (size) => dataset(Float64Array.from(counting(size)))],
  ["list", (size) => dataset(counting(size))],
  ["generator", (size) => dataset(() => counting(size))],
  ["async generator", (size) => dataset(() => later(counting(size)))],
];

describe("elements", () => {
  test("columns: a number a row, rows of several, texts, lists; nested by name", async () => {
    const data = dataset({
      x: rows(Float32Array.of(1, 2, 3, 4), 2),
      y: Uint8Array.of(7, 8),
      name: ["a", "b"],
      more: { ids: [[1], [2, 3]], flag: [true, false] },
    });
    expect(data.size).toBe(2);
    expect(await data.toArray()).toEqual([
      { x: Float32Array.of(1, 2), y: 7, name: "a", more: { ids: [1], flag: true } },
      { x: Float32Array.of(3, 4), y: 8, name: "b", more: { ids: [2, 3], flag: false } },
    ]);
  });

  test("types go through map, filter and batch", async () => {
    const data = dataset<{ x: number[]; y: number }>([{ x: [1, 2], y: 3 }]);
    const mapped = data.map(({ x, y }) => ({ x: Float32Array.from(x), y, name: "a", big: y > 2 }));
    const batches = mapped.filter(({ y }) => y > 0).batch(2);
    typed<
      typeof batches,
      Dataset<{
        readonly x: Float32Array<ArrayBuffer>;
        readonly y: Float64Array;
        readonly name: string[];
        readonly big: Uint8Array;
      }>
    >(true);
    const columns = dataset({ x: rows(new Uint8Array(4), 2), y: [1, 2] });
    typed<typeof columns, Dataset<{ readonly x: Uint8Array<ArrayBuffer>; readonly y: number }>>(true);
    expect(await batches.toArray()).toEqual([
      { x: Float32Array.of(1, 2), y: Float64Array.of(3), name: ["a"], big: Uint8Array.of(1) },
    ]);
  });

  test("an element that is written into changes neither the user's arrays nor a cache", async () => {
    const x = Float32Array.of(1, 2, 3, 4);
    const data = dataset({ x: rows(x, 2) }).cache();
    const spoiled = data.map((element) => {
      element.x.fill(0);
      return element;
    });
    for (let i = 0; i < 2; i++) await spoiled.toArray();
    expect(x).toEqual(Float32Array.of(1, 2, 3, 4));
    expect((await data.toArray())[1]?.x).toEqual(Float32Array.of(3, 4));
  });

  test("a generator function is run for each epoch, and told which", async () => {
    const data = dataset(function* ({ epoch }) {
      yield epoch;
      yield 10 * epoch;
    });
    expect(await data.toArray(3)).toEqual([3, 30]);
    expect(await data.toArray()).toEqual([0, 0]);
  });

  test("a generator that is left early is closed", async () => {
    let closed = 0;
    const data = dataset(function* () {
      try {
        yield* counting(10);
      } finally {
        closed++;
      }
    });
    for await (const element of data.shuffle(3).prefetch(2)) if (element >= 0) break;
    expect(closed).toBe(1);
  });
});

/** What takes rows of a table many at a time, and what takes elements one by one. */
const chains: readonly (readonly [string, (data: Dataset<number>) => Dataset<unknown>])[] = [
  ["shuffle", (data) => data.shuffle(7)],
  ["shuffle, batch", (data) => data.shuffle(7, { seed: 3 }).batch(4)],
  ["a buffer of one, and one larger than all", (data) => data.shuffle(1).shuffle(99_999).batch(4)],
  ["skip and take, before and behind", (data) => data.skip(2).take(17).shuffle(5).skip(3).take(9).batch(4)],
  ["no short batch, read ahead", (data) => data.shuffle(7).batch(4, { dropRemainder: true }).prefetch(2)],
  ["again and again", (data) => data.shuffle(7).batch(4).repeat(2)],
  ["kept", (data) => data.cache().shuffle(7).batch(4)],
  ["batches that are skipped and taken", (data) => data.batch(3).skip(2).take(4)],
];

describe.each(chains)("the same of a table as of a list: %s", (_, chain) => {
  test.each([0, 1, 23])("of %s elements", async (size) => {
    const [table, list] = [chain(dataset(Float64Array.from(counting(size)))), chain(dataset(counting(size)))];
    for (const [epoch, taken] of [
      [0, 0],
      [1, 0],
      [2, 1],
      [2, 3],
      [0, 99],
    ] as const) {
      // biome-ignore format: short
      const places = [table, list].map(async (data) => {
        const found: unknown[] = [];
        for await (const element of data.iterate(epoch, taken)) found.push(element);
        return found;
      });
      const [ofTable, ofList] = await Promise.all(places);
      expect(ofTable).toEqual(ofList);
      if (size > 20 && taken < 3) expect(ofTable).not.toHaveLength(0);
    }
  });
});

test("batches of rows larger and smaller than what is taken ahead", async () => {
  const [table, list] = [dataset(Float64Array.from(counting(20_000))), dataset(counting(20_000))];
  for (const size of [1000, 3000, 4096, 9000]) {
    expect(await table.shuffle(700).batch(size).toArray()).toEqual(await list.shuffle(700).batch(size).toArray());
    const [onward, wanted] = [table, list].map((data) => data.shuffle(700).batch(size).skip(1).iterate(1, 1));
    expect(await onward?.next()).toEqual(await wanted?.next());
  }
});

for (const [name, make] of sources) {
  describe(`operations on a ${name}`, () => {
    test("map, filter, take, skip", async () => {
      expect(
        await make(5)
          .map((n) => 2 * n)
          .toArray(),
      ).toEqual([0, 2, 4, 6, 8]);
      expect(
        await make(5)
          .map(async (n) => 2 * n)
          .toArray(),
      ).toEqual([0, 2, 4, 6, 8]);
      expect(
        await make(6)
          .filter((n) => n % 2 === 1)
          .toArray(),
      ).toEqual([1, 3, 5]);
      expect(
        await make(6)
          .filter(async (n) => n % 2 === 1)
          .toArray(),
      ).toEqual([1, 3, 5]);
      expect(await make(5).skip(1).take(3).toArray()).toEqual([1, 2, 3]);
      expect(await make(5).take(0).toArray()).toEqual([]);
      expect(await make(2).skip(4).toArray()).toEqual([]);
      expect(await make(2).take(4).toArray()).toEqual([0, 1]);
    });

    test("repeat: as often as asked for, each time shuffled anew; nothing for ever is nothing", async () => {
      expect(await make(2).repeat(3).toArray()).toEqual([0, 1, 0, 1, 0, 1]);
      expect(await make(2).repeat().take(5).toArray()).toEqual([0, 1, 0, 1, 0]);
      expect(await make(0).repeat().toArray()).toEqual([]);
      const twice = await make(20).shuffle(20).repeat(2).toArray();
      expect(twice.slice(0, 20)).not.toEqual(twice.slice(20));
      expect(twice.slice(20).toSorted((a, b) => a - b)).toEqual(counting(20));
      expect(await make(20).shuffle(20).repeat(2).toArray(1)).not.toEqual(twice);
    });

    test("shuffle: every element once, no farther forward than the buffer, by seed and epoch", async () => {
      const once = await make(50).shuffle(10, { seed: 1 }).toArray();
      expect(once.toSorted((a, b) => a - b)).toEqual(counting(50));
      expect(once).not.toEqual(counting(50));
      for (const [place, n] of once.entries()) expect(n).toBeLessThan(place + 10);
      expect(await make(50).shuffle(10, { seed: 1 }).toArray()).toEqual(once);
      expect(await make(50).shuffle(10, { seed: 2 }).toArray()).not.toEqual(once);
      expect(await make(50).shuffle(10, { seed: 1 }).toArray(1)).not.toEqual(once);
      expect(await make(3).shuffle(1).toArray()).toEqual([0, 1, 2]);
      expect(once).toEqual(await dataset(counting(50)).shuffle(10, { seed: 1 }).toArray());
    });

    test("batch: short last one or none; the sizes that are known", async () => {
      const numbers = (...list: number[]): Float64Array => Float64Array.from(list);
      expect(await make(5).batch(2).toArray()).toEqual([numbers(0, 1), numbers(2, 3), numbers(4)]);
      expect(await make(5).batch(2, { dropRemainder: true }).toArray()).toEqual([numbers(0, 1), numbers(2, 3)]);
      expect(await make(4).batch(4).toArray()).toEqual([numbers(0, 1, 2, 3)]);
      expect(await make(0).batch(4).toArray()).toEqual([]);
      if (make(5).size !== null) {
        expect(make(5).batch(2).size).toBe(3);
        expect(make(5).batch(2, { dropRemainder: true }).repeat(3).skip(1).size).toBe(5);
      }
    });

    test("cache: the source is read once, and kept as it is in epoch 0", async () => {
      let made = 0;
      const data = make(6).map((n, { epoch }) => {
        made++;
        return { x: [n, epoch], y: n };
      });
      const cached = data.cache();
      const first = await cached.toArray(2);
      expect(first[5]).toEqual({ x: [5, 0], y: 5 });
      expect(await cached.toArray(1)).toEqual(first);
      expect(made).toBe(6);
      expect(cached.size).toBe(6);
      const broken = data.cache();
      for await (const { y } of broken) if (y === 2) break;
      expect(await broken.toArray()).toEqual(first);
    });

    test("prefetch: the same elements, made before they are asked for", async () => {
      let made = 0;
      const data = make(6).map((n) => {
        made++;
        return n;
      });
      const iterator = data.prefetch(3).iterate();
      expect((await iterator.next()).value).toBe(0);
      await new Promise((resolve) => setTimeout(resolve, 5));
      expect(made).toBe(4);
      await iterator.return?.();
      expect(await data.prefetch(2).toArray()).toEqual(counting(6));
      expect(await data.batch(4).prefetch(10).toArray()).toEqual(await data.batch(4).toArray());
    });

    test("interleave: blocks in turn; what has ended is replaced in its turn", async () => {
      const six = make(5).interleave((n) => make(6).map(() => n + 1), { cycle: 2, block: 4 });
      expect((await six.toArray()).join("")).toBe("111122221122333344443344555555");
      expect(
        await make(9)
          .interleave((n) => dataset(n === 7 ? [7] : []), { cycle: 3 })
          .toArray(),
      ).toEqual([7]);
    });
  });
}

test("interleave of tables: batches hold rows of several", async () => {
  const parts = dataset([0, 10]).interleave((n) => dataset({ x: rows(Float32Array.of(n, n + 1, n + 2, n + 3), 2) }), {
    cycle: 2,
  });
  expect(await parts.batch(3).toArray()).toEqual([
    { x: Float32Array.of(0, 1, 10, 11, 2, 3) },
    { x: Float32Array.of(12, 13) },
  ]);
  const odd = dataset([1, 2]).interleave((n) => dataset({ x: rows(new Float32Array(2 * n), n) }));
  await expect(odd.batch(3).toArray()).rejects.toThrow("batch: elements must be alike: the first has x Float32Array of 1; another has x Float32Array of 2"); // biome-ignore format: long
});

test("batch: every part keeps its type", async () => {
  const data = dataset([
    { x: new Pixels(2), ids: [[1, 2], [3, 4]], name: "a" },
    { x: Pixels.of(3, 4) as Pixels, ids: [[5, 6], [7, 8]], name: "b" },
  ]); // biome-ignore format: rows
  const [batch] = await data.batch(2).toArray();
  expect(batch?.x).toBeInstanceOf(Pixels);
  expect(batch).toEqual({ x: Pixels.of(0, 0, 3, 4), ids: Float64Array.of(1, 2, 3, 4, 5, 6, 7, 8), name: ["a", "b"] });
});

test("padBatch: to the longest, to a length, with a value; other parts as they are", async () => {
  const data = dataset([{ x: [5, 8], y: 1 }, { x: [3], y: 0 }, { x: [1, 2, 3], y: 1 }]); // biome-ignore format: short
  expect(await data.padBatch(2).toArray()).toEqual([
    { x: Float64Array.of(5, 8, 3, 0), y: Float64Array.of(1, 0) },
    { x: Float64Array.of(1, 2, 3), y: Float64Array.of(1) },
  ]);
  const [first] = await data.padBatch(3, { value: -1, length: 4, dropRemainder: true }).toArray();
  expect(first?.x).toEqual(Float64Array.of(5, 8, -1, -1, 3, -1, -1, -1, 1, 2, 3, -1));
  const bytes = dataset(() => [
    { x: Uint8Array.of(1, 2), y: [1] },
    { x: Uint8Array.of(3), y: [2, 3] },
  ]);
  await expect(bytes.padBatch(2, { value: -1 }).toArray()).rejects.toThrow("x of padBatch: element 1 (the first is 0) is a Uint8Array, which cannot be filled up with -1"); // biome-ignore format: long
  expect((await bytes.padBatch(2, { value: 255 }).toArray())[0]?.x).toEqual(Uint8Array.of(1, 2, 3, 255));
  await expect(data.padBatch(3, { length: 2 }).toArray()).rejects.toThrow("x of padBatch: element 2 (the first is 0) has 3 numbers, and padBatch was given length: 2"); // biome-ignore format: long
});

test("map: random numbers follow from seed, epoch and place", async () => {
  const noisy = dataset(counting(5)).map((n, { random }) => n + random.uniform(), { seed: 4 });
  const all = await noisy.toArray();
  expect(new Set(all.map((n) => n % 1)).size).toBe(5);
  expect(await noisy.toArray()).toEqual(all);
  expect(await noisy.toArray(1)).not.toEqual(all);
  const rest: number[] = [];
  for await (const n of noisy.iterate(0, 3)) rest.push(n);
  expect(rest).toEqual(all.slice(3));
});

test("position: plain data, with which another pass goes on", async () => {
  const data = dataset(counting(10)).shuffle(4, { seed: 3 }).batch(3);
  const iterator = data.iterate(2);
  await iterator.next();
  const { epoch, taken } = JSON.parse(JSON.stringify(iterator.position));
  expect([epoch, taken]).toEqual([2, 1]);
  const rest: unknown[] = [];
  for await (const batch of data.iterate(epoch, taken)) rest.push(batch);
  expect(rest).toEqual((await data.toArray(2)).slice(1));
});

test("calls of next that do not wait for each other come in order", async () => {
  const iterator = dataset(() => later(counting(4))).shuffle(2).iterate(); // biome-ignore format: short
  const results = await Promise.all([
    iterator.next(),
    iterator.next(),
    iterator.next(),
    iterator.next(),
    iterator.next(),
  ]);
  expect(results.map(({ value }) => value)).toEqual([...(await dataset(counting(4)).shuffle(2).toArray()), undefined]);
});

describe("wrong input", () => {
  const x = dataset([1, 2]);
  const wrong: readonly (readonly [string, () => unknown, string])[] = [
    ["columns of different lengths", () => dataset({ x: new Float32Array(8), y: [1, 2] }), "x has 8 rows, y 2: where 4 numbers are one row, rows(x, 4) says so"],
    ["no column", () => dataset({ x: 3 } as never), "dataset: x is 3: a column is a typed array, a list, or rows(array, width)"],
    ["nothing", () => dataset(null as never), "dataset takes columns ({ x, y }), a list, or a generator function"],
    ["no columns", () => dataset({}), "dataset: the object has no columns"],
    ["rows that do not fit", () => rows(new Float32Array(5), 2), "rows: 5 numbers are no whole number of rows of 2"],
    ["a list for rows", () => rows([1, 2] as never, 2), "rows takes a typed array of numbers, not [1, 2]"],
    ["a batch of 0", () => x.batch(0), "batch: the size must be a whole number from 1, not 0"],
    ["a misspelt option", () => x.batch(2, { dropRemainer: true } as never), 'did you mean "dropRemainder"?'],
    ["batches of batches", () => x.batch(2).batch(2), "batch: the elements are batches of 2 already"],
    ["a buffer that is none", () => x.shuffle(Number.NaN), "shuffle: the buffer must be a whole number from 1, not NaN"],
    ["a seed that is none", () => x.shuffle(2, { seed: -1 }), "shuffle: seed must be"],
    ["no function", () => x.map(3 as never), "map: its argument must be a function, not 3"],
    ["a place below 0", () => x.iterate(0, -1), "iterate: the place must be a whole number from 0, not -1"],
    ["all of what never ends", () => x.repeat().toArray(), "toArray: the dataset has no end"],
    ["elements of different lengths", () => dataset([{ x: [1, 2] }, { x: [3] }]).batch(2).toArray(), "x of batch: element 1 (the first is 0) is a list of 1, and that of the first element is a list of 2 numbers: elements of different lengths need padBatch"],
    ["elements of different fields", () => dataset([{ a: 1 }, { b: 1 }] as never[]).batch(2).toArray(), "batch: element 1 (the first is 0) is an object with b, and that of the first element has a"],
    ["an element that is no number", () => dataset([1, "2"]).batch(2).toArray(), 'batch: element 1 (the first is 0) is "2", and that of the first element is a number'],
    ["nothing as an element", () => dataset([null, 1]).batch(2).toArray(), "batch: element 0 (the first is 0) is null: it must be made of numbers, texts, and arrays of numbers"],
    ["holes in a list", () => dataset([[1, undefined]]).batch(1).toArray(), "has undefined at position 1"],
    ["a function that gives nothing to iterate over", () => dataset((() => 3) as never).toArray(), "dataset: the function gave 3: it must be a generator"],
    ["interleave of no datasets", () => x.interleave((() => 3) as never).toArray(), "interleave: the function gave 3: it must give a dataset"],
  ]; // biome-ignore format: a row each
  for (const [name, call, message] of wrong) {
    test(name, async () => {
      let found: unknown;
      try {
        found = await call();
      } catch (error) {
        found = error;
      }
      expect(found instanceof UserError || found instanceof DataError).toBe(true);
      expect(String(found)).toContain(message);
    });
  }

  test("an error in the middle comes where it belongs, with what was before it, also through prefetch", async () => {
    const data = dataset(counting(5)).map((n) => {
      if (n === 3) throw new Error("no three");
      return n;
    });
    const seen: number[] = [];
    const walk = async (): Promise<void> => {
      for await (const n of data.prefetch(4)) seen.push(n);
    };
    await expect(walk()).rejects.toThrow("no three");
    expect(seen).toEqual([0, 1, 2]);
  });
});

test("toColumns: all elements together, of tables and of anything else", async () => {
  const table = dataset({ x: rows(Float32Array.of(1, 2, 3, 4, 5, 6), 2), y: ["a", "b", "c"] });
  const wanted = { x: Float32Array.of(1, 2, 3, 4, 5, 6), y: ["a", "b", "c"] };
  expect(await table.toColumns()).toEqual(wanted);
  expect(await table.map(async (element) => element).toColumns()).toEqual(wanted);
  expect(await table.filter(({ y }) => y !== "b").toColumns()).toEqual({
    x: Float32Array.of(1, 2, 5, 6),
    y: ["a", "c"],
  });
  expect(await dataset([{ n: [1, 2] }, { n: [3, 4] }]).toColumns()).toEqual({ n: Float64Array.of(1, 2, 3, 4) });
  await expect(table.repeat().toColumns()).rejects.toThrow("toColumns: the dataset has no end");
  await expect(table.batch(2).toColumns()).rejects.toThrow("the elements are batches of 2 already");
  await expect(table.take(0).toColumns()).rejects.toThrow("toColumns: the dataset has no elements");
});
