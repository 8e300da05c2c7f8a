/** Long short-term memory (Hochreiter and Schmidhuber 1997), with the forget gate of Gers et al. 2000. */
import { count, flag } from "../../../core/options.ts";
import { here, type Origin } from "../../../core/origin.ts";
import { add, dot, matmul, mul } from "../../../dsl/ops.ts";
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
import { cellTensors, cellWeights, dropoutOptions, gate, sameDropout, stateAt, weightOptions } from "./weights.ts"; // biome-ignore format: names

const given = { units: required(count) };
const cellOptions = {
  /** Of the candidate and of the memory that is let out. "tanh" by default. */
  activation: option(activationKind, "tanh"),
  /** Of the three gates. "sigmoid" by default. */
  recurrentActivation: option(activationKind, "sigmoid"),
  ...weightOptions,
  /** Whether the forget gate's bias starts at 1 (Jozefowicz et al. 2015). True by default. */
  unitForgetBias: option(flag, true),
  ...dropoutOptions,
};
const layerOptions = { ...cellOptions, ...recurrentOptions };

/** Options of an LSTM's cell. */
export interface LstmCellOptions extends LayerOptions, OptionsOf<typeof cellOptions> {}

/** Options of an LSTM. */
export interface LstmOptions extends LayerOptions, OptionsOf<typeof layerOptions> {}

export const lstmCellSchema = layerSchema({
  name: "lstmCell",
  given,
  options: cellOptions,
  example: "32",
  make: ({ units }, options) => lstmCell(units, options),
});

export const lstmSchema = layerSchema({
  name: "lstm",
  given,
  options: layerOptions,
  example: "32",
  make: ({ units }, options) => lstm(units, options),
});

/** The cell of `lstm`: one step, with the states h and c. */
export function lstmCell<const N extends number>(units: N, options: LstmCellOptions = {}): Cell<N, 2> {
  const values = checkLayer(lstmCellSchema, { units }, options, arguments);
  const origin = here("lstmCell");
  return cellOf(lstmCellSchema, values, partsOf("lstmCell", units, values, origin), origin);
}

/**
 * An LSTM over the steps of samples [steps, features]: c' = f * c + i * tanh(..), h' = o * tanh(c'). Kernel, recurrent kernel and bias
 * have the gates i, f, candidate, o side by side. States, given and returned, are h and c.
 */
export function lstm<const N extends number, const S extends boolean = false, const T extends boolean = false>(
  units: N,
  options: LstmOptions & Returns<S, T> = {},
): RecurrentLayer<ReturnsRule<N, S>, T extends true ? 2 : 0> {
  refuseStateful("lstm", options);
  const values = checkLayer(lstmSchema, { units }, options, arguments);
  const origin = here("lstm");
  return recurrentLayer(lstmSchema, values, partsOf("lstm", units, values, origin), origin);
}

function partsOf<N extends number>(
  what: string,
  units: N,
  values: ValuesOf<typeof cellOptions>,
  origin: Origin,
): CellParts<N, 2> {
  const { activation, recurrentActivation, unitForgetBias, dropout, recurrentDropout } = values;
  const forget = unitForgetBias ? { from: units, to: 2 * units } : undefined;
  const shapes = (inputs: number) => ({
    kernel: [inputs, 4 * units],
    recurrentKernel: [units, 4 * units],
    bias: [4 * units],
  });
  return {
    axes: 1,
    count: 2,
    rule: units,
    ...cellWeights(what, values, shapes, origin, forget),
    outputShape: () => [units],
    states: () => [[units], [units]],
    start(params, batch, step, { training }) {
      const { kernel, recurrentKernel, bias } = cellTensors(what, params);
      const dropX = sameDropout(dropout, training, [batch, ...step]);
      const dropH = sameDropout(recurrentDropout, training, [batch, units]);
      return {
        project(x) {
          const product = dot(dropX(x), kernel);
          return bias === undefined ? product : add(product, bias);
        },
        step(projected, states) {
          const [h, c] = [stateAt(states, 0), stateAt(states, 1)];
          const z = add(projected, matmul(dropH(h), recurrentKernel));
          const opened = (i: number) => activate(recurrentActivation, gate(z, i, units));
          const memory = add(mul(opened(1), c), mul(opened(0), activate(activation, gate(z, 2, units))));
          const next = mul(opened(3), activate(activation, memory));
          return [next, next, memory];
        },
      };
    },
  };
}
