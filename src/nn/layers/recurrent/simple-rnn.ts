/** The simple recurrent layer (Elman 1990): h' = tanh(x · W + h · U + b). */
import { count } from "../../../core/options.ts";
import { here, type Origin } from "../../../core/origin.ts";
import { add, dot, matmul } from "../../../dsl/ops.ts";
import { type OptionsOf, option, required, type ValuesOf } from "../../schema.ts";
import { activate, activationKind } from "../activations.ts";
import { checkLayer, type LayerOptions, layerSchema } from "../schema.ts";
import { type Cell, type CellParts, cellOf } from "./cell.ts";
import {
  type RecurrentLayer,
  type Returns,
  type ReturnsRule,
  recurrentLayer,
  recurrentOptions,
  refuseStateful,
} from "./recurrent.ts";
import { cellTensors, cellWeights, dropoutOptions, sameDropout, stateAt, weightOptions } from "./weights.ts";

const given = { units: required(count) };
const cellOptions = {
  /** "tanh" by default. */
  activation: option(activationKind, "tanh"),
  ...weightOptions,
  ...dropoutOptions,
};
const layerOptions = { ...cellOptions, ...recurrentOptions };

/** Options of a simple recurrent cell. */
export interface SimpleRnnCellOptions extends LayerOptions, OptionsOf<typeof cellOptions> {}

/** Options of a simple recurrent layer. */
export interface SimpleRnnOptions extends LayerOptions, OptionsOf<typeof layerOptions> {}

export const simpleRnnCellSchema = layerSchema({
  name: "simpleRnnCell",
  given,
  options: cellOptions,
  example: "32",
  make: ({ units }, options) => simpleRnnCell(units, options),
});

export const simpleRnnSchema = layerSchema({
  name: "simpleRnn",
  given,
  options: layerOptions,
  example: "32",
  make: ({ units }, options) => simpleRnn(units, options),
});

/** The cell of `simpleRnn`: one step. */
export function simpleRnnCell<const N extends number>(units: N, options: SimpleRnnCellOptions = {}): Cell<N, 1> {
  const values = checkLayer(simpleRnnCellSchema, { units }, options, arguments);
  const origin = here("simpleRnnCell");
  return cellOf(simpleRnnCellSchema, values, partsOf("simpleRnnCell", units, values, origin), origin);
}

/** activation(x · kernel + h · recurrentKernel + bias), carried over the steps of samples [steps, features]. */
export function simpleRnn<const N extends number, const S extends boolean = false, const T extends boolean = false>(
  units: N,
  options: SimpleRnnOptions & Returns<S, T> = {},
): RecurrentLayer<ReturnsRule<N, S>, T extends true ? 1 : 0> {
  refuseStateful("simpleRnn", options);
  const values = checkLayer(simpleRnnSchema, { units }, options, arguments);
  const origin = here("simpleRnn");
  return recurrentLayer(simpleRnnSchema, values, partsOf("simpleRnn", units, values, origin), origin);
}

function partsOf<N extends number>(
  what: string,
  units: N,
  values: ValuesOf<typeof cellOptions>,
  origin: Origin,
): CellParts<N, 1> {
  const { activation, dropout, recurrentDropout } = values;
  const shapes = (inputs: number) => ({ kernel: [inputs, units], recurrentKernel: [units, units], bias: [units] });
  return {
    axes: 1,
    count: 1,
    rule: units,
    ...cellWeights(what, values, shapes, origin),
    outputShape: () => [units],
    states: () => [[units]],
    start(params, batch, step, { training }) {
      const { kernel, recurrentKernel, bias } = cellTensors(what, params);
      const [dropX, dropH] = [
        sameDropout(dropout, training, [batch, ...step]),
        sameDropout(recurrentDropout, training, [batch, units]),
      ];
      return {
        project(x) {
          const product = dot(dropX(x), kernel);
          return bias === undefined ? product : add(product, bias);
        },
        step(projected, states) {
          const next = activate(activation, add(projected, matmul(dropH(stateAt(states, 0)), recurrentKernel)));
          return [next, next];
        },
      };
    },
  };
}
