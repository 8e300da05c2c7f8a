/** The special values of docs/semantics.md on `js` and `wasm`; test/gpu/cases/semantics.ts holds `wgsl` to the same rows. */
import { expect, test } from "vitest";
import { jsTarget, wasmTarget } from "../../src/eager-targets.ts";
import type { Kernel } from "../../src/kernel/kernel.ts";
import { brokenRows } from "../semantics-rows.ts";

test.each([
  ["js", jsTarget],
  ["wasm", wasmTarget({ threads: 1 })],
] as const)("%s keeps every row", async (_, target) => {
  expect(await brokenRows(target)).toEqual([]);
});

test("rows that are not kept are named", async () => {
  const untouched = { ...jsTarget, legalize: (kernel: Kernel) => ({ ...kernel, nests: [] }) };
  expect(await brokenRows(untouched)).toContain("division: 0, 0, 0, 0, not 3, -3, 0, -2147483648");
});
