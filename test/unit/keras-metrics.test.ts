/**
 * Metrics against Keras's (test/fixtures/README.md): the result after each of several updates, with weights, ties and edge values, and
 * after the slots are as they were; within 1e-5 of the largest number. `otherwise` says where ours is another one, and why.
 */
import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { compile, type DType, f32, i32, type Metric, metricFrom, metrics, program, type Shape, type Tensor } from "../../src/index.ts"; // biome-ignore format: names

interface Numbers {
  readonly shape: readonly number[];
  readonly data: readonly (number | string)[];
  readonly dtype?: string;
}

interface Update {
  readonly y_true?: Numbers;
  readonly y_pred?: Numbers;
  readonly values?: Numbers;
  readonly sample_weight?: Numbers;
  readonly result: Numbers;
}

interface MetricCase {
  readonly name: string;
  readonly class: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly updates: readonly Update[];
  readonly after_reset: Numbers;
}

const text = readFileSync(new URL("../fixtures/keras/metrics.json", import.meta.url), "utf8");
const { cases } = JSON.parse(text) as { cases: readonly MetricCase[] };

type Any = Tensor<Shape, DType>;

/** What is another number here: the results that ours has, and the reason. */
const otherwise: Readonly<Record<string, { readonly why: string; readonly results: readonly (readonly number[])[] }>> =
  {
    "mean-iou-fraction-weights-cut-to-integers": {
      why: "weights count as they are; Keras cuts them to whole numbers unless it is told dtype=float32",
      results: [[(1.9 / 3.8 + 1.5 / 3.4) / 2]],
    },
    "binary-accuracy-soft-labels": {
      why: "a label of 0.7 lies on the side of yes; Keras has no output ever equal it",
      results: [[1]],
    },
    "sparse-categorical-crossentropy": {
      why: "probabilities are divided by their sum, as the loss does (keras-losses.test.ts)",
      results: [[-Math.log(0.95 * 0.1) / 2], [(-Math.log(0.95 * 0.1) + 3 * Math.LN2) / 5]],
    },
  };

const ours: Readonly<Record<string, string>> = {
  AUC: "auc",
  Accuracy: "matches",
  IoU: "iou",
  KLDivergence: "klDivergence",
  Mean: "mean",
  Sum: "total",
};
const words: Readonly<Record<string, string>> = { class_id: "classId", top_k: "topK" };
const camel = (name: string): string =>
  words[name] ?? name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
const spelled = new Set(["average", "class_aggregation"]);

function metricOf({ class: kind, options }: MetricCase): Metric {
  const name = ours[kind] ?? kind.charAt(0).toLowerCase() + kind.slice(1);
  const make = (metrics as unknown as Readonly<Record<string, (...given: readonly unknown[]) => Metric>>)[name];
  if (make === undefined) throw new Error(`there is no metrics.${name}`);
  if (name === "mean" || name === "total") return make(name, (output: Any) => output);
  const given = Object.entries(options)
    .filter(([key]) => key !== "dtype") // ours is f32 always
    .map(([key, value]) => [camel(key), spelled.has(key) ? camel(String(value ?? "none")) : (value ?? undefined)]);
  return make(Object.fromEntries(given));
}

const made = cases.map((one) => metricOf(one));

/** Class numbers and others as they are; what a metric compares with the output has its type there. */
const isWhole = ({ dtype }: Numbers): boolean => dtype?.startsWith("int") === true;
const spec = (numbers: Numbers) => (isWhole(numbers) ? i32(...numbers.shape) : f32(...numbers.shape));

/** The parts of an update that are fed, by the names of inputs. */
function fed(n: number, u: number): readonly (readonly [string, Numbers])[] {
  const { y_true, y_pred, values, sample_weight } = cases[n]?.updates[u] ?? {};
  const parts = { t: y_true ?? values, p: y_pred ?? values, w: sample_weight };
  return Object.entries(parts).flatMap(([part, numbers]) =>
    numbers === undefined ? [] : [[`c${n}u${u}${part}`, numbers]],
  );
}

