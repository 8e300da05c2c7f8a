/** A dense layer along any axes, by an equation: "abc,cd->abd" is `dense`. */
import { ShapeError, UserError } from "../../core/errors.ts";
import { count, either, type Kind, text } from "../../core/options.ts";
import { atLine, here, type Origin } from "../../core/origin.ts";
import { add, einsum } from "../../dsl/ops.ts";
import type { StateSpec } from "../../dsl/spec.ts";
import { printShape, type Shape } from "../../graph/shape.ts";
import { type OptionsOf, option, required } from "../schema.ts";
import { activate, activationKind } from "./activations.ts";
import type { Layer, SampleShape } from "./layer.ts";
import { built, checkLayer, type LayerOptions, layerSchema } from "./schema.ts";
import { activityOption, biasOptions, kernelAndBias, kernelOptions, trainableOption } from "./weights.ts";

/** The sizes of the output behind the batch; null where the input says them. A number stands for the last alone. */
export type EinsumOutput = number | readonly (number | null)[];

const sizesKind: Kind<readonly (number | null)[]> = {
  wanted: "the sizes of the output behind the batch, with null for those that the input says: [null, 64]",
  accepts: (value): value is readonly (number | null)[] =>
    Array.isArray(value) && value.length > 0 && value.every((size) => size === null || count.accepts(size)),
};

const { useBias: _, ...biases } = biasOptions;

const options = {
  /** "linear" by default: none. */
  activation: option(activationKind, "linear"),
  /** The output's axes that the bias has, as letters: "de". None by default: no bias. */
  biasAxes: option(text),
  ...kernelOptions,
  ...biases,
  ...trainableOption,
  ...activityOption,
};

/** Options of an einsum dense layer. */
export interface EinsumDenseOptions extends LayerOptions, OptionsOf<typeof options> {}

export const einsumDenseSchema = layerSchema({
  name: "einsumDense",
  given: { equation: required(text), outputShape: required(either(count, sizesKind)) },
  options,
  example: '"abc,cd->abd", [null, 64]',
  make: ({ equation, outputShape }, named) => einsumDense(equation, outputShape, named),
});

type Params = { readonly kernel: StateSpec<Shape, "f32">; readonly bias?: StateSpec<Shape, "f32"> };

/**
 * activation(einsum(equation, x, kernel) + bias). In the equation the batch stands first; "..." stands for any axes. Sizes that
 * the input does not say are those of `outputShape`.
 */
export function einsumDense(equation: string, outputShape: EinsumOutput, named: EinsumDenseOptions = {}): Layer {
  const origin = here("einsumDense");
  const values = checkLayer(einsumDenseSchema, { equation, outputShape }, named, arguments);
  const { activation, biasAxes } = values;
  const terms = termsOf(equation, origin);
  const useBias = biasAxes !== undefined;
  const weights = kernelAndBias("einsumDense", { ...values, useBias }, origin);
  const wanted = typeof outputShape === "number" ? [outputShape] : [...outputShape];
  const strange = [...(biasAxes ?? "")].find((letter) => !terms.output.includes(letter));
  if (strange !== undefined) {
    throw new UserError(
      `einsumDense: biasAxes has "${strange}", which the output of ${equation} has not${atLine(origin)}`,
    );
  }
  const sizes = (sample: SampleShape) => sizesOf(equation, terms, sample, wanted, origin);
  return built(einsumDenseSchema, values, {
    rule: "any",
    activation,
    ...weights.rules,
    outputShape(sample) {
      const { sizeOf, between } = sizes(sample);
      const { front, back } = parted(terms.output);
      const inFront = front.startsWith(terms.batch) ? front.slice(1) : front;
      return [...[...inFront].map(sizeOf), ...(back === null ? [] : [...between, ...[...back].map(sizeOf)])];
    },
    params(sample): Params {
      const { sizeOf } = sizes(sample);
      const product = (letters: readonly string[]): number => letters.reduce((all, letter) => all * sizeOf(letter), 1);
      const letters = [...terms.kernel];
      const fans = {
        fanIn: product(letters.filter((letter) => terms.input.includes(letter) && !terms.output.includes(letter))),
        fanOut: product(letters.filter((letter) => !terms.input.includes(letter))),
      };
      const kernel = weights.state("kernel", letters.map(sizeOf), fans);
      if (!useBias) return { kernel };
      const output = terms.output.replace("...", "");
      const from = Math.min(...[...biasAxes].map((letter) => output.indexOf(letter)));
      const shape = [...output.slice(from)].map((letter) => (biasAxes.includes(letter) ? sizeOf(letter) : 1));
      return { kernel, bias: weights.state("bias", shape) };
    },
    apply({ kernel, bias }, x, { logits }) {
      const product = einsum(equation, x, kernel);
      return activate(logits ? "linear" : activation, bias === undefined ? product : add(product, bias));
    },
  });
}

