/** Reads worker-data.ts in a worker and in this thread, and prints what is the same. */
import { isDeepStrictEqual } from "node:util";
import { datasets, type Pixels } from "tensorloom/node";
import here from "./worker-data.ts";

interface Batch {
  readonly x: Pixels;
  readonly y: Float64Array;
  readonly name: string[];
}

const url = new URL("./worker-data-loader.mjs", import.meta.url);
const there = await datasets.fromWorker<Batch>(url, { prefetch: 3 });
const failed = await datasets.fromWorker(new URL("./none.mjs", import.meta.url)).catch((error: Error) => error.message);
const noDataset = await datasets
  .fromWorker(new URL("../../node_modules/fflate/esm/index.mjs", import.meta.url))
  .catch((error: Error) => error.message);

async function rest(epoch: number, from: number): Promise<unknown[]> {
  const all: unknown[] = [];
  for await (const batch of there.iterate(epoch, from)) all.push(batch);
  return all;
}

const [first, second] = await Promise.all([rest(0, 0), rest(1, 0)]);
for await (const batch of there) if (batch.y.length > 0) break; // left early
const wanted = await here.toArray();
console.log(
  JSON.stringify({
    facts: [there.size, there.batchSize, there.samples],
    same: [
      isDeepStrictEqual(first, wanted),
      isDeepStrictEqual(second, wanted),
      isDeepStrictEqual(await rest(0, 2), wanted.slice(2)),
    ],
    kind: (first[0] as Batch).x.constructor.name,
    broken: await rest(9, 0).catch((error: Error) => error.message),
    failed,
    noDataset,
  }),
);
