/**
 * Losses of Keras's fixtures as programs of ours, what they are fed and what must come out. Where Keras does what hurts its users,
 * `lossesOtherwise` says what we do, and why. Nothing here is a test: the GPU's cases run it too.
 */
import { readFileSync } from "node:fs";
import { bool, type DType, f32, grad, i32, type Loss, losses, mean, program, reshape, type Shape, sigmoid, softmax, sum, type Tensor } from "../src/index.ts"; // biome-ignore format: names
import { alignLabels } from "../src/nn/losses/loss.ts";
import { resolveLoss } from "../src/nn/losses/losses.ts";
import { errorOf, type Tell } from "./keras-error.ts";

interface Numbers {
  readonly shape: readonly number[];
  readonly data: readonly (number | string)[];
  readonly dtype?: string;
}

export interface LossCase {
  readonly name: string;
  readonly class: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly y_true: Numbers;
  readonly y_pred?: Numbers;
  readonly logits?: Numbers;
  readonly activation?: "softmax" | "sigmoid";
  readonly reshape_between?: boolean;
  readonly sample_weight?: Numbers;
  readonly mask?: Numbers;
  readonly value: Numbers;
  readonly grad: Numbers | null;
}

const text = readFileSync(new URL("./fixtures/keras/losses.json", import.meta.url), "utf8");
export const lossCases = (JSON.parse(text) as { cases: readonly LossCase[] }).cases;

/** What is another number here: the value and gradient that ours has, and the reason. */
export const lossesOtherwise: Readonly<Record<string, Otherwise>> = {
  "cce-logits-soft-labels": {
    why: "labels that do not sum to 1: Keras's gradient is softmax - labels, which is not that of its value; ours is",
    grad: softLabelGradient(),
  },
  "scce-not-normalized": {
    why: "probabilities above 1 are divided by their sum, as Keras does for one-hot labels; there the loss is ln 3 and nothing is learnt",
    value: [Math.LN2],
    grad: [0.125, -0.125, 0.125],
  },
  "hinge-labels-mixed": {
    why: "a label of 0 is -1; Keras looks first whether all labels of the batch are 0 or 1, so one sample changes what others cost",
    value: [(1.5 + 0.5 + 1.5) / 3],
    grad: [1 / 3, -1 / 3, 1 / 3],
  },
  "cosine-zero-prediction": {
    why: "a row of zeros has no direction: Keras's gradient of ten million would end any training",
    grad: [0, 0],
  },
  tversky: {
    why: "alpha weighs what is found and was not wanted, as in the paper and in Keras's own documentation; its code has alpha and beta exchanged",
    grad: [-0.4025, 0.0975, 0.0975, -0.4025],
  },
};

interface Otherwise {
  readonly why: string;
  readonly value?: readonly number[];
  readonly grad?: readonly number[];
}

/** Of the mean of sum(labels) logsumexp(z) - sum(labels z) over four rows. */
function softLabelGradient(): readonly number[] {
  const one = lossCases.find(({ name }) => name === "cce-logits-soft-labels");
  const [z, labels] = [one?.y_pred?.data.map(Number) ?? [], one?.y_true.data.map(Number) ?? []];
  return z.map((it, i) => {
    const row = [0, 1, 2].map((j) => j + 3 * Math.floor(i / 3));
    const all = row.reduce((sum, j) => sum + Math.exp(z[j] ?? 0), 0);
    return (row.reduce((sum, j) => sum + (labels[j] ?? 0), 0) * Math.exp(it)) / all / 4 - (labels[i] ?? 0) / 4;
  });
}

type Any = Tensor<Shape, DType>;

const camel = (name: string): string => name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
const names: Readonly<Record<string, string>> = { CTC: "ctc", KLDivergence: "klDivergence" };

function lossOf({ class: kind, options }: LossCase): Loss {
  const name = names[kind] ?? kind.charAt(0).toLowerCase() + kind.slice(1);
  const make = (losses as unknown as Readonly<Record<string, (options: object) => Loss>>)[name];
  if (make === undefined) throw new Error(`there is no losses.${name}`);
  const given = Object.entries(options).map(([key, value]) => {
    return [camel(key), key === "reduction" ? camel(String(value ?? "none")) : value];
  });
  return make(Object.fromEntries(given));
}

