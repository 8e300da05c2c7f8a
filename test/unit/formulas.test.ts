/**
 * What losses, metrics, optimizers and regularizers compute, against their formulas written anew in float64 (nn-rows.ts). A new one
 * without a formula is an error of tsc, a wrong formula fails here.
 */
import { describe, expect, test } from "vitest";
import * as tensorloom from "../../src/index.ts";
import {
  dense,
  f64,
  type GivenLoss,
  type Loss,
  type LossName,
  losses,
  type MetricName,
  type Optimizer,
  param,
  program,
  sgd,
  trainer,
  values,
} from "../../src/index.ts";
import {
  lossRows,
  type MeasureRow,
  metricRows,
  type OptimizerRow,
  optimizerRows,
  regularizerRows,
} from "../nn-rows.ts";
import { ProgramOracle } from "../program-oracle.ts";

const samples = 7;

/** Logits of sample i: far from ties, on both sides of 0. */
const logitsOf = (i: number, width: number): readonly number[] =>
  Array.from({ length: width }, (_, j) => Math.fround(3 * Math.cos(2 * i + 7 * j + 0.5)));

/** A model whose logits are its inputs. */
function measured({ ending, width, target }: MeasureRow, loss: GivenLoss, metrics: readonly MetricName[]) {
  const identity = Array.from({ length: width ** 2 }, (_, at) => (at % (width + 1) === 0 ? 1 : 0));
  const same = dense(width, { activation: ending, useBias: false, initializer: () => values(identity, width, width) });
  const options = { input: [width], loss, metrics, optimizer: sgd(), ...(target === undefined ? {} : { target }) };
  return trainer(same, options);
}

async function scoresOf(row: MeasureRow, loss: GivenLoss, metrics: readonly MetricName[]) {
  const net = measured(row, loss, metrics);
  await net.compile({ target: "js", batch: 4 });
  const indexes = [...Array(samples).keys()];
  const x = Float32Array.from(indexes.flatMap((i) => logitsOf(i, row.width)));
  const y = indexes.flatMap((i) => row.labels(i));
  const found = await net.evaluate({ x, y });
  net.dispose();
  const wanted = indexes.map((i) => row.value(logitsOf(i, row.width), row.labels(i)));
  return { found, wanted: wanted.reduce((a, b) => a + b, 0) / samples };
}

const named = <R>(rows: Readonly<Record<string, readonly R[]>>): [string, R][] =>
  Object.entries(rows).flatMap(([name, list]) => list.map((row): [string, R] => [name, row]));

const lossMakers = losses as unknown as Readonly<Record<string, (options: object) => Loss>>;
const lossOf = (name: string, options: object): GivenLoss => lossMakers[name]?.(options) ?? (name as LossName);

test.each(named<MeasureRow>(lossRows))("the loss %s", async (name, row) => {
  const { found, wanted } = await scoresOf(
    row,
    row.options === undefined ? (name as LossName) : lossOf(name, row.options),
    [],
  );
  expect(Math.abs(wanted)).toBeGreaterThan(0.05);
  expect(found.loss / wanted).toBeCloseTo(1, 5);
});

test.each(named<MeasureRow & { readonly loss: LossName }>(metricRows))("the metric %s", async (name, row) => {
  const { found, wanted } = await scoresOf(row, row.loss, [name as MetricName]);
  expect(wanted).toBeGreaterThan(0.1);
  expect((found as unknown as Readonly<Record<string, number>>)[name]).toBeCloseTo(wanted, 5);
});

const makers: Readonly<Record<keyof typeof optimizerRows, (options: object) => Optimizer>> = tensorloom as never;

describe("optimizers", () => {
  const start = [0.3, -1.2, 0];
  const gradients = Array.from({ length: 6 }, (_, t) => start.map((_, i) => Math.sin(4 * t + i) + (t === 2 ? 1 : 0.2)));

  test.each(
    named(
      Object.fromEntries(
        Object.entries<OptimizerRow>(optimizerRows)
          .filter(([, row]) => row.update !== undefined)
          .map(([name, row]) => [name, row.options]),
      ),
    ),
  )("%s with %j", (name, options) => {
    const opt = makers[name as keyof typeof makers](options);
    const model = { w: param(values(start, 3), { dtype: "f64" }) };
    const step = program({
      inputs: { g: f64(3) },
      state: { model, opt: opt.slots(model) },
      step: ({ g }, { model, opt: slots }) => ({
        outputs: {},
        next: opt.update({ model, slots: slots as never, gradients: { w: g } }),
      }),
    });
    const oracle = new ProgramOracle(step, { unrounded: true });
    const update = (optimizerRows as Readonly<Record<string, OptimizerRow>>)[name]?.update?.(options as never);
    const kept = start.map(() => ({}));
    let wanted: readonly number[] = start;
    for (const [t, g] of gradients.entries()) {
      oracle.run("step", { g });
      wanted = wanted.map((w, i) => update?.(w, g[i] ?? 0, t + 1, kept[i] ?? {}) ?? Number.NaN);
      for (const [i, w] of oracle.state("model.w").entries()) expect(w).toBeCloseTo(wanted[i] ?? Number.NaN, 12);
    }
  });
});

test.each(Object.entries(regularizerRows))("the regularizer %s", async (_, { made, penalty }) => {
  const weights = [0.5, -2, 0, 1.25];
  const layer = dense(2, { kernelRegularizer: made, useBias: false, initializer: () => values(weights, 2, 2) });
  const net = trainer(layer, { input: [2], loss: "meanSquaredError", optimizer: sgd() });
  await net.compile({ target: "js", batch: 1 });
  expect((await net.evaluate({ x: [0, 0], y: [0, 0] })).loss).toBeCloseTo(penalty(weights), 6);
  net.dispose();
});
