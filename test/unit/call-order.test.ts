/**
 * Calls keep their order, awaited or not: the checks of test/call-order.ts on the targets of this machine.
 */
import { describe, test } from "vitest";
import { jsTarget, wasmTarget } from "../../src/eager-targets.ts";
import type { TargetSetup } from "../../src/target-setup.ts";
import { orderChecks } from "../call-order.ts";

const targets: readonly (readonly [name: string, target: TargetSetup])[] = [
  ["js", jsTarget],
  ["wasm, 1 thread", wasmTarget({ threads: 1 })],
  ["wasm, 2 threads", wasmTarget({ threads: 2 })],
];

describe.each(targets)("calls that are not awaited, on %s", (_, target) => {
  test.each(Object.entries(orderChecks))("%s", (__, check) => check(target));
});
