/**
 * Metrics against Keras's (test/fixtures/README.md): the result after each of several updates, with weights, ties and edge values, and
 * after the slots are as they were; within 1e-5 of the largest number, or what `metricsOtherwise` says, and why.
 */
import { beforeAll, describe, expect, test } from "vitest";
import { metricFrom } from "../../src/index.ts";
import { metricCases, metricOf, metricResults, wrongMetrics } from "../keras-metric-program.ts";
import { note } from "../keras-record.ts";

describe.each(["js", "wasm"] as const)("on %s", (target) => {
  let found: Awaited<ReturnType<typeof metricResults>>;
  beforeAll(async () => {
    found = await metricResults(metricCases, { target });
  }, 60_000);

  test.each(metricCases.map((one, n) => [one.name, one, n] as const))("%s", (_, one, n) => {
    const tell = (error: number): void => note("metrics", one.name, target, error);
    const of = found.map((results) => results[`c${n}`]);
    expect(wrongMetrics(one, of, 1e-5, tell)).toEqual([]);
  });
});

test.each(metricCases.map((one) => [one.name, one] as const))("%s is read from its config", (_, one) => {
  const { config } = metricOf(one);
  if (config.kind !== "code") expect(metricFrom(JSON.parse(JSON.stringify(config))).config).toEqual(config);
});
