/**
 * Optimizers of Keras's fixtures in a program of ours: five steps on given gradients. Nothing here is a test: the GPU's cases run it too.
 */
import { readFileSync } from "node:fs";
import { type CompileOptions, type Constraint, compile, constraints, f32, type Optimizer, optimizers, param, program, type Schedule, schedules, type Tensor, values } from "../src/index.ts"; // biome-ignore format: names
import { errorOf, type Tell } from "./keras-error.ts";
import { numberOf } from "./keras-layer-program.ts";

type Entry = number | string;

export interface OptimizerCase {
  readonly name: string;
  readonly class: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly gradients?: readonly (readonly (readonly Entry[] | null)[])[];
  readonly exclude_from_weight_decay?: { readonly var_names: readonly string[] };
  readonly constraint_on_kernel?: { readonly class: string; readonly config: Readonly<Record<string, unknown>> };
  /** After each step, of each variable. */
  readonly values: readonly (readonly (readonly Entry[])[])[];
}

interface Fixture {
  readonly defaults: readonly { readonly class: string; readonly options: Readonly<Record<string, unknown>> }[];
  readonly variables: readonly {
    readonly name: string;
    readonly shape: readonly number[];
    readonly data: readonly number[];
  }[];
  readonly gradients: readonly (readonly (readonly number[])[])[];
  readonly cases: readonly OptimizerCase[];
}

export const readOptimizers = <T>(name: string): T =>
  JSON.parse(readFileSync(new URL(`./fixtures/keras/${name}.json`, import.meta.url), "utf8")) as T;
export const {
  variables: kerasVariables,
  gradients,
  cases: optimizerCases,
  defaults: kerasDefaults,
} = readOptimizers<Fixture>("optimizers");

/** Cases that are answered otherwise on purpose: docs/from-keras.md says how. */
export const optimizersOtherwise: Readonly<Record<string, string>> = {
  "sgd-accumulate-2-schedule": "a schedule counts updates, not batches",
  "adam-missing-gradient": "every weight has a gradient here: of a loss that does not depend on it 0, or an error",
  "zero-gradients-first-schedulefreeadamw": "Keras on TensorFlow differs from its own formula",
  "schedule-free-defaults": "Keras on TensorFlow differs from its own formula",
  "schedule-free": "Keras on TensorFlow differs from its own formula",
};

export const knownOptimizers: Readonly<Record<string, (options: never) => Optimizer>> = {
  SGD: optimizers.sgd, RMSprop: optimizers.rmsprop, Adam: optimizers.adam, AdamW: optimizers.adamw, Adadelta: optimizers.adadelta,
  Adagrad: optimizers.adagrad, Adamax: optimizers.adamax, Adafactor: optimizers.adafactor, Nadam: optimizers.nadam, Ftrl: optimizers.ftrl,
  Lion: optimizers.lion, Lamb: optimizers.lamb, Muon: optimizers.muon, ScheduleFreeAdamW: optimizers.scheduleFreeAdamw,
}; // biome-ignore format: names

const camel = (name: string): string => name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());
const lower = (name: string): string => name.charAt(0).toLowerCase() + name.slice(1);
const ours = (options: object, without: readonly string[] = ["name"]): object =>
  Object.fromEntries(
    Object.entries(options)
      .filter(([name, value]) => !without.includes(name) && value !== null)
      .map(([name, value]) => [camel(name), value]),
  );

export function scheduleOf({ class: kind, config }: { readonly class: string; readonly config: object }): Schedule {
  const make = new Map<string, unknown>(Object.entries(schedules)).get(lower(kind));
  return (make as (options: object) => Schedule)(ours(config));
}

export function optimizerOf(one: OptimizerCase): Optimizer {
  if (one.class === "LossScaleOptimizer") {
    return optimizers.lossScale(optimizers.adam({ learningRate: 0.1 }), { initialScale: 16, dynamicGrowthSteps: 2 });
  }
  const { learning_rate: rate, weight_decay: decay, rms_rate: rms, ...others } = one.options;
  const given = {
    ...ours(others),
    ...(rate === undefined ? {} : { learningRate: typeof rate === "object" ? scheduleOf(rate as never) : rate }),
    ...(decay === undefined ? {} : { weightDecay: decay ?? 0 }),
    ...(others.adam_weight_decay === null ? { adamWeightDecay: 0 } : {}),
    ...(rms === undefined ? {} : { rmsRate: rms ?? 0 }),
    ...(one.exclude_from_weight_decay ? { excludeFromWeightDecay: one.exclude_from_weight_decay.var_names } : {}),
  };
  const make = knownOptimizers[one.class];
  if (make === undefined) throw new Error(`no optimizer for ${one.class}`);
  return make(given as never);
}

