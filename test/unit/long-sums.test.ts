/**
 * Sums of ten million f32 terms, and contractions a million deep, are right: the checks of test/long-sums.ts on this machine's
 * targets. Threads change no bit.
 */
import { describe, expect, test } from "vitest";
import { jsTarget, wasmTarget } from "../../src/eager-targets.ts";
import { checkLongSum, longSums } from "../long-sums.ts";

const tenMillion = 41_667 * 240;
const [long, deep] = [4200 * 240, 9001];

describe.each(Object.entries(longSums))("%s", (name, make) => {
  const sums = make(name.startsWith("all") || name.startsWith("columns") ? tenMillion : long, deep);

  test("on js", async () => {
    await checkLongSum(jsTarget, sums);
  });

  test("on wasm, and on two threads in the same bits", async () => {
    const alone = await checkLongSum(wasmTarget({ threads: 1 }), sums);
    expect(await checkLongSum(wasmTarget({ threads: 2 }), sums)).toBe(alone);
  });
});
