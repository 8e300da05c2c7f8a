/**
 * Small things with a config, there and back: schedules, constraints and starting values with options; and callbacks that remember
 * something. schemas.test.ts has the others. Whoever exports one that is in no table is told.
 */
import { expect, test } from "vitest";
import {
  callbacks,
  constraints,
  dense,
  initializers,
  layerFrom,
  optimizerFrom,
  schedules,
  sgd,
} from "../../src/index.ts";
import * as scheduleSchemas from "../../src/nn/schedules/all.ts";
import type { Fields } from "../../src/nn/schema.ts";
import { callbacks as withFiles } from "../../src/node.ts";

type Table<T> = Readonly<Record<string, T>>;
const copyOf = (config: unknown): unknown => JSON.parse(JSON.stringify(config));
const functionsIn = (namespace: object): readonly string[] => Object.keys(namespace).toSorted();
const call = (namespace: object, name: string, ...given: readonly unknown[]): unknown =>
  (namespace as Table<(...given: readonly unknown[]) => unknown>)[name]?.(...given);

const decay = { initialLearningRate: 0.2, decaySteps: 7, decayRate: 0.4, staircase: true };
const scheduleRows: Readonly<Record<Exclude<keyof typeof schedules, "of">, object>> = {
  constant: { learningRate: 0.3 },
  cosineDecay: { initialLearningRate: 0.2, decaySteps: 9, alpha: 0.1, warmupTarget: 0.4, warmupSteps: 3 },
  cosineDecayRestarts: { initialLearningRate: 0.2, firstDecaySteps: 9, tMul: 3, mMul: 0.5, alpha: 0.1 },
  exponentialDecay: decay,
  inverseTimeDecay: decay,
  oneCycle: {
    maxLearningRate: 0.3,
    totalSteps: 9,
    pctStart: 0.4,
    divFactor: 5,
    finalDivFactor: 7,
    annealStrategy: "linear",
  },
  piecewiseConstantDecay: { boundaries: [2, 4], values: [0.3, 0.2, 0.1] },
  polynomialDecay: { initialLearningRate: 0.2, decaySteps: 9, endLearningRate: 0.01, power: 2, cycle: true },
};

test.each(Object.entries(scheduleRows))("the schedule %s", (name, options) => {
  const fields = (scheduleSchemas as unknown as Table<{ readonly name: string; readonly options: Fields }>)[name];
  expect(fields?.name).toBe(name);
  expect(Object.keys(fields?.options ?? {}).toSorted()).toEqual(Object.keys(options).toSorted());
  const { config } = sgd({ learningRate: call(schedules, name, options) as never });
  expect(config).toMatchObject({ learningRate: { kind: name, ...options } });
  expect(optimizerFrom(copyOf(config)).config).toEqual(config);
});

test("every schedule is in the table", () => {
  expect(functionsIn(scheduleSchemas)).toEqual(functionsIn(scheduleRows));
});

const constraintRows: Readonly<Record<keyof typeof constraints, object>> = {
  maxNorm: { maxValue: 3, axis: 1 },
  minMaxNorm: { minValue: 0.5, maxValue: 2, rate: 0.5, axis: 1 },
  nonNeg: {},
  unitNorm: { axis: 1 },
};

test.each(Object.entries(constraintRows))("the constraint %s", (name, options) => {
  const { config } = dense(2, { kernelConstraint: call(constraints, name, options) as never });
  expect(config).toMatchObject({ kernelConstraint: options });
  expect(JSON.stringify(config)).toContain(`"${name}"`);
  expect(layerFrom(copyOf(config)).config).toEqual(config);
});

/** Starting values with options; those without are words, which schemas.test.ts has. */
const initializerRows: Table<readonly unknown[]> = {
  constant: [0.3],
  identity: [{ gain: 2 }],
  orthogonal: [{ gain: 2, seed: 3 }],
  randomNormal: [{ mean: 1, stddev: 2, seed: 3 }],
  randomUniform: [{ minval: -1, maxval: 2, seed: 3 }],
  truncatedNormal: [{ mean: 1, stddev: 2, seed: 3 }],
  varianceScaling: [{ scale: 2, mode: "fanOut", distribution: "uniform", seed: 3 }],
};
const words = [
  "glorotNormal",
  "glorotUniform",
  "heNormal",
  "heUniform",
  "lecunNormal",
  "lecunUniform",
  "ones",
  "zeros",
];

test.each(Object.entries(initializerRows))("the initializer %s with options", (name, given) => {
  const { config } = dense(3, { initializer: call(initializers, name, ...given) as never });
  expect(JSON.stringify(config)).toContain(`"${name}"`);
  const again = layerFrom(copyOf(config));
  expect(again.config).toEqual(config);
  for (const value of Object.values(Object(given[0])))
    expect(JSON.stringify(again.config)).toContain(JSON.stringify(value));
});

test("every initializer is in the table, or a word", () => {
  expect(functionsIn(initializers)).toEqual([...Object.keys(initializerRows), ...words].toSorted());
});

test("callbacks that remember something are those whose runs are broken off in keras-callbacks.test.ts", () => {
  const given: Table<readonly unknown[]> = {
    csvLogger: ["x.csv"],
    htmlReport: ["x.html"],
    jsonLogger: ["x.jsonl"],
    lambdaCallback: [{ onEpochEnd() {} }],
    learningRateScheduler: [() => 0.1],
    modelCheckpoint: ["x.safetensors"],
    profiler: ["x.json"],
    tensorBoard: [{ logDir: "x" }],
  };
  const all: object = { ...callbacks, ...withFiles };
  const remembering = functionsIn(all).filter((name) => Object.hasOwn(Object(call(all, name, ...(given[name] ?? []))), "saveState")); // biome-ignore format: short
  expect(remembering).toEqual(["earlyStopping", "modelCheckpoint", "reduceLROnPlateau"]);
});
