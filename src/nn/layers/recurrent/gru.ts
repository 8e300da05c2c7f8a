/** The gated recurrent unit (Cho et al. 2014), with the reset before or after the product with the recurrent kernel. */
import { count, flag } from "../../../core/options.ts";
import { here, type Origin } from "../../../core/origin.ts";
import { add, dot, matmul, mul, reshape, slice, sub } from "../../../dsl/ops.ts";
import { type OptionsOf, option, required, type ValuesOf } from "../../schema.ts";
import { activate, activationKind } from "../activations.ts";
import { checkLayer, type LayerOptions, layerSchema } from "../schema.ts";
import { type Cell, type CellParts, cellOf, type Values } from "./cell.ts";
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
  /** Of the candidate. "tanh" by default. */
  activation: option(activationKind, "tanh"),
  /** Of the two gates. "sigmoid" by default. */
  recurrentActivation: option(activationKind, "sigmoid"),
  ...weightOptions,
  /**
   * Whether the reset gate comes after the product with the recurrent kernel, which then has a bias of its own: bias is
   * [2, 3 * units]. True by default.
   */
  resetAfter: option(flag, true),
  ...dropoutOptions,
};
const layerOptions = { ...cellOptions, ...recurrentOptions };

/** Options of a GRU's cell. */
export interface GruCellOptions extends LayerOptions, OptionsOf<typeof cellOptions> {}

/** Options of a GRU. */
export interface GruOptions extends LayerOptions, OptionsOf<typeof layerOptions> {}

export const gruCellSchema = layerSchema({
  name: "gruCell",
  given,
  options: cellOptions,
  example: "32",
  make: ({ units }, options) => gruCell(units, options),
});

export const gruSchema = layerSchema({
  name: "gru",
  given,
  options: layerOptions,
  example: "32",
  make: ({ units }, options) => gru(units, options),
});

/** The cell of `gru`: one step. */
export function gruCell<const N extends number>(units: N, options: GruCellOptions = {}): Cell<N, 1> {
  const values = checkLayer(gruCellSchema, { units }, options, arguments);
  const origin = here("gruCell");
  return cellOf(gruCellSchema, values, partsOf("gruCell", units, values, origin), origin);
}

/**
 * A GRU over the steps of samples [steps, features]: h' = z * h + (1 - z) * candidate. Kernel, recurrent kernel and bias have the
 * gates z, r and the candidate side by side.
 */
export function gru<const N extends number, const S extends boolean = false, const T extends boolean = false>(
  units: N,
  options: GruOptions & Returns<S, T> = {},
): RecurrentLayer<ReturnsRule<N, S>, T extends true ? 1 : 0> {
  refuseStateful("gru", options);
  const values = checkLayer(gruSchema, { units }, options, arguments);
  const origin = here("gru");
  return recurrentLayer(gruSchema, values, partsOf("gru", units, values, origin), origin);
}

function partsOf<N extends number>(
  what: string,
  units: N,
  values: ValuesOf<typeof cellOptions>,
  origin: Origin,
): CellParts<N, 1> {
  const { activation, recurrentActivation, resetAfter, dropout, recurrentDropout } = values;
  const shapes = (inputs: number) => ({
    kernel: [inputs, 3 * units],
    recurrentKernel: [units, 3 * units],
    bias: resetAfter ? [2, 3 * units] : [3 * units],
  });
  const open = (x: Values): Values => activate(recurrentActivation, x);
  const mixed = (z: Values, h: Values, candidate: Values): Values =>
    add(mul(z, h), mul(sub(1, z), activate(activation, candidate)));
  return {
    axes: 1,
    count: 1,
    rule: units,
    ...cellWeights(what, values, shapes, origin),
    outputShape: () => [units],
    states: () => [[units]],
    start(params, batch, step, { training }) {
      const { kernel, recurrentKernel, bias } = cellTensors(what, params);
      const dropX = sameDropout(dropout, training, [batch, ...step]);
      const dropH = sameDropout(recurrentDropout, training, [batch, units]);
      const row = (i: number) => (bias && resetAfter ? reshape(slice(bias, [i, i + 1]), [3 * units]) : bias);
      const [ofX, ofH] = [row(0), resetAfter ? row(1) : undefined];
      const toGates = slice(recurrentKernel, null, [0, 2 * units]);
      const toCandidate = slice(recurrentKernel, null, [2 * units, 3 * units]);
      return {
        project(x) {
          const product = dot(dropX(x), kernel);
          return ofX === undefined ? product : add(product, ofX);
        },
        step(projected, states) {
          const h = stateAt(states, 0);
          const seen = dropH(h);
          if (resetAfter) {
            const product = matmul(seen, recurrentKernel);
            const recurrent = ofH === undefined ? product : add(product, ofH);
            const both = (i: number) => open(add(gate(projected, i, units), gate(recurrent, i, units)));
            const candidate = add(gate(projected, 2, units), mul(both(1), gate(recurrent, 2, units)));
            const next = mixed(both(0), h, candidate);
            return [next, next];
          }
          const recurrent = matmul(seen, toGates);
          const both = (i: number) => open(add(gate(projected, i, units), gate(recurrent, i, units)));
          const candidate = add(gate(projected, 2, units), matmul(mul(both(1), seen), toCandidate));
          const next = mixed(both(0), h, candidate);
          return [next, next];
        },
      };
    },
  };
}
