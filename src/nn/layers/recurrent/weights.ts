/** What the dense cells share: options of their weights, kernel, recurrent kernel and bias, and the noise of dropout. */
import { CompilerBug } from "../../../core/errors.ts";
import { number } from "../../../core/options.ts";
import type { Origin } from "../../../core/origin.ts";
import { type Initializer, orthogonal } from "../../../dsl/initializers.ts";
import { dropout, full, mul, slice } from "../../../dsl/ops.ts";
import type { Dim } from "../../../graph/shape.ts";
import { constraintKind } from "../../constraints/limits.ts";
import { initializerKind, startOf } from "../../initializers.ts";
import { regularizerKind } from "../../regularizers/kind.ts";
import { option, type ValuesOf } from "../../schema.ts";
import { floatsFrom, type ParamTensors } from "../layer.ts";
import { biasOptions, biasPlan, kernelOptions, trainableOption, Weights } from "../weights.ts";
import type { CellParts, Values } from "./cell.ts";

export const weightOptions = {
  ...kernelOptions,
  /** Starting weights of the states' kernel; `orthogonal` by default. */
  recurrentInitializer: option(initializerKind, orthogonal),
  /** A penalty on the states' kernel. */
  recurrentRegularizer: option(regularizerKind),
  /** What the states' kernel becomes after each update. */
  recurrentConstraint: option(constraintKind),
  ...biasOptions,
  ...trainableOption,
};

export const dropoutOptions = {
  /** While training, the part of the inputs that is left out: the same elements at each step of a sequence. 0 by default. */
  dropout: option(number({ from: 0, below: 1 }), 0),
  /** The same for the states, on their way into the recurrent kernel (Gal and Ghahramani 2016). 0 by default. */
  recurrentDropout: option(number({ from: 0, below: 1 }), 0),
};

export type WeightValues = ValuesOf<typeof weightOptions>;

/** The weights of a cell inside an entry. */
export interface CellTensors {
  readonly kernel: Values;
  readonly recurrentKernel: Values;
  readonly bias?: Values;
}

/** Elements of a bias. */
interface Part {
  readonly from: number;
  readonly to: number;
}

interface Shapes {
  readonly kernel: readonly number[];
  readonly recurrentKernel: readonly number[];
  readonly bias: readonly number[];
}

/** What is asked of the weights of a cell, and the weights for a step of `inputs` features. `open`: where the bias starts at 1. */
export function cellWeights(
  call: string,
  values: WeightValues,
  shapesOf: (inputs: number) => Shapes,
  origin: Origin,
  open?: Part,
): Pick<CellParts, "regularizers" | "constraints" | "params"> {
  const { kernelInitializer, kernelRegularizer, kernelConstraint } = values;
  const { recurrentInitializer, recurrentRegularizer, recurrentConstraint, useBias } = values;
  const bias = biasPlan(call, values, origin);
  const opened = (...shape: number[]): Initializer =>
    withOnes(startOf(bias.initializer, shape, { call, weight: "bias", origin }), open);
  const plans = {
    kernel: { initializer: kernelInitializer, regularizer: kernelRegularizer, constraint: kernelConstraint },
    recurrentKernel: {
      initializer: recurrentInitializer,
      regularizer: recurrentRegularizer,
      constraint: recurrentConstraint,
    },
    bias: open === undefined ? bias : { ...bias, initializer: opened },
  };
  const weights = new Weights(call, plans, values.trainable, origin);
  return {
    ...weights.rules,
    params(step) {
      const shapes = shapesOf(step.at(-1) ?? 1);
      return {
        kernel: weights.state("kernel", shapes.kernel),
        recurrentKernel: weights.state("recurrentKernel", shapes.recurrentKernel),
        ...(useBias ? { bias: weights.state("bias", shapes.bias) } : {}),
      };
    },
  };
}

/** The same start, but 1 for these elements. */
function withOnes(start: Initializer, { from, to }: Part = { from: 0, to: 0 }): Initializer {
  return {
    shape: start.shape,
    ...(start.fillsInPlace === undefined ? {} : { fillsInPlace: start.fillsInPlace }),
    fill(into, seed, name) {
      start.fill(into, seed, name);
      into.fill(1, from, to);
    },
  };
}

/** Leaves out the same elements of all that it is given, one sample apart from another. */
export function sameDropout(rate: number, training: boolean, shape: readonly Dim[]): (x: Values) => Values {
  if (!training || rate === 0) return (x) => x;
  const noise = dropout(full(shape, 1), rate);
  return (x) => mul(x, noise);
}

/** What `cellWeights` described, as tensors. */
export function cellTensors(what: string, { kernel, recurrentKernel, bias }: ParamTensors): CellTensors {
  return {
    kernel: floatsFrom(`${what}: the kernel`, kernel),
    recurrentKernel: floatsFrom(`${what}: the recurrent kernel`, recurrentKernel),
    ...(bias === undefined ? {} : { bias: floatsFrom(`${what}: the bias`, bias) }),
  };
}

/** Part `i` of what stands side by side along the last axis, `units` each. */
export function gate(x: Values, i: number, units: number): Values {
  const before = Array.from({ length: x.shape.length - 1 }, () => null);
  return slice(x, ...before, [i * units, (i + 1) * units]);
}

/** State `i` of those that `states` of the cell described. */
export function stateAt(states: readonly Values[], i: number): Values {
  const found = states[i];
  if (found === undefined) throw new CompilerBug("a cell is given fewer states than it has");
  return found;
}
