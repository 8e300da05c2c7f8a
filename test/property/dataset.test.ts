/**
 * Random pipelines: from every place on, in any epoch, a pass gives what the unbroken pass gives from there; two passes at the same
 * time do not disturb each other; and whatever holds the elements (a table, a list, a generator) they are the same.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import type { Dataset } from "../../src/data/pipeline/dataset.ts";
import { dataset, rows } from "../../src/data/pipeline/memory.ts";
import { tried } from "../effort.ts";

interface Element {
  readonly x: Float32Array;
  readonly y: number;
}

type Operation = readonly [name: string, size: number, seed: number];

const names = ["map", "slow map", "filter", "shuffle", "repeat", "take", "skip", "cache", "prefetch", "interleave"];
const operation = fc.tuple(fc.constantFrom(...names), fc.integer({ min: 1, max: 7 }), fc.integer({ min: 0, max: 3 }));
const recipe = fc.record({
  count: fc.integer({ min: 0, max: 11 }),
  operations: fc.array(operation, { maxLength: 5 }),
  batch: fc.option(fc.integer({ min: 1, max: 5 })),
  behind: fc.array(operation, { maxLength: 2 }),
  epoch: fc.integer({ min: 0, max: 3 }),
});

const sources = {
  table: (count: number): Dataset<Element> => {
    const x = rows(Float32Array.from({ length: 2 * count }, (_, i) => i), 2); // biome-ignore format: short
    return dataset({ x, y: Float64Array.from({ length: count }, (_, i) => i) });
  },
  list: (count: number): Dataset<Element> => dataset(elements(count)),
  generator: (count: number): Dataset<Element> =>
    dataset(async function* () {
      yield* elements(count);
    }),
};

function elements(count: number): Element[] {
  return Array.from({ length: count }, (_, i) => ({ x: Float32Array.of(2 * i, 2 * i + 1), y: i }));
}

function apply(data: Dataset<Element>, [name, size, seed]: Operation): Dataset<Element> {
  switch (name) {
    case "map":
      return data.map(({ x, y }, { random, index, epoch }) => ({ x, y: y + random.integer(9) + 0.01 * index + epoch }), { seed }); // biome-ignore format: long
    case "slow map":
      return data.map(async ({ x, y }, { random }) => {
        await Promise.resolve();
        return { x: x.map((value) => value + random.integer(5)), y };
      });
    case "filter":
      return data.filter(({ y }) => Math.floor(y) % (size + 1) !== 1);
    case "shuffle":
      return data.shuffle(size, { seed });
    case "repeat":
      return data.repeat((size % 3) + 1);
    case "take":
      return data.take(2 * size);
    case "skip":
      return data.skip(size);
    case "cache":
      return data.cache();
    case "prefetch":
      return data.prefetch(size);
    default:
      return data.interleave(({ x, y }) => dataset([{ x, y }, { x, y: y + 0.5 }]).shuffle(2), { cycle: (size % 3) + 1, block: 1 + seed }); // biome-ignore format: long
  }
}

type Recipe = typeof recipe extends fc.Arbitrary<infer R> ? R : never;

function pipeline(source: keyof typeof sources, { count, operations, batch, behind }: Recipe): Dataset<unknown> {
  const data = operations.reduce(apply, sources[source](count));
  if (batch === null) return data;
  const order = behind.filter(([name]) => ["shuffle", "take", "skip", "cache", "prefetch"].includes(name));
  return order.reduce<Dataset<unknown>>((made, it) => apply(made as Dataset<Element>, it), data.batch(batch));
}

async function rest(data: Dataset<unknown>, epoch: number, from: number): Promise<unknown[]> {
  const all: unknown[] = [];
  for await (const element of data.iterate(epoch, from)) all.push(element);
  return all;
}

test("resumed at every place is unbroken, and every source gives the same", async () => {
  await fc.assert(
    fc.asyncProperty(recipe, async (given) => {
      const whole = await pipeline("table", given).toArray(given.epoch);
      for (const source of ["table", "list", "generator"] as const) {
        const data = pipeline(source, given);
        if (data.size !== null) expect(data.size).toBe(whole.length);
        for (let from = 0; from <= whole.length + 1; from++) {
          // A fresh one has no cache; the one that was used may have.
          const made = from % 2 === 0 ? pipeline(source, given) : data;
          expect(await rest(made, given.epoch, from)).toEqual(whole.slice(from));
        }
      }
    }),
    { numRuns: tried(200) },
  );
});

test("passes at the same time, of different epochs, are what they are one after the other", async () => {
  await fc.assert(
    fc.asyncProperty(recipe, async (given) => {
      const data = pipeline("table", given);
      const alone = [await rest(data, 0, 0), await rest(data, 1, 0)];
      const again = pipeline("table", given);
      expect(await Promise.all([rest(again, 0, 0), rest(again, 1, 0)])).toEqual(alone);
    }),
    { numRuns: tried(100) },
  );
});
