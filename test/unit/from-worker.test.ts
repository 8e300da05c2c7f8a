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
    broken: "the third batch is broken",
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
