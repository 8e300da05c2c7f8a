/**
 * Spectral normalization (Miyato et al. 2018): a layer whose kernel is divided by its largest singular value, found by power iteration.
 *
 * The kernel itself stays what the optimizer made of it, and gradients flow through the division; evaluation divides too. Keras
 * overwrites the kernel while it trains, and evaluates with whatever stands there.
 */
import { UserError } from "../../../core/errors.ts";
import { count } from "../../../core/options.ts";
import { atLine, here, type Origin } from "../../../core/origin.ts";
import { add, div, matmul, mul, reshape, sqrt, square, stopGradient, sum, transpose } from "../../../dsl/ops.ts";
import { StateSpec, slot } from "../../../dsl/spec.ts";
import { Tensor } from "../../../dsl/tensor.ts";
import { sizeOf } from "../../../graph/shape.ts";
import { codeConfig } from "../../config.ts";
import { truncatedNormal } from "../../initializers/makers.ts";
import { type OptionsOf, option, required, type Stored } from "../../schema.ts";
import { applyLayer, floatsFrom, isLayer, type Layer, type ParamTree } from "../layer.ts";
import { type Member, placeInside, regularizersOf, subtree } from "../members.ts";
import { built, checkLayer, type LayerOptions, layerSchema } from "../schema.ts";
import type { Values } from "./scaled.ts";

const layerKind: Stored<Layer> = {
  wanted: "a layer: spectralNormalization(dense(64))",
  accepts: isLayer,
  write: ({ config, name }) => config ?? codeConfig(name),
  read: (config, nested) => nested.layer(config),
};

const options = {
  /** Steps of the power iteration at each step of training. 1 by default. */
  powerIterations: option(count, 1),
};

/** Options of `spectralNormalization`. */
export interface SpectralNormalizationOptions extends LayerOptions, OptionsOf<typeof options> {}

export const spectralNormalizationSchema = layerSchema({
  name: "spectralNormalization",
  given: { layer: required(layerKind) },
  options,
  example: "layer",
  hasMembers: true,
  make: ({ layer }, options) => spectralNormalization(layer, options),
});

/** What is divided: the weight of this name that the layer has. */
const weights = ["kernel", "embeddings"];

/** The layer with its kernel (or embeddings) divided by the largest singular value, as a matrix of all axes but the last by the last. */
export function spectralNormalization(layer: Layer, options: SpectralNormalizationOptions = {}): Layer {
  const origin = here("spectralNormalization");
  const values = checkLayer(spectralNormalizationSchema, { layer }, options, arguments);
  const member: Member = { key: "layer", layer };
  return built(spectralNormalizationSchema, values, {
    rule: layer.rule,
    ...(layer.takes === undefined ? {} : { takes: layer.takes }),
    activation: layer.activation,
    masking: "own",
    regularizers: regularizersOf([member]),
    outputShape: (sample) => layer.outputShape(sample),
    params(sample): { readonly vectorU: StateSpec; readonly layer: ParamTree } {
      const inner = layer.params(sample);
      const { shape } = weightOf(inner, layer, origin);
      const start = truncatedNormal({ stddev: 0.02 })(1, Number(shape[shape.length - 1] ?? 1));
      return { vectorU: slot(start), layer: inner }; // Keras's order, by which its files are read
    },
    apply(params, x, { update, addLoss, frozen, ...mode }) {
      const inner = subtree(params, "layer");
      const name = weights.find((it) => inner[it] instanceof Tensor) ?? "kernel";
      const kernel = floatsFrom(`spectralNormalization: ${name}`, inner[name]);
      const start = floatsFrom("spectralNormalization: vectorU", params.vectorU);
      const { divided, u } = normalized(kernel, start, mode.training && !frozen ? values.powerIterations : 0);
      update(start, u);
      return applyLayer(layer, { ...inner, [name]: divided }, x, { ...mode, ...placeInside("layer", mode) });
    },
  });
}

function weightOf(params: ParamTree, { name }: Layer, origin: Origin): StateSpec {
  const found = weights.map((it) => params[it]).find((it) => it !== undefined);
  if (found instanceof StateSpec) return found;
  throw new UserError(`spectralNormalization: the layer "${name}" has no ${weights.join(" or ")}${atLine(origin)}`);
}

type Matrix = Tensor<[number, number], "f32">;

/** The kernel over its largest singular value, and the left vector that is kept. Vectors carry no gradient, as in the paper. */
function normalized(
  kernel: Values,
  start: Values,
  iterations: number,
): { readonly divided: Values; readonly u: Matrix } {
  const width = Number(kernel.shape.at(-1));
  const matrix: Matrix = reshape(kernel, [sizeOf(kernel.shape.map(Number)) / width, width]);
  const fixed = stopGradient(matrix);
  const leftOf = (u: Matrix): Matrix => unit(matmul(u, transpose(fixed)));
  const rightOf = (v: Matrix): Matrix => unit(matmul(v, fixed));
  let u: Matrix = reshape(start, [1, width]);
  let v = leftOf(u);
  for (let i = 0; i < iterations; i++) {
    u = rightOf(v);
    if (i + 1 < iterations) v = leftOf(u);
  }
  const right = iterations === 0 ? rightOf(v) : u;
  const sigma = sum(mul(matmul(v, matrix), stopGradient(right)));
  return { divided: div(kernel, sigma), u };
}

/** At length 1; zeros stay zeros. */
function unit(x: Matrix): Matrix {
  return div(x, sqrt(add(sum(square(x)), 1e-24)));
}