function constraintsFor({ constraint_on_kernel: given }: OptimizerCase): ReadonlyMap<string, Constraint> | undefined {
  if (given === undefined) return undefined;
  const names: Readonly<Record<string, string>> = { NonNeg: "nonNeg", MaxNorm: "maxNorm", UnitNorm: "unitNorm" };
  const make = new Map<string, unknown>(Object.entries(constraints)).get(names[given.class] ?? "");
  return new Map([["dense.kernel", (make as (options: object) => Constraint)(ours(given.config))]]);
}

const paths = ["dense.kernel", "dense.bias", "embedding.embeddings"] as const;
const [kernel, bias, table] = kerasVariables.map(({ data, shape }) => param(values(data, ...shape)));
const model = { dense: { kernel, bias }, embedding: { embeddings: table } };

/** The weights of each case after each step: by case, step and variable. */
export async function trainedByKeras(
  cases: readonly OptimizerCase[],
  options: CompileOptions,
): Promise<readonly (readonly (readonly number[])[])[][]> {
  const list = cases.map((one) => [one, optimizerOf(one)] as const);
  const inputs = Object.fromEntries(
    list.flatMap((_, n) => kerasVariables.map(({ shape }, i) => [`c${n}g${i}`, f32(...shape)] as const)),
  );
  const state = Object.fromEntries(list.map(([, optimizer], n) => [`c${n}`, { model, opt: optimizer.slots(model) }]));
  const made = program({
    inputs,
    state,
    step: (fed: Readonly<Record<string, Tensor>>, now) => ({
      outputs: {},
      next: Object.fromEntries(
        list.map(([one, optimizer], n) => {
          const [a, b, c] = kerasVariables.map((_, i) => fed[`c${n}g${i}`]);
          const slopes = { dense: { kernel: a, bias: b }, embedding: { embeddings: c } };
          const limits = constraintsFor(one);
          const { model: weights, opt } = now[`c${n}`] as { readonly model: never; readonly opt: never };
          return [
            `c${n}`,
            optimizer.update({
              model: weights,
              slots: opt,
              gradients: slopes as never,
              ...(limits && { constraints: limits }),
            }),
          ];
        }),
      ) as never,
    }),
  });
  const executable = await compile(made, options);
  const found: (readonly (readonly number[])[])[][] = list.map(() => []);
  for (let step = 0; step < gradients.length; step++) {
    const feeds = list.flatMap(([one], n) =>
      kerasVariables.map(
        (_, i) => [`c${n}g${i}`, ((one.gradients ?? gradients)[step]?.[i] ?? []).map(numberOf)] as const,
      ),
    );
    await executable.run({ entry: "step", feeds: Object.fromEntries(feeds) as never });
    for (const n of list.keys()) {
      const read = paths.map(async (path) => [...(await executable.state.read(`c${n}.model.${path}`))]);
      found[n]?.push(await Promise.all(read));
    }
  }
  executable.dispose();
  return found;
}

/** What is wrong with a case's weights after each step, in words: Keras's are within 2e-6, of Muon 1e-5. */
export function wrongWeights(
  one: OptimizerCase,
  found: readonly (readonly (readonly number[])[])[],
  leeway = 1,
  tell: Tell = () => {},
): readonly string[] {
  // Keras rounds beta2 to f32 in 1 - beta2^t, but not where it is 1 - beta2: its steps are 6e-6 of their size too small
  const roundsBeta = one.class.startsWith("Adam") && one.class !== "Adamax" && one.options.beta_2 === undefined;
  const tolerance = leeway * (one.class === "Muon" ? 1e-5 : roundsBeta ? 5e-6 : 2e-6);
  return one.values.flatMap((variables, step) =>
    variables.flatMap((data, i) => {
      tell(errorOf(found[step]?.[i] ?? [], data, 1));
      return data.flatMap((entry, k) => {
        const wanted = Number(numberOf(entry));
        const ours = found[step]?.[i]?.[k] ?? Number.POSITIVE_INFINITY;
        if (Object.is(ours, wanted) || Math.abs(ours - wanted) <= tolerance * Math.max(1, Math.abs(wanted))) return [];
        return [`${one.name}, step ${step + 1}, ${paths[i]}[${k}]: ${ours}, Keras ${wanted}`];
      });
    }),
  );
}
