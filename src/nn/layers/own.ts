/**
 * layer(): a layer of your own, from its parameters and what it does.
 *
 *   const scale = layer({
 *     name: "scale",
 *     params: ([width = 1]) => ({ factor: param(ones(width)), largest: slot(zeros()) }),
 *     apply({ factor, largest }, x, { update }) {
 *       update(largest, maximum(largest, max(abs(x))));
 *       return mul(x, factor);
 *     },
 *   });
 *
 * What `apply` is given has the types of what `params` gives. A param is trained; a slot is what `update` makes of it.
 */

import { ShapeError, UserError } from "../../core/errors.ts";
import {
  callable,
  checkArguments,
  checkByName,
  type Kind,
  type OptionTable,
  object,
  oneOf,
  show,
  text,
  whole,
} from "../../core/options.ts";
import { atLine, here, type Origin, withLine } from "../../core/origin.ts";
import { isPlainObject } from "../../core/records.ts";
import { refusePromise } from "../../dsl/check.ts";
import { cast } from "../../dsl/ops.ts";
import type { TensorsOf } from "../../dsl/spec.ts";
import { isScalar, Tensor } from "../../dsl/tensor.ts";
import { printShape, type Shape } from "../../graph/shape.ts";
import type { Config } from "../config.ts";
import type { Constraint } from "../constraints/constraint.ts";
import type { Regularizer } from "../regularizers/regularizer.ts";
import { type ActivationName, activationKind } from "./activations.ts";
import {
  isSampleShape,
  type Layer,
  type MaskRule,
  type Mode,
  type ParamTensors,
  type ParamTree,
  type SampleShape,
  type SampleType,
} from "./layer.ts";
import { ruleKind, type ShapeRule, shapeBy } from "./shape-rule.ts";

/** What an `apply` is told. Pass it on to layers inside: `inner.apply(params.inner, x, mode)`. */
export interface LayerMode extends Mode {
  readonly training: boolean;
  /** Whether to leave the last activation out. False where the layer has declared none. */
  readonly logits: boolean;
  /** A trainer holds all of this layer's states as they are: a batch norm uses what it has stored, as in Keras. */
  readonly frozen: boolean;
  /**
   * The slot's value from here on: for the next step, and for the layer's next call where it is called twice. `slot` is the tensor
   * that apply got, `value` has its shape and dtype. Does nothing where the layer does not train.
   */
  readonly update: (slot: Tensor, value: Tensor) => void;
  /** A scalar that is added to the loss of the batch, in training and in evaluation, such as a penalty on activities. */
  readonly addLoss: (value: Tensor<Shape, "f32">) => void;
}

/** What a layer of your own does with several tensors. */
export interface SeveralDefinition<P extends ParamTree> {
  /** The shape of one sample that comes out. */
  outputShape(samples: readonly SampleShape[]): SampleShape;
  /** Parameters for samples of these shapes. Those of the first one alone by default. */
  params?(samples: readonly SampleShape[]): P;
  /** The output first, then whatever else it gives. */
  apply(
    params: TensorsOf<P>,
    xs: readonly Tensor<Shape, "f32">[],
    mode: LayerMode,
  ): readonly [Tensor<Shape, "f32">, ...Tensor<Shape, "f32">[]];
}

/** A layer of your own. */
export interface LayerDefinition<
  P extends ParamTree,
  R extends ShapeRule,
  T extends SampleType = "f32",
  M extends number = number,
