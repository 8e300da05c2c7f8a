/** Neighbours that are one access of memory: a GPU computes what each element by itself would be, bit for bit. */
import { deepStrictEqual } from "node:assert/strict";
import { evaluateKernel } from "../../../src/kernel/evaluate.ts";
import { feedsFor } from "../../unit/wgsl-samples.ts";
import { wideSamples } from "../../unit/wgsl-wide-samples.ts";
import type { GpuCase } from "../case.ts";
import { launch } from "../run-kernel.ts";

export const cases: readonly GpuCase[] = wideSamples.map(({ title, kernel, plain }) => ({
  name: title,
  async run({ device }) {
    const expected = feedsFor(plain);
    evaluateKernel(plain, expected);
    const { buffers, source } = await launch(device, kernel, feedsFor(plain));
    for (const { name } of plain.buffers)
      deepStrictEqual(buffers.get(name), expected.get(name)?.data, `${name}\n${source}`);
  },
}));
