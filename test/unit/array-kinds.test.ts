/** Every kind of array on `js` and `wasm`; test/gpu/cases/array-kinds.ts holds `wgsl` to the same table. */
import { expect, test } from "vitest";
import { jsTarget, wasmTarget } from "../../src/eager-targets.ts";
import { wronglyTreated, wronglyTreatedData } from "../array-kinds.ts";

test.each([
  ["js", jsTarget],
  ["wasm", wasmTarget({ threads: 1 })],
  ["wasm on two threads", wasmTarget({ threads: 2 })],
] as const)("%s takes or refuses each as feed and as state", async (_, target) => {
  expect(await wronglyTreated(target)).toEqual([]);
});

test.each(["js", "wasm"] as const)("%s takes or refuses each as a data set", async (target) => {
  expect(await wronglyTreatedData({ target })).toEqual([]);
});
