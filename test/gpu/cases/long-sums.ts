/**
 * Long sums on the GPU: the checks of test/long-sums.ts, shorter where a software GPU takes long.
 */
import { checkLongSum, longSums } from "../../long-sums.ts";
import { cardTarget } from "../against-js.ts";
import type { GpuCase } from "../case.ts";

export const cases: readonly GpuCase[] = Object.entries(longSums).map(([name, make]) => ({
  name,
  async run({ device }) {
    const n = name.startsWith("all") ? 41_667 * 240 : 4200 * 240;
    await checkLongSum(cardTarget(device), make(n, 9001));
  },
}));