const longest = Math.max(...cases.map(({ updates }) => updates.length));
const all = [...cases.keys()];
const inputs = Object.fromEntries(
  all.flatMap((n) =>
    [...Array(longest).keys()].flatMap((u) => fed(n, u).map(([name, numbers]) => [name, spec(numbers)])),
  ),
);

type States = Readonly<Record<string, Readonly<Record<string, Any>>>>;

const measured = program({
  inputs,
  state: Object.fromEntries(
    all.map((n) => [`c${n}`, made[n]?.state({ output: cases[n]?.updates[0]?.y_pred?.shape.slice(1) ?? [] }) ?? {}]),
  ),
  entries: {
    ...Object.fromEntries(
      [...Array(longest).keys()].map((u) => [
        `update${u}`,
        (given: unknown, states: unknown) => {
          const at = (name: string): Any => (given as Readonly<Record<string, Any>>)[name] as Any;
          const next = all.flatMap((n) => {
            const names = new Set(fed(n, u).map(([name]) => name));
            if (names.size === 0) return [];
            const weight = names.has(`c${n}u${u}w`) ? { weight: at(`c${n}u${u}w`) } : {};
            const seen = { output: at(`c${n}u${u}p`), target: at(`c${n}u${u}t`), ...weight };
            return [[`c${n}`, made[n]?.update((states as States)[`c${n}`] ?? {}, seen)]];
          });
          return { outputs: {}, next: Object.fromEntries(next) };
        },
      ]),
    ),
    results: (_: unknown, states: unknown) => ({
      outputs: Object.fromEntries(all.map((n) => [`c${n}`, made[n]?.result((states as States)[`c${n}`] ?? {})])),
    }),
  } as never,
});

const numbersOf = ({ data }: Numbers): readonly number[] => data.map(Number);

describe.each(["js", "wasm"] as const)("on %s", (target) => {
  const found: Readonly<Record<string, number | Float32Array>>[] = [];
  beforeAll(async () => {
    const executable = (await compile(measured as never, { target, onWarning: () => {} })) as never as {
      run(request: object): Promise<Readonly<Record<string, number | Float32Array>>>;
      state: { snapshot(): Promise<never>; restore(state: never): void };
      dispose(): void;
    };
    const start = await executable.state.snapshot();
    for (let u = 0; u < longest; u++) {
      const feeds = Object.fromEntries(
        all.flatMap((n) => fed(n, u).map(([name, numbers]) => [name, numbersOf(numbers)])),
      );
      await executable.run({ entry: `update${u}`, feeds });
      found.push(await executable.run({ entry: "results" }));
    }
    executable.state.restore(start);
    found.push(await executable.run({ entry: "results" }));
    executable.dispose();
  }, 60_000);

  test.each(cases.map((one, n) => [one.name, one, n] as const))("%s", (name, { updates, after_reset }, n) => {
    const close = (when: string, got: number | Float32Array | undefined, wanted: readonly number[]): void => {
      const values = typeof got === "number" ? [got] : Array.from(got ?? []);
      const largest = Math.max(...wanted.map(Math.abs).filter(Number.isFinite), 1e-6);
      expect(values.length, when).toBe(wanted.length);
      for (const [i, value] of values.entries()) {
        const far = Object.is(value, wanted[i]) ? 0 : Math.abs(value - (wanted[i] ?? 0)); // NaN is NaN
        expect(far, `${when}: ${values} for ${wanted}`).toBeLessThanOrEqual(1e-5 * largest);
      }
    };
    for (const [u, { result }] of updates.entries()) {
      close(`after update ${u + 1}`, found[u]?.[`c${n}`], otherwise[name]?.results[u] ?? numbersOf(result));
    }
    close("after the reset", found.at(-1)?.[`c${n}`], numbersOf(after_reset));
  });
});

test.each(cases.map((one, n) => [one.name, n] as const))("%s is read from its config", (_, n) => {
  const { config } = made[n] as Metric;
  if (config.kind !== "code") expect(metricFrom(JSON.parse(JSON.stringify(config))).config).toEqual(config);
});
