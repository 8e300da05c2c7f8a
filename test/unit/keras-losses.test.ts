/**
 * Losses against Keras's (test/fixtures/README.md): every option, reduction, weight, mask and extreme, value and gradient, within 1e-5
 * of the largest; or what `lossesOtherwise` says, and why.
 */
import { beforeAll, describe, expect, test } from "vitest";
import { compile } from "../../src/index.ts";
import { lossCases, lossesOtherwise, lossFeeds, lossProgram, wrongLosses } from "../keras-loss-program.ts";
import { note } from "../keras-record.ts";

describe.each(["js", "wasm"] as const)("on %s", (target) => {
  let found: Readonly<Record<string, Parameters<typeof wrongLosses>[1]>>;
  beforeAll(async () => {
    const executable = await compile(lossProgram(lossCases), { target, onWarning: () => {} });
    found = (await executable.run({ entry: "step", feeds: lossFeeds(lossCases) as never })) as never;
    executable.dispose();
  }, 60_000);

  test.each(lossCases.map((one, n) => [one.name, one, n] as const))("%s", (_, one, n) => {
    const tell = (error: number): void => note("losses", one.name, target, error);
    expect(wrongLosses(one, found[`c${n}`], 1e-5, tell)).toEqual([]);
  });
});

test("what is otherwise is a case", () => {
  expect(Object.keys(lossesOtherwise).filter((name) => !lossCases.some((one) => one.name === name))).toEqual([]);
});
