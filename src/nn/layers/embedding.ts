/** Rows of a table by whole numbers: words, users, categories. */
import { count, flag } from "../../core/options.ts";
import { here } from "../../core/origin.ts";
import { add, and, gather, greaterEqual, less, notEqual, reshape, where } from "../../dsl/ops.ts";
import { constraintKind } from "../constraints/limits.ts";
import { initializerKind } from "../initializers.ts";
import { regularizerKind } from "../regularizers/kind.ts";
import { type OptionsOf, option, required } from "../schema.ts";
import type { Layer } from "./layer.ts";
import { built, checkLayer, type LayerOptions, layerSchema } from "./schema.ts";
import { activityOption, Weights } from "./weights.ts";

const options = {
  /** What the table starts with: uniform from -0.05 to 0.05 by default, as in Keras. */
  embeddingsInitializer: option(initializerKind, "randomUniform"),
  /** A penalty on the table that is added to the loss. */
  embeddingsRegularizer: option(regularizerKind),
  /** What the table becomes after each update. */
  embeddingsConstraint: option(constraintKind),
  ...activityOption,
  /** Whether 0 is no word and only fills up: the output has a mask that says so. Row 0 is not zeroed. False by default. */
  maskZero: option(flag, false),
  /** Whether training changes the table. True by default. */
  trainable: option(flag, true),
};

/** Options of `embedding`. */
export interface EmbeddingOptions extends LayerOptions, OptionsOf<typeof options> {}

export const embeddingSchema = layerSchema({
  name: "embedding",
  given: { inputDim: required(count), outputDim: required(count) },
  options,
  example: "1000, 16",
  make: ({ inputDim, outputDim }, options) => embedding(inputDim, outputDim, options),
});

/**
 * A row of a table of [inputDim, outputDim] for each whole number, along a new last axis: [20] becomes [20, outputDim]. Numbers from
 * -inputDim to -1 count from the end, as in Keras; a number that has no row gives NaN, so that nothing is learnt from it in silence.
 */
export function embedding(inputDim: number, outputDim: number, options: EmbeddingOptions = {}): Layer {
  const call = "embedding";
  const origin = here(call);
  const values = checkLayer(embeddingSchema, { inputDim, outputDim }, options, arguments);
  const { maskZero, trainable } = values;
  const embeddings = {
    initializer: values.embeddingsInitializer,
    regularizer: values.embeddingsRegularizer,
    constraint: values.embeddingsConstraint,
  };
  const weights = new Weights(`embedding(${inputDim}, ${outputDim})`, { embeddings }, trainable, origin);
  return built(embeddingSchema, values, {
    rule: "any",
    takes: "i32",
    masking: "own",
    ...weights.rules,
    outputShape: (sample) => [...sample, outputDim],
    params: () => ({ embeddings: weights.state("embeddings", [inputDim, outputDim]) }),
    apply({ embeddings }, x, { masks }) {
      const row = where(less(x, 0), add(x, inputDim), x);
      const known = and(greaterEqual(row, 0), less(row, inputDim));
      const found = gather(embeddings, row);
      const output = where(reshape(known, [...known.shape, 1]), found, Number.NaN);
      if (maskZero) masks?.give(output, notEqual(x, 0));
      return output;
    },
  });
}