> {
  /** What a model calls it, counted: "scale1". */
  readonly name: string;
  /** A name of its own, which is not counted. */
  readonly givenName?: string | undefined;
  /** What it does to shapes, for the editor; "any" by default. */
  readonly rule?: R;
  /** The activation that apply ends with, unless told by `logits` to leave it out. "linear", which is none, by default. */
  readonly activation?: ActivationName;
  /** Penalties on its parameters, by name. */
  readonly regularizers?: ReadonlyMap<string, Regularizer>;
  /** What its parameters become after each update, by name. */
  readonly constraints?: ReadonlyMap<string, Constraint>;
  /** What `layerFrom` makes it from; a layer of your own has none, and is saved as code. */
  readonly config?: Config;
  /** What x is: "f32" by default. With "i32" floats are cut to whole numbers. */
  readonly takes?: T;
  /** Whether the output has the mask of x ("pass"), or apply says which by `mode.masks` ("own"). By default it has none. */
  readonly masking?: MaskRule;
  /** What it does with several tensors, where it takes more than one. */
  readonly several?: SeveralDefinition<P>;
  /** How many tensors that gives besides its output, for the types of `all`. */
  readonly more?: M;
  /** The shape of one sample that comes out; by default what the rule says, of "any" what goes in. */
  outputShape?(sample: SampleShape): SampleShape;
  /** Parameters for samples of this shape: params, slots, or trees of them. None by default. */
  params?(sample: SampleShape): P;
  /** x has the batch in front. */
  apply(params: TensorsOf<P>, x: Tensor<Shape, T>, mode: LayerMode): Tensor<Shape, "f32">;
}

const configKind: Kind<Config> = {
  wanted: "JSON: texts, numbers, truth values, and lists and objects of them",
  accepts: (value): value is Config => value !== null && typeof value !== "function",
};

const definitionTable: OptionTable<LayerDefinition<ParamTree, ShapeRule, SampleType>> = {
  name: text,
  givenName: text,
  rule: ruleKind,
  activation: activationKind,
  regularizers: functionsByName<Regularizer>('new Map([["w", l2(0.01)]]) say'),
  constraints: functionsByName<Constraint>('new Map([["w", nonNeg()]]) say'),
  config: configKind,
  takes: oneOf("f32", "i32"),
  masking: oneOf("pass", "own"),
  several: object(),
  more: whole({ from: 0 }),
  outputShape: callable(),
  params: callable(),
  apply: callable(),
};

const severalTable: OptionTable<SeveralDefinition<ParamTree>> = {
  outputShape: callable(),
  params: callable(),
  apply: callable(),
};

/** A Map of functions. */
function functionsByName<T>(example: string): Kind<ReadonlyMap<string, T>> {
  return {
    wanted: `a Map of functions by the names of parameters, ${example}`,
    accepts: (value): value is ReadonlyMap<string, T> =>
      value instanceof Map && [...value].every(([name, it]) => typeof name === "string" && typeof it === "function"),
  };
}

/** A layer of your own: what it needs, and what it does. */
export function layer<
  P extends ParamTree = Record<never, never>,
  R extends ShapeRule = "any",
  T extends SampleType = "f32",
  const M extends number = number,
>(definition: LayerDefinition<P, R, T, M>): Layer<R, M> {
  checkArguments("layer", arguments, 1);
  checkByName("layer", definition, definitionTable);
  const { name, givenName, rule, activation = "linear", regularizers = new Map(), config } = definition ?? {};
  const { constraints, takes, masking, several, more } = definition ?? {};
  const origin = here("layer");
  checkByName("layer: several", several, severalTable, { origin });
  if (several !== undefined && (several.outputShape === undefined || several.apply === undefined)) {
    throw new UserError(
      `layer: several needs the functions outputShape(samples) and apply(params, xs, mode)${atLine(origin)}`,
    );
  }
  const what = `the layer "${givenName ?? name}"`;
  if (definition?.apply === undefined || name === undefined) {
    throw new UserError(`layer: needs a name and a function apply(params, x, mode)${atLine(origin)}`);
  }
  const modeFor = (given: ParamTensors, mode: Mode): LayerMode => ({
    ...mode,
    training: mode.training === true,
    logits: mode.logits === true && activation !== "linear",
    frozen: mode.slots?.isFrozen(given) === true,
    update: updateIn(name, mode),
    addLoss(value) {
      checkLossTerm(`${what}: addLoss`, value, here("addLoss"));
      mode.onLoss?.(value);
    },
  });
  const made: Layer<R, M> = {
    name,
    givenName,
    rule: rule ?? ("any" as R),
    activation,
    regularizers,
    ...(constraints === undefined ? {} : { constraints }),
    ...(config === undefined ? {} : { config }),
    ...(takes === undefined ? {} : { takes }),
    ...(masking === undefined ? {} : { masking }),
    outputShape: (sample) =>
      definition.outputShape === undefined
        ? shapeBy(rule ?? "any", sample, what)
        : checkOutputShape(what, definition.outputShape(sample), origin),
    params: (sample) => (definition.params === undefined ? {} : checkParams(what, definition.params(sample), origin)),
    apply(given, x, mode = {}) {
      const params = mode.slots?.current(given) ?? given;
      try {
        const output = definition.apply(params as TensorsOf<P>, operandOf(what, x, takes), modeFor(given, mode));
        return output as never; // its shape is what `rule` promises
      } catch (error) {
        throw withLine(error, what);
      }
    },
  };
  if (several === undefined) return made;
  const paramsFor = ([first, ...others]: readonly SampleShape[]): ParamTree =>
    several.params?.([first ?? [], ...others]) ?? made.params(first ?? []);
  return {
    ...made,
    ...(more === undefined ? {} : { more }),
    several: {
      outputShape: (samples) => checkOutputShape(what, several.outputShape(samples), origin),
      params: (samples) => checkParams(what, paramsFor(samples), origin),
      apply(given, xs, mode = {}) {
        const params = mode.slots?.current(given) ?? given;
        try {
          const operands = xs.map((x) => operandOf(what, x, "f32"));
          return several.apply(params as TensorsOf<P>, operands, modeFor(given, mode));
        } catch (error) {
          throw withLine(error, what);
        }
      },
    },
  };
}

