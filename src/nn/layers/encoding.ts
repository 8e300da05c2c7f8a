/** Whole numbers as vectors, numbers as bins, and codes as places in a list, inside the program. Texts are for src/data's vocabularies. */
import { UserError } from "../../core/errors.ts";
import { count, list, number, oneOf, whole } from "../../core/options.ts";
import { atLine, here } from "../../core/origin.ts";
import { add, arange, cast, equal, greaterEqual, max, mul, reshape, sum } from "../../dsl/ops.ts";
import type { Tensor } from "../../dsl/tensor.ts";
import type { Shape } from "../../graph/shape.ts";
import { type OptionsOf, option, required } from "../schema.ts";
import type { Layer, SampleShape } from "./layer.ts";
import { built, checkLayer, type LayerOptions, layerSchema } from "./schema.ts";

type Values = Tensor<Shape, "f32">;

type Mode = "oneHot" | "multiHot" | "count";

/** The shape of an encoded sample. As in Keras a last axis of 1 is the axis of the tokens. */
function encodedShape(sample: SampleShape, tokens: number, mode: Mode): SampleShape {
  if (mode === "oneHot") return [...(sample.at(-1) === 1 ? sample.slice(0, -1) : sample), tokens];
  return [...sample.slice(0, -1), tokens];
}

function encoded(x: Tensor<Shape, "i32">, tokens: number, mode: Mode): Values {
  // not oneHot, which refuses labels out of range where they are fed
  const ones = cast(equal(reshape(x, [...x.shape, 1]), arange(tokens)), "f32");
  const isSingle = x.shape.length === 1;
  if (mode === "oneHot")
    return x.shape.at(-1) === 1 && !isSingle ? reshape(ones, [...x.shape.slice(0, -1), tokens]) : ones;
  if (isSingle) return ones;
  return mode === "count" ? sum(ones, { axis: -2 }) : max(ones, { axis: -2 });
}

const encodingOptions = {
  /** "multiHot", 1 for each token that is there, by default; "oneHot" for each token by itself; "count" how often each is there. */
  outputMode: option(oneOf("multiHot", "oneHot", "count"), "multiHot"),
};

/** Options of `categoryEncoding`. */
export interface CategoryEncodingOptions extends LayerOptions, OptionsOf<typeof encodingOptions> {}

export const categoryEncodingSchema = layerSchema({
  name: "categoryEncoding",
  given: { numTokens: required(count) },
  options: encodingOptions,
  example: "10",
  make: ({ numTokens }, options) => categoryEncoding(numTokens, options),
});

/** Whole numbers below `numTokens` as vectors of that length. One out of range adds nothing, as in Keras. */
export function categoryEncoding(numTokens: number, options: CategoryEncodingOptions = {}): Layer {
  const values = checkLayer(categoryEncodingSchema, { numTokens }, options, arguments);
  const { outputMode } = values;
  return built(categoryEncodingSchema, values, {
    rule: "any",
    takes: "i32",
    outputShape: (sample) => encodedShape(sample, numTokens, outputMode),
    apply: (_, x) => encoded(x, numTokens, outputMode),
  });
}

const binOptions = {
  /** "int", the number of the bin, by default; or the bins as vectors, as of `categoryEncoding`. */
  outputMode: option(oneOf("int", "multiHot", "oneHot", "count"), "int"),
};

/** Options of `discretization`. */
export interface DiscretizationOptions extends LayerOptions, OptionsOf<typeof binOptions> {}

export const discretizationSchema = layerSchema({
  name: "discretization",
  given: { binBoundaries: required(list(number())) },
  options: binOptions,
  example: "[0, 1, 2]",
  make: ({ binBoundaries }, options) => discretization(binBoundaries, options),
});

/** The number of the bin that x is in, of those between ascending boundaries: 0 below the first; a boundary is in the bin above it. */
export function discretization(binBoundaries: readonly number[], options: DiscretizationOptions = {}): Layer {
  const call = "discretization";
  const origin = here(call);
  const values = checkLayer(discretizationSchema, { binBoundaries }, options, arguments);
  const { outputMode } = values;
  const bounds = [...binBoundaries];
  if (bounds.length === 0 || bounds.some((value, i) => i > 0 && !(value > (bounds[i - 1] ?? 0)))) {
    throw new UserError(`${call}: the boundaries must ascend, and be one at least${atLine(origin)}`);
  }
  const bins = bounds.length + 1;
  return built(discretizationSchema, values, {
    rule: "any",
    outputShape: (sample) => (outputMode === "int" ? sample : encodedShape(sample, bins, outputMode)),
    apply(_, x) {
      const above = bounds.map((bound) => cast(greaterEqual(x, bound), "i32"));
      const bin = above.reduce((total, one) => add(total, one));
      return outputMode === "int" ? cast(bin, "f32") : encoded(bin, bins, outputMode);
    },
  });
}

const lookupOptions = {
  /** How many places stand for numbers that are not in the list: 1, which is place 0, by default; 0 gives -1 for them. */
  numOovIndices: option(whole({ from: 0, to: 1 }), 1),
  /** A number that stands for nothing: it gets place 0, before all others. None by default. */
  maskToken: option(whole()),
  /** "int", the place, by default; or places as vectors, as of `categoryEncoding`. */
  outputMode: option(oneOf("int", "multiHot", "oneHot", "count"), "int"),
};

/** Options of `integerLookup`. */
export interface IntegerLookupOptions extends LayerOptions, OptionsOf<typeof lookupOptions> {}

export const integerLookupSchema = layerSchema({
  name: "integerLookup",
  given: { vocabulary: required(list(whole())) },
  options: lookupOptions,
  example: "[10, 20]",
  make: ({ vocabulary }, options) => integerLookup(vocabulary, options),
});

/** The place of a whole number in a list, of which each number is compared: for short lists. */
export function integerLookup(vocabulary: readonly number[], options: IntegerLookupOptions = {}): Layer {
  const call = "integerLookup";
  const origin = here(call);
  const values = checkLayer(integerLookupSchema, { vocabulary }, options, arguments);
  const { numOovIndices, maskToken, outputMode } = values;
  const known = [...vocabulary];
  if (
    known.length === 0 ||
    new Set(known).size < known.length ||
    (maskToken !== undefined && known.includes(maskToken))
  ) {
    throw new UserError(`${call}: the vocabulary must hold each number once, and one at least${atLine(origin)}`);
  }
  const first = numOovIndices + (maskToken === undefined ? 0 : 1);
  const unknown = numOovIndices === 0 ? -1 : first - 1;
  const places = known.length + first;
  return built(integerLookupSchema, values, {
    rule: "any",
    takes: "i32",
    outputShape: (sample) => (outputMode === "int" ? sample : encodedShape(sample, places, outputMode)),
    apply(_, x) {
      // one of them at most adds what its place is beyond that of the unknown
      const placed = known.map((value, i) => mul(cast(equal(x, value), "i32"), first + i - unknown));
      const masked = maskToken === undefined ? [] : [mul(cast(equal(x, maskToken), "i32"), 0 - unknown)];
      const place = add(
        [...placed, ...masked].reduce((total, one) => add(total, one)),
        unknown,
      );
      return outputMode === "int" ? cast(place, "f32") : encoded(place, places, outputMode);
    },
  });
}
