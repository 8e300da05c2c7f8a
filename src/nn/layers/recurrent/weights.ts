/** What the dense cells share: options of their weights, kernel, recurrent kernel and bias, and the noise of dropout. */
import { CompilerBug } from "../../../core/errors.ts";
import { flag, number } from "../../../core/options.ts";
import type { Origin } from "../../../core/origin.ts";
import { glorotUniform, type Initializer, orthogonal, zeros } from "../../../dsl/initializers.ts";
import { dropout, full, mul, slice } from "../../../dsl/ops.ts";
import { param, type StateSpec } from "../../../dsl/spec.ts";
import type { Dim, Shape } from "../../../graph/shape.ts";
import { constraintKind } from "../../constraints/limits.ts";
import { type InitializerOption, initializerKind, startOf } from "../../initializers.ts";
import { regularizerKind } from "../../regularizers/kind.ts";
import { option, type ValuesOf } from "../../schema.ts";
import { floatsFrom, type ParamTensors } from "../layer.ts";
import type { CellParts, Values } from "./cell.ts";

export const weightOptions = {
  /** Whether a bias is added. True by default. */
  useBias: option(flag, true),
  /** Starting weights of the inputs' kernel; `glorotUniform` by default. */
  kernelInitializer: option(initializerKind, glorotUniform),
  /** Starting weights of the states' kernel; `orthogonal` by default. */
  recurrentInitializer: option(initializerKind, orthogonal),
  /** What the bias starts with; `zeros` by default. */
  biasInitializer: option(initializerKind, zeros),
  /** A penalty on the kernel: `l2(1e-4)`. */
  kernelRegularizer: option(regularizerKind),
  /** A penalty on the states' kernel. */
  recurrentRegularizer: option(regularizerKind),
  /** A penalty on the bias. */
  biasRegularizer: option(regularizerKind),
  /** What the kernel becomes after each update: `constraints.maxNorm()`. */
  kernelConstraint: option(constraintKind),
  /** The same for the states' kernel. */
  recurrentConstraint: option(constraintKind),
  /** The same for the bias. */
  biasConstraint: option(constraintKind),
};

export const dropoutOptions = {
  /** While training, the part of the inputs that is left out: the same elements at each step of a sequence. 0 by default. */
  dropout: option(number({ from: 0, below: 1 }), 0),
  /** The same for the states, on their way into the recurrent kernel (Gal and Ghahramani 2016). 0 by default. */
  recurrentDropout: option(number({ from: 0, below: 1 }), 0),
};

export type WeightValues = ValuesOf<typeof weightOptions>;

export type CellWeights = {
  readonly kernel: StateSpec<Shape, "f32">;
  readonly recurrentKernel: StateSpec<Shape, "f32">;
  readonly bias?: StateSpec<Shape, "f32">;
};

/** The same inside an entry. */
export interface CellTensors {
  readonly kernel: Values;
  readonly recurrentKernel: Values;
  readonly bias?: Values;
}

/** Kernel, recurrent kernel and bias of these shapes. `forget`: where ones stand in the bias. */
export function cellWeights(
  what: string,
  values: WeightValues,
  shapes: {
    readonly kernel: readonly number[];
    readonly recurrentKernel: readonly number[];
    readonly bias: readonly number[];
  },
  origin: Origin,
  forget?: { readonly from: number; readonly to: number },
): CellWeights {
  const start = (weight: keyof typeof shapes, given: InitializerOption): Initializer =>
    startOf(given, shapes[weight], { call: what, weight, origin });
  const weights = {
    kernel: param(start("kernel", values.kernelInitializer)),
    recurrentKernel: param(start("recurrentKernel", values.recurrentInitializer)),
  };
  if (!values.useBias) return weights;
  const bias = start("bias", values.biasInitializer);
  return { ...weights, bias: param(forget === undefined ? bias : withOnes(bias, forget)) };
}

/** The same start, but 1 for these elements. */
function withOnes(start: Initializer, { from, to }: { readonly from: number; readonly to: number }): Initializer {
  return {
    shape: start.shape,
    ...(start.fillsInPlace === undefined ? {} : { fillsInPlace: start.fillsInPlace }),
    fill(into, seed, name) {
      start.fill(into, seed, name);
      into.fill(1, from, to);
    },
  };
}

/** What is asked of the weights: penalties, and what they become after each update. */
export function limitsOf(values: WeightValues): Pick<CellParts, "regularizers" | "constraints"> {
  const { kernelRegularizer, recurrentRegularizer, biasRegularizer } = values;
  const { kernelConstraint, recurrentConstraint, biasConstraint } = values;
  return {
    regularizers: given({ kernel: kernelRegularizer, recurrentKernel: recurrentRegularizer, bias: biasRegularizer }),
    constraints: given({ kernel: kernelConstraint, recurrentKernel: recurrentConstraint, bias: biasConstraint }),
  };
}

function given<T>(all: Readonly<Record<string, T | undefined>>): ReadonlyMap<string, T> {
  return new Map(Object.entries(all).flatMap(([name, it]) => (it === undefined ? [] : [[name, it] as const])));
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