const isWhole = ({ dtype }: Numbers): boolean => dtype?.startsWith("int") === true;
const outputOf = ({ y_pred, logits }: LossCase): Numbers => (y_pred ?? logits) as Numbers;

/** Of a model that ends in an activation, as a trainer computes it; else by itself. */
function lossValue(one: LossCase, target: Any, output: Any, sampleWeight: Any | undefined, mask: Any | undefined): Any {
  const loss = lossOf(one);
  if (one.activation === undefined) return loss.value(output, target, { ...(sampleWeight && { sampleWeight }), ...(mask && { mask: mask as never }) }); // biome-ignore format: short
  const made = one.activation === "softmax" ? softmax(output) : sigmoid(output);
  if (one.reshape_between === true) return loss.value(reshape(made, output.shape), target);
  const { takesLogits, onLogits } = resolveLoss(loss, output.shape.slice(1).map(Number), one.activation, undefined);
  const labels = alignLabels("loss", output, target, loss.parts.labels);
  return mean(loss.parts.compute(takesLogits ? output : made, labels, onLogits !== null));
}

const numbersOf = ({ data }: Numbers): readonly number[] => data.map(Number);

/** Value and gradient of each case, "c0", "c1"... */
export function lossProgram(cases: readonly LossCase[]) {
  const inputs = Object.fromEntries(
    cases.flatMap((one, n) => [
      [`c${n}t`, isWhole(one.y_true) ? i32(...one.y_true.shape) : f32(...one.y_true.shape)] as const,
      [`c${n}p`, f32(...outputOf(one).shape)] as const,
      ...(one.sample_weight === undefined ? [] : [[`c${n}w`, f32(...one.sample_weight.shape)] as const]),
      ...(one.mask === undefined ? [] : [[`c${n}m`, bool(...one.mask.shape)] as const]),
    ]),
  );
  return program({
    inputs,
    step: (given) => ({
      outputs: Object.fromEntries(
        cases.map((one, n) => {
          const at = (name: string): Any => (given as Readonly<Record<string, Any>>)[`c${n}${name}`] as Any;
          const value = lossValue(one, at("t"), at("p"), one.sample_weight && at("w"), one.mask && at("m"));
          return [`c${n}`, { value, grad: grad(sum(value), at("p")) }];
        }),
      ),
    }),
  });
}

export function lossFeeds(cases: readonly LossCase[]): Readonly<Record<string, readonly number[]>> {
  const feeds = cases.flatMap((one, n) => [
    [`c${n}t`, numbersOf(one.y_true)] as const,
    [`c${n}p`, numbersOf(outputOf(one))] as const,
    ...(one.sample_weight === undefined ? [] : [[`c${n}w`, numbersOf(one.sample_weight)] as const]),
    ...(one.mask === undefined ? [] : [[`c${n}m`, one.mask.data.map((it) => (it ? 1 : 0))] as const]),
  ]);
  return Object.fromEntries(feeds);
}

/** What is wrong with a case's results, in words. */
export function wrongLosses(
  one: LossCase,
  found: Readonly<Record<"value" | "grad", number | ArrayLike<number>>> | undefined,
  tolerance = 1e-5,
  tell: Tell = () => {},
): readonly string[] {
  const ours = lossesOtherwise[one.name];
  const wrong = (part: "value" | "grad", wanted: readonly number[]): readonly string[] => {
    const got = found?.[part] ?? [];
    const values = typeof got === "number" ? [got] : Array.from(got);
    const largest = Math.max(...wanted.map(Math.abs).filter(Number.isFinite));
    tell(errorOf(values, wanted));
    const isNear = (value: number, i: number): boolean =>
      Object.is(value, wanted[i]) || Math.abs(value - (wanted[i] ?? Number.NaN)) <= tolerance * Math.max(largest, 1e-6);
    return values.length === wanted.length && values.every(isNear)
      ? []
      : [`${one.name}, ${part}: ${values} for ${wanted}`];
  };
  return [
    ...wrong("value", ours?.value ?? numbersOf(one.value)),
    ...(one.grad === null ? [] : wrong("grad", ours?.grad ?? numbersOf(one.grad))),
  ];
}
