/**
 * Common expressions across a nest's prelude and body. Within a block, see schedule-js.test.ts.
 */
import { expect, test } from "vitest";
import { cse } from "../../passes/kernel/cse.ts";
import { checkKernel } from "../../src/kernel/check.ts";
import { printKernel } from "../../src/kernel/print.ts";
import { apply, constant, letValue, load, name, store } from "../kernel-pool.ts";
import { at, buffer, kernelOf, loop, nestOf } from "./js-case.ts";

test("the body reads what is left of the prelude's equal values", () => {
  const i = loop("i", 4);
  const quotient = apply("div", constant("f32", 0), load("f32", "a", at(0)));
  const prelude = [letValue("first", quotient), letValue("second", quotient)];
  const body = [store("out", at([i, 1]), apply("add", name("f32", "first"), name("f32", "second")))];
  const kernel = kernelOf("k", [buffer("a", "f32", 1), buffer("out", "f32", 4, "write")], [nestOf([i], body, prelude)]);
  const after = cse(kernel);
  expect(checkKernel(after)).toBeNull();
  expect(printKernel(after)).toMatchInlineSnapshot(`
    "kernel k(read a: f32[1], write out: f32[4])
      prelude
        let first: f32 = 0f / a[0]
      parallel i < 4
        out[i] = first + first"
  `);
});
