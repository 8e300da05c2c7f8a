/**
 * lossScale(): an optimizer for losses in f16: gradients are taken of the loss times a scale, which grows while they stay finite.
 *
 *   lossScale(adam(), { initialScale: 2 ** 15, dynamicGrowthSteps: 2000 })
 *
 * An update whose gradients are not finite moves nothing and halves the scale, down to 1: in Keras it falls to 0, and the next good gradient
 * makes the weights infinite. The scale is a state, "opt.lossScale".
 */
import { isShort } from "../../core/dtype.ts";
import { UserError } from "../../core/errors.ts";
import { checkArguments, count, number } from "../../core/options.ts";
import { atLine, here } from "../../core/origin.ts";
import { keysOf } from "../../core/records.ts";
import { withCompanions } from "../../dsl/companions.ts";
import { filled, zeros } from "../../dsl/initializers.ts";
import { abs, add, and, cast, div, equal, lessEqual, max, maximum, minimum, mul, where } from "../../dsl/ops.ts";
import { slot } from "../../dsl/spec.ts";
import { isScalar, isTensor, type Mask, type Tensor, tensorLeaf } from "../../dsl/tensor.ts";
import { leavesOf, mapTree, replaceTensors } from "../../dsl/tree.ts";
import { type ConfigReader, required } from "../config.ts";
import type { Scalar } from "../schedules/schedule.ts";
import { checkFields, type OptionsOf, option, readParts, type ValuesOf, valuesOf, writeFields } from "../schema.ts";
import { facedOptimizer, type LooseOptimizer, type LooseRequest, type Optimizer } from "./optimizer.ts";

const options = {
  /** What the loss is multiplied by first. 32,768 by default. */
  initialScale: option(number({ from: 1 }), 2 ** 15),
  /** After how many finite updates in a row the scale doubles. 2,000 by default. */
  dynamicGrowthSteps: option(count, 2000),
};

/** Options of a loss scale. */
export interface LossScaleOptions extends OptionsOf<typeof options> {}

const largest = (2 - 2 ** -23) * 2 ** 127;
/** Doubled it would be infinite, and stay so. */
const largestScale = 2 ** 127;

/** The same optimizer, on a loss that is scaled as far as its gradients stay finite. */
export function lossScale(inner: Optimizer, given: LossScaleOptions = {}): Optimizer {
  checkArguments("lossScale", arguments, 2);
  checkFields("lossScale", given, options, { before: "optimizer, " });
  const problem = (text: string) => new UserError(`lossScale: ${text}${atLine(here("lossScale"))}`);
  if (typeof inner !== "object" || inner === null || !("update" in inner)) throw problem("the first argument must be an optimizer: adam(), say"); // biome-ignore format: short
  if (inner.scaleLoss !== undefined) throw problem("this optimizer has a loss scale of its own");
  const values = valuesOf(options, given);
  const { config } = inner;
  const { learningRate = null, ...constants } = config ?? {};
  return facedOptimizer({
    name: "lossScale",
    ...(config === undefined ? {} : { config: { kind: "lossScale", learningRate, constants: { ...writeFields(options, values), inner: { ...constants, learningRate } } } }), // biome-ignore format: short
    ...(inner.isScheduled === true ? { isScheduled: true } : {}),
    ...(inner.averages === undefined ? {} : { averages: inner.averages }),
    scaleLoss: (loss, slots) => mul(loss, scaleIn(slots)),
    slots: (model) => ({
      ...inner.slots(model),
      lossScale: slot(filled(values.initialScale)),
      finiteSteps: slot(zeros(), { dtype: "u32" }),
    }),
    update: (request) => updateScaled(request, inner, values),
  });
}

function scaleIn(slots: object): Scalar {
  if ("lossScale" in slots && isTensor(slots.lossScale) && isScalar(slots.lossScale)) return slots.lossScale;
  throw new UserError("lossScale: update: slots has no lossScale, a number of f32: give what slots(model) declared");
}

function updateScaled(
  request: LooseRequest,
  inner: LooseOptimizer,
  { dynamicGrowthSteps }: ValuesOf<typeof options>,
): ReturnType<LooseOptimizer["update"]> {
  const scale = scaleIn(request.slots);
  const { lossScale: _, finiteSteps, ...slots }: { readonly [name: string]: unknown } = { ...request.slots };
  if (!isTensor(finiteSteps)) throw new UserError("lossScale: update: slots has no finiteSteps");
  const gradients = mapTree(request.gradients, tensorLeaf, "lossScale: gradients", wide);
  const areFinite = leavesOf(gradients, tensorLeaf, "lossScale: gradients")
    .map(({ leaf }): Mask => lessEqual(max(abs(leaf)), largest)) // false for NaN as well
    .reduce<Mask>((a, b) => and(a, b), lessEqual(scale, largest));
  const unscaled = mapTree(gradients, tensorLeaf, "lossScale", (g: Tensor) => div(g, cast(scale, g.dtype)));
  const { model, opt } = inner.update({ ...request, slots, gradients: unscaled });
  const kept = <T>(now: T, before: unknown, what: string): T => {
    const old = new Map(leavesOf(before, tensorLeaf, what).map(({ path, leaf }) => [path, leaf]));
    const choose = (leaf: Tensor, path: string): Tensor => {
      const stays = old.get(path);
      return stays === undefined || stays === leaf ? leaf : where(areFinite, leaf, stays);
    };
    return replaceTensors(now, what, choose);
  };
  const grown = add(finiteSteps, 1);
  const doubles = equal(grown, dynamicGrowthSteps);
  const next = {
    ...kept(opt, slots, "lossScale: slots"),
    lossScale: where(
      areFinite,
      where(doubles, minimum(mul(scale, 2), largestScale), scale),
      maximum(mul(scale, 0.5), 1),
    ),
    finiteSteps: where(areFinite, where(doubles, mul(grown, 0), grown), mul(finiteSteps, 0)),
  };
  const companions = leavesOf(next, tensorLeaf, "lossScale").map(({ path, leaf }): [string, Tensor] => [path, leaf]);
  return {
    model: withCompanions(kept(model, request.model, "lossScale: model"), "lossScale", new Map(companions)),
    opt: next,
  };
}

/** Unscaled gradients of f16 may be too small for it: it is why there is a scale. */
function wide(g: Tensor): Tensor {
  return isShort(g.dtype) ? cast(g, "f32") : g;
}

/** From a config; `read` reads the optimizer inside. */
export function lossScaleFrom(config: ConfigReader, read: (from: ConfigReader) => Optimizer): Optimizer {
  const { constants } = config.fields("kind", "learningRate", "constants");
  const held = required(constants, config, "constants");
  const { inner, ...parts } = held.fields("inner", ...keysOf(options));
  const none = { layer: () => { throw config.error("no layer", "one"); } }; // biome-ignore format: short
  return lossScale(read(required(inner, held, "inner")), readParts(options, held, parts, none));
}
