/**
 * What layers with weights are given for them: starting values, penalties, constraints, whether they are trained. The options'
 * tables are shared, and so is what they come to.
 *
 *   const kernels = { ...kernelOptions, ...biasOptions, ...trainableOption };
 *   const weights = new Weights("conv2d", { kernel: ..., bias: ... }, trainable, origin);
 *   weights.state("kernel", [3, 3, 8, 16])       a param, or a state that stays as it is
 */
import { UserError } from "../../core/errors.ts";
import { flag } from "../../core/options.ts";
import { atLine, type Origin } from "../../core/origin.ts";
import { glorotUniform, zeros } from "../../dsl/initializers.ts";
import type { Fans } from "../../dsl/scaled-initializers.ts";
import { freeze, param, type StateSpec } from "../../dsl/spec.ts";
import type { Shape } from "../../graph/shape.ts";
import type { Constraint } from "../constraints/constraint.ts";
import { constraintKind } from "../constraints/limits.ts";
import { type InitializerOption, initializerKind, startOf } from "../initializers.ts";
import { regularizerKind } from "../regularizers/kind.ts";
import type { Regularizer } from "../regularizers/regularizer.ts";
import { option } from "../schema.ts";
import type { Layer } from "./layer.ts";

export const kernelOptions = {
  /** Starting weights: a name, a function of the shape, or values; `glorotUniform` by default. */
  kernelInitializer: option(initializerKind, glorotUniform),
  /** Penalties that are added to the loss: `l2(1e-4)`, or a function of the tensor. Only weights that are trained have one. */
  kernelRegularizer: option(regularizerKind),
  /** What the kernel becomes after each update: `constraints.maxNorm()`, or a function of the tensor. */
  kernelConstraint: option(constraintKind),
};

export const biasOptions = {
  /** Whether a bias is added. True by default. */
  useBias: option(flag, true),
  /** The same for the bias; `zeros` by default. */
  biasInitializer: option(initializerKind, zeros),
  /** A penalty on the bias. */
  biasRegularizer: option(regularizerKind),
  /** What the bias becomes after each update. */
  biasConstraint: option(constraintKind),
};

export const trainableOption = {
  /** Whether training changes the weights. False makes them plain state: no gradients, no moments. True by default. */
  trainable: option(flag, true),
};

export const activityOption = {
  /** What large outputs cost: `l2(1e-4)`, or a function of the output. As in Keras it is added to the loss over the samples of the batch. */
  activityRegularizer: option(regularizerKind),
};

/** What is wanted of one weight. */
export interface WeightPlan {
  readonly initializer: InitializerOption;
  readonly regularizer?: Regularizer | undefined;
  readonly constraint?: Constraint | undefined;
}

/** The weights of one layer, by name. */
export class Weights<N extends string> {
  /** What is asked of them outside of `apply`, as a layer's definition has it. */
  readonly rules: Required<Pick<Layer, "regularizers" | "constraints">>;
  readonly #call: string;
  readonly #plans: Readonly<Record<N, WeightPlan>>;
  readonly #isTrained: boolean;
  readonly #origin: Origin;

  constructor(call: string, plans: Readonly<Record<N, WeightPlan>>, isTrained: boolean, origin: Origin) {
    const all = Object.entries<WeightPlan>(plans);
    this.rules = {
      regularizers: new Map(all.flatMap(([name, { regularizer }]) => (regularizer ? [[name, regularizer]] : []))),
      constraints: new Map(all.flatMap(([name, { constraint }]) => (constraint ? [[name, constraint]] : []))),
    };
    this.#call = call;
    this.#plans = plans;
    this.#isTrained = isTrained;
    this.#origin = origin;
  }

  /** The state of a weight of this shape; with `fans` where the shape does not say how many inputs and outputs it connects. */
  state(name: N, shape: readonly number[], fans?: Fans): StateSpec<Shape, "f32"> {
    const place = { call: this.#call, weight: name, origin: this.#origin, fans };
    const start = param(startOf(this.#plans[name].initializer, shape, place));
    return this.#isTrained ? start : freeze(start);
  }
}

interface BiasValues {
  readonly useBias: boolean;
  readonly biasInitializer: WeightPlan["initializer"];
  readonly biasRegularizer: Regularizer | undefined;
  readonly biasConstraint: Constraint | undefined;
}

interface KernelValues extends BiasValues {
  readonly kernelInitializer: WeightPlan["initializer"];
  readonly kernelRegularizer: Regularizer | undefined;
  readonly kernelConstraint: Constraint | undefined;
  readonly trainable: boolean;
}

/** The weights of a layer that has the options above. */
export function kernelAndBias(call: string, values: KernelValues, origin: Origin): Weights<"kernel" | "bias"> {
  const kernel = {
    initializer: values.kernelInitializer,
    regularizer: values.kernelRegularizer,
    constraint: values.kernelConstraint,
  };
  return new Weights(call, { kernel, bias: biasPlan(call, values, origin) }, values.trainable, origin);
}

/** The plan of a bias; of one that is not there nothing can be asked. */
export function biasPlan(call: string, values: BiasValues, origin: Origin): WeightPlan {
  const { biasInitializer: initializer, biasRegularizer: regularizer, biasConstraint: constraint } = values;
  if (values.useBias) return { initializer, regularizer, constraint };
  const given = constraint === undefined ? "biasRegularizer" : "biasConstraint";
  if (regularizer === undefined && constraint === undefined) return { initializer };
  throw new UserError(`${call}: a ${given} needs a bias: leave useBias: false out${atLine(origin)}`);
}
