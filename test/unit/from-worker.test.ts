/** A dataset read in a worker is the dataset: elements, places, errors; and the process ends when it is done. */
import { expect, test } from "vitest";
import { fromWorker } from "../../src/data/sources/from-worker.ts";
import { runScript } from "./run-script.ts";

test("elements, places in the middle, two passes at once, errors", async () => {
  const { code, stdout, stderr } = await runScript("test/unit/worker-child.ts", []);
  expect(stderr).toBe("");
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toEqual({
    facts: [7, 3, 20],
    same: [true, true, true],
    kind: "Pixels",
    broken: expect.stringMatching(/worker-data-loader\.mjs: element 2 of epoch 9 .*: the third batch is broken$/m),
    failed: expect.stringMatching(/none\.mjs: the worker could not read it: Cannot find module/),
    noDataset: expect.stringContaining("index.mjs: the worker could not read it: its default export is no dataset"),
  });
});

test("wrong calls", async () => {
  await expect(fromWorker("./data.ts" as never)).rejects.toThrow("fromWorker takes the URL of a module");
  await expect(fromWorker(new URL("file:///x"), { prefetch: 0 })).rejects.toThrow(
    "fromWorker: prefetch must be a whole number from 1",
  );
});

interface Row {
  readonly x: unknown;
}

const odd = (mode: string): URL => new URL(`./worker-odd.mjs?mode=${mode}`, import.meta.url);

test.each([
  ["throws", /worker-odd\.mjs\?mode=throws: element 2 of epoch 0 \(the first of both is 0\): the third$/m, 2],
  ["throwsNull", /element 2 of epoch 0 .*: null$/m, 2],
  ["throwsOdd", /element 2 of epoch 0 .*: \[object Object\]$/m, 2],
  ["notCloneable", /element 2 of epoch 0 .*could not be cloned/, 2],
  ["exits", /element 2 of epoch 0 .*: the worker ended with code 5$/m, 0],
  ["failsBeside", /element 2 of epoch 0 .*: the worker failed: null$/m, 0],
] as const)(
  "a worker whose dataset %s: an error with module and place, also for the next pass, and no hang",
  async (mode, wanted, at) => {
    const data = await fromWorker<Row>(odd(mode));
    const given: unknown[] = [];
    const pass = async () => {
      for await (const { x } of data) given.push(x);
    };
    await expect(pass()).rejects.toThrow(wanted);
    expect(given).toEqual([new Float32Array([0]), new Float32Array([1])]);
    await expect(pass()).rejects.toThrow(`element ${at} of epoch 0`); // a worker that is gone answers nothing
  },
);

test("a worker that ends while it is loaded; and one that fails before anybody waits for it", async () => {
  await expect(fromWorker(odd("exitsAtLoad"))).rejects.toThrow(/mode=exitsAtLoad: the worker ended with code 3$/);
  const failing = fromWorker(new URL("./none.mjs", import.meta.url));
  await (await fromWorker<Row>(odd("plain"))).toArray();
  await expect(failing).rejects.toThrow("could not read it"); // it has been for a while, and this process is still there
});

test("what a message can hold arrives as it was sent, and the worker keeps its own", async () => {
  const data = await fromWorker<Row>(odd("kinds"));
  const wanted = [new Map([[1, 2]]), new Date(5), new Uint8Array(9000).fill(7), [new Float32Array([1]), "a"]];
  expect((await data.toArray()).map(({ x }) => x)).toEqual(wanted);
  expect((await data.toArray()).map(({ x }) => x)).toEqual(wanted);
});

test("a pass that is left while an element is made ends, and the next begins anew", async () => {
  const data = await fromWorker<Row>(odd("plain"), { prefetch: 1 });
  const pass = data.open({ epoch: 0, reuse: 0 });
  const waiting = pass.advance();
  pass.close();
  expect(await waiting).toBe(false);
  for await (const _ of data) break;
  expect(await data.toArray()).toHaveLength(4);
});
