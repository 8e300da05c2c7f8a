/**
 * Metrics of Keras's fixtures as a program of ours: an entry for each update, and one for the results. `metricsOtherwise` says where
 * ours is another number, and why. Nothing here is a test: the GPU's cases run it too.
 */
import { readFileSync } from "node:fs";
import { type CompileOptions, compile, type DType, f32, i32, type Metric, metrics, program, type Shape, type Tensor } from "../src/index.ts"; // biome-ignore format: names
import { errorOf, type Tell } from "./keras-error.ts";

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

export interface MetricCase {
  readonly name: string;
  readonly class: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly updates: readonly Update[];
  readonly after_reset: Numbers;
}

const text = readFileSync(new URL("./fixtures/keras/metrics.json", import.meta.url), "utf8");
export const metricCases = (JSON.parse(text) as { cases: readonly MetricCase[] }).cases;

type Any = Tensor<Shape, DType>;

/** What is another number here: the results that ours has, and the reason. */
export const metricsOtherwise: Readonly<
  Record<string, { readonly why: string; readonly results: readonly (readonly number[])[] }>
> = {
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

export function metricOf({ class: kind, options }: MetricCase): Metric {
  const name = ours[kind] ?? kind.charAt(0).toLowerCase() + kind.slice(1);
  const make = (metrics as unknown as Readonly<Record<string, (...given: readonly unknown[]) => Metric>>)[name];
  if (make === undefined) throw new Error(`there is no metrics.${name}`);
  if (name === "mean" || name === "total") return make(name, (output: Any) => output);
  const given = Object.entries(options)
    .filter(([key]) => key !== "dtype") // ours is f32 always
    .map(([key, value]) => [camel(key), spelled.has(key) ? camel(String(value ?? "none")) : (value ?? undefined)]);
  return make(Object.fromEntries(given));
}

/** Class numbers and others as they are; what a metric compares with the output has its type there. */
const isWhole = ({ dtype }: Numbers): boolean => dtype?.startsWith("int") === true;
const spec = (numbers: Numbers) => (isWhole(numbers) ? i32(...numbers.shape) : f32(...numbers.shape));
const numbersOf = ({ data }: Numbers): readonly number[] => data.map(Number);

/** The parts of update `u` of case `n` that are fed, by the names of inputs. */
function fed(cases: readonly MetricCase[], n: number, u: number): readonly (readonly [string, Numbers])[] {
  const { y_true, y_pred, values, sample_weight } = cases[n]?.updates[u] ?? {};
  const parts = { t: y_true ?? values, p: y_pred ?? values, w: sample_weight };
  return Object.entries(parts).flatMap(([part, numbers]) =>
    numbers === undefined ? [] : [[`c${n}u${u}${part}`, numbers]],
  );
}

const range = (count: number): readonly number[] => Array.from({ length: count }, (_, i) => i);
const longestOf = (cases: readonly MetricCase[]): number => Math.max(...cases.map(({ updates }) => updates.length));

type States = Readonly<Record<string, Readonly<Record<string, Any>>>>;

function metricProgram(cases: readonly MetricCase[]) {
  const made = cases.map((one) => metricOf(one));
  const all = [...cases.keys()];
  const updates = range(longestOf(cases));
  const inputs = all.flatMap((n) => updates.flatMap((u) => fed(cases, n, u).map(([name, it]) => [name, spec(it)])));
  const update = (u: number) => (given: unknown, states: unknown) => {
    const at = (name: string): Any => (given as Readonly<Record<string, Any>>)[name] as Any;
    const next = all.flatMap((n) => {
      const names = new Set(fed(cases, n, u).map(([name]) => name));
      if (names.size === 0) return [];
      const weight = names.has(`c${n}u${u}w`) ? { weight: at(`c${n}u${u}w`) } : {};
      const seen = { output: at(`c${n}u${u}p`), target: at(`c${n}u${u}t`), ...weight };
      return [[`c${n}`, made[n]?.update((states as States)[`c${n}`] ?? {}, seen)]];
    });
    return { outputs: {}, next: Object.fromEntries(next) };
  };
  return program({
    inputs: Object.fromEntries(inputs),
    state: Object.fromEntries(
      all.map((n) => [`c${n}`, made[n]?.state({ output: cases[n]?.updates[0]?.y_pred?.shape.slice(1) ?? [] }) ?? {}]),
    ),
    entries: {
      ...Object.fromEntries(updates.map((u) => [`update${u}`, update(u)])),
      results: (_: unknown, states: unknown) => ({
        outputs: Object.fromEntries(all.map((n) => [`c${n}`, made[n]?.result((states as States)[`c${n}`] ?? {})])),
      }),
    } as never,
  });
}

type Results = Readonly<Record<string, number | Float32Array>>;

/** Of each case "c0", "c1"... the results after each update, and last those after the slots are as they were. */
export async function metricResults(
  cases: readonly MetricCase[],
  options: CompileOptions,
): Promise<readonly Results[]> {
  const found: Results[] = [];
  const made = await compile(metricProgram(cases) as never, { ...options, onWarning: () => {} });
  const executable = made as never as {
    run(request: object): Promise<Results>;
    state: { snapshot(): Promise<never>; restore(state: never): void };
    dispose(): void;
  };
  const start = await executable.state.snapshot();
  for (const u of range(longestOf(cases))) {
    const feeds = cases.flatMap((_, n) => fed(cases, n, u).map(([name, numbers]) => [name, numbersOf(numbers)]));
    await executable.run({ entry: `update${u}`, feeds: Object.fromEntries(feeds) });
    found.push(await executable.run({ entry: "results" }));
  }
  executable.state.restore(start);
  found.push(await executable.run({ entry: "results" }));
  executable.dispose();
  return found;
}

/** What is wrong with the results of case `n`, in words. */
export function wrongMetrics(
  { name, updates, after_reset }: MetricCase,
  found: readonly (number | Float32Array | undefined)[],
  tolerance = 1e-5,
  tell: Tell = () => {},
): readonly string[] {
  const wrong = (
    when: string,
    got: number | Float32Array | undefined,
    wanted: readonly number[],
  ): readonly string[] => {
    const values = typeof got === "number" ? [got] : Array.from(got ?? []);
    const largest = Math.max(...wanted.map(Math.abs).filter(Number.isFinite), 1e-6);
    tell(errorOf(values, wanted));
    const isNear = (value: number, i: number): boolean =>
      Object.is(value, wanted[i]) || Math.abs(value - (wanted[i] ?? Number.NaN)) <= tolerance * largest;
    return values.length === wanted.length && values.every(isNear) ? [] : [`${name}, ${when}: ${values} for ${wanted}`];
  };
  return [
    ...updates.flatMap(({ result }, u) =>
      wrong(`after update ${u + 1}`, found[u], metricsOtherwise[name]?.results[u] ?? numbersOf(result)),
    ),
    ...wrong("after the reset", found.at(-1), numbersOf(after_reset)),
  ];
}