interface Terms {
  readonly input: string;
  readonly kernel: string;
  readonly output: string;
  /** The batch's letter, or nothing where it is in "...". */
  readonly batch: string;
}

function termsOf(equation: string, origin: Origin): Terms {
  const found = /^((?:[A-Za-z]|\.\.\.)+),([A-Za-z]+)->((?:[A-Za-z]|\.\.\.)+)$/.exec(equation.replaceAll(" ", ""));
  const [, input = "", kernel = "", output = ""] = found ?? [];
  const batch = input.startsWith("...") ? "" : input.slice(0, 1);
  if (found !== null && output.startsWith(batch === "" ? "..." : batch) && !(batch !== "" && kernel.includes(batch))) {
    return { input, kernel, output, batch };
  }
  throw new UserError(
    `einsumDense: the equation must have the input, the kernel and the output, the batch in front: "abc,cd->abd", not ${JSON.stringify(equation)}${atLine(origin)}`,
  );
}

/** A term before and behind "...", which null says is not there. */
function parted(term: string): { readonly front: string; readonly back: string | null } {
  const [front = "", back = null] = term.split("...");
  return { front, back };
}

/** The size of each letter, and those of the axes that "..." stands for, without the batch. */
function sizesOf(
  equation: string,
  { input, output, batch }: Terms,
  sample: SampleShape,
  wanted: readonly (number | null)[],
  origin: Origin,
): { sizeOf(letter: string): number; readonly between: readonly number[] } {
  const known = new Map<string, number>();
  const assign = (term: string, sizes: readonly (number | null)[]): readonly (number | null)[] => {
    const { front, back } = parted(term);
    const inFront = front.startsWith(batch) && batch !== "" ? front.slice(1) : front;
    const behind = back ?? "";
    [...inFront].forEach((letter, i) => {
      set(letter, sizes[i]);
    });
    [...behind].forEach((letter, i) => {
      set(letter, sizes[sizes.length - behind.length + i]);
    });
    return sizes.slice(inFront.length, sizes.length - behind.length);
  };
  const set = (letter: string, size: number | null | undefined): void => {
    if (size === null || size === undefined) return;
    const before = known.get(letter) ?? size;
    if (before !== size) {
      throw new ShapeError(
        `einsumDense(${JSON.stringify(equation)}): the axis ${letter} is ${before} and ${size}, of a sample of ${printShape(sample)}${atLine(origin)}`,
      );
    }
    known.set(letter, size);
  };
  const letters = input.replace("...", "").length - batch.length;
  if (input.includes("...") ? sample.length < letters : sample.length !== letters) {
    throw new ShapeError(
      `einsumDense(${JSON.stringify(equation)}) takes samples with ${letters} axes${input.includes("...") ? " or more" : ""}, not ${printShape(sample)}${atLine(origin)}`,
    );
  }
  const between = assign(input, sample).map(Number);
  assign(output, wanted);
  return {
    between,
    sizeOf(letter) {
      const size = known.get(letter);
      if (size !== undefined) return size;
      throw new UserError(
        `einsumDense(${JSON.stringify(equation)}): outputShape must say the size of ${letter}${atLine(origin)}`,
      );
    },
  };
}