/** x as the layer takes it. */
function operandOf<T extends SampleType>(
  what: string,
  x: Tensor<Shape, SampleType>,
  takes: T | undefined,
): Tensor<Shape, T> {
  const wanted: SampleType = takes ?? "f32";
  const operand = wanted === "i32" && x.dtype === "f32" ? cast(x, wanted) : x;
  if (isTaken(operand, takes)) return operand;
  throw new ShapeError(`${what} takes ${wanted}, not ${x}: cast(x, "${wanted}") makes it that${atLine(here("apply"))}`);
}

/** Without `takes`, T is "f32". */
function isTaken<T extends SampleType>(x: Tensor<Shape, SampleType>, takes: T | undefined): x is Tensor<Shape, T> {
  return x.dtype === (takes ?? "f32");
}

/** What is added to the loss of a batch; `what` gave it, at `origin`. */
function checkLossTerm(what: string, given: unknown, origin: Origin): void {
  refusePromise(what, given, origin);
  if (given instanceof Tensor && isScalar(given)) return;
  const found = given instanceof Tensor ? `${given.dtype}${printShape(given.shape)}` : show(given);
  throw new ShapeError(
    `${what} takes one f32 number for the batch, the mean or the sum of something say, not ${found}${atLine(origin)}`,
  );
}

function checkOutputShape(what: string, given: unknown, origin: Origin): SampleShape {
  if (isSampleShape(given)) return given;
  throw new UserError(
    `${what}: outputShape must give the sizes of a sample, [10] say, not ${show(given)}${atLine(origin)}`,
  );
}

function checkParams(what: string, given: ParamTree, origin: Origin): ParamTree {
  refusePromise(`${what}: params`, given, origin);
  if (isPlainObject(given)) return given;
  throw new UserError(
    `${what}: params must give an object, { w: param(zeros(10)) } say, not ${show(given)}${atLine(origin)}`,
  );
}

/** Whoever trains and has no use for updates loses them: the layer would evaluate with its starting values. */
function updateIn(name: string, { training = false, slots }: Mode): LayerMode["update"] {
  if (!training) return () => {};
  if (slots !== undefined) return (slot, value) => slots.update(slot, value);
  return () => {
    throw new UserError(
      `layer "${name}": it updates a slot, and nobody takes the next value: give apply { training: true, slots: slotUpdates(model) }, ` +
        `and return slots.next(model) in next${atLine(here("apply"))}`,
    );
  };
}

/** Parameters of a plain layer (an object without `layer()`) as they are now. */
export function currentParams(params: ParamTensors, { slots }: Mode): ParamTensors {
  return slots?.current(params) ?? params;
}
