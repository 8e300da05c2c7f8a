/** A recurrent layer in both directions (Schuster and Paliwal 1997): one set of weights for each, and what they give joined. */
import { ShapeError, UserError } from "../../../core/errors.ts";
import { oneOf } from "../../../core/options.ts";
import { atLine, here, type Origin } from "../../../core/origin.ts";
import { add, concat, mul } from "../../../dsl/ops.ts";
import { printShape, sameShape } from "../../../graph/shape.ts";
import { codeConfig } from "../../config.ts";
import { penalize } from "../../regularizers/activity.ts";
import { type OptionsOf, option, required, type Stored } from "../../schema.ts";
import { isLayer, type Layer, type ParamTensors, type SampleShape } from "../layer.ts";
import { constraintsOf, regularizersOf, subtree } from "../members.ts";
import type { LayerMode } from "../own.ts";
import { built, checkLayer, type LayerOptions, layerSchema } from "../schema.ts";
import type { ShapeRule } from "../shape-rule.ts";
import type { Values } from "./cell.ts";
import { isRecurrent, type Pass, type RecurrentLayer } from "./recurrent.ts";

const recurrentKind: Stored<RecurrentLayer> = {
  wanted: "a recurrent layer, lstm(64) say",
  accepts: (value): value is RecurrentLayer => isLayer(value) && isRecurrent(value),
  write: ({ config, name }) => config ?? codeConfig(name),
  read(config, nested) {
    const layer = nested.layer(config);
    if (isRecurrent(layer)) return layer;
    throw config.error("a recurrent layer", JSON.stringify(layer.name));
  },
};

const options = {
  /** How outputs are joined: "concat" (the default) side by side, "sum", "mul", "ave"; "none" gives both, for `all` in a model. */
  mergeMode: option(oneOf("concat", "sum", "mul", "ave", "none"), "concat"),
  /** Goes backwards, in place of a second one like the first: with `goBackwards: true`. */
  backwardLayer: option(recurrentKind),
};

/** Options of `bidirectional`. */
export interface BidirectionalOptions extends LayerOptions, OptionsOf<typeof options> {}

export const bidirectionalSchema = layerSchema({
  name: "bidirectional",
  given: { layer: required(recurrentKind) },
  options,
  example: "lstm(64)",
  hasMembers: true,
  make: ({ layer }, options) => bidirectional(layer, options),
});

/** How wide what comes out is hangs on the merge. */
export type MergedRule<R> = R extends number
  ? number
  : R extends readonly ["flatten", number]
    ? readonly ["flatten", number]
    : "any";

/**
 * The layer from the first step to the last and, with weights of its own, from the last to the first. Sequences are joined step by step,
 * and are zeros where a mask hides a step. Its parameters stand under `forwardLayer` and `backwardLayer`; states, given and returned,
 * are those of the one and then of the other.
 */
export function bidirectional<R extends ShapeRule>(
  layer: RecurrentLayer<R>,
  options: BidirectionalOptions = {},
): Layer<MergedRule<R>> {
  const values = checkLayer(bidirectionalSchema, { layer }, options, arguments);
  const origin = here("bidirectional");
  const { mergeMode, backwardLayer = layer } = values;
  checkDirections(layer, values.backwardLayer, origin);
  const { returnSequences, returnState, cell } = layer.recurrent;
  const members = [
    { key: "forwardLayer", layer },
    { key: "backwardLayer", layer: backwardLayer },
  ];
  const outputShape = (sample: SampleShape): SampleShape => {
    const [ahead, back] = [layer.outputShape(sample), backwardLayer.outputShape(sample)];
    const [wide, others] = [back.at(-1) ?? 0, [...ahead.slice(0, -1), back.at(-1) ?? 0]];
    const fits = mergeMode === "concat" ? sameShape(others, back) : mergeMode === "none" || sameShape(ahead, back);
    if (!fits) {
      const found = `${printShape(ahead)} forwards and ${printShape(back)} backwards`;
      throw new ShapeError(
        `bidirectional: the layers give ${found}, which "${mergeMode}" cannot join${atLine(origin)}`,
      );
    }
    return mergeMode === "concat" ? [...ahead.slice(0, -1), (ahead.at(-1) ?? 0) + wide] : ahead;
  };
  const run = (params: ParamTensors, xs: readonly Values[], mode: LayerMode): readonly [Values, ...Values[]] => {
    const [x, ...given] = xs;
    if (x === undefined) throw new UserError(`bidirectional: there is no tensor${atLine(origin)}`);
    const wanted = cell.count + backwardLayer.recurrent.cell.count;
    if (given.length > 0 && given.length !== wanted) {
      const all = `${wanted}, those of the forward layer first`;
      throw new UserError(`bidirectional: behind x come no states or all ${all}, not ${given.length}${atLine(origin)}`);
    }
    const course = { returnSequences, zeroOutputForMask: returnSequences };
    const go = (goBackwards: boolean): Pass => {
      const key = goBackwards ? "backwardLayer" : "forwardLayer";
      const { recurrent } = goBackwards ? backwardLayer : layer;
      const states = goBackwards ? given.slice(cell.count) : given.slice(0, cell.count);
      const pass = recurrent.pass(subtree(params, key), [x, ...states], mode, { ...course, goBackwards });
      const made = [pass.sequence ?? pass.last, ...(returnState ? pass.states : [])];
      penalize(recurrent.activityRegularizer, made, mode.addLoss);
      return pass;
    };
    const [ahead, back] = [go(false), go(true)];
    const [y, z] = [ahead.sequence ?? ahead.last, back.sequence ?? back.last];
    const outputs = mergeMode === "none" ? ([y, z] as const) : ([merged(mergeMode, y, z)] as const);
    if (returnSequences && ahead.mask !== undefined) for (const it of outputs) mode.masks?.give(it, ahead.mask);
    return returnState ? [...outputs, ...ahead.states, ...back.states] : outputs;
  };
  return built(bidirectionalSchema, values, {
    rule: ruleOf(layer.rule, mergeMode, backwardLayer.rule) as MergedRule<R>, // as its type says
    more: (mergeMode === "none" ? 1 : 0) + (returnState ? cell.count + backwardLayer.recurrent.cell.count : 0),
    masking: "own",
    regularizers: regularizersOf(members),
    constraints: constraintsOf(members),
    outputShape,
    params: (sample) => ({ forwardLayer: layer.params(sample), backwardLayer: backwardLayer.params(sample) }),
    several: { outputShape: ([sample = []]) => outputShape(sample), apply: run },
    apply(params: ParamTensors, x, mode) {
      if (mergeMode !== "none") return run(params, [x], mode)[0];
      throw new UserError(
        `bidirectional: mergeMode "none" gives two tensors, of which one would be lost here: take both of them in model({ call }), ` +
          `const [ahead, back] = both.all(x)${atLine(origin)}`,
      );
    },
  });
}

type MergeMode = "concat" | "sum" | "mul" | "ave";

function merged(mode: MergeMode, y: Values, z: Values): Values {
  if (mode === "concat") return concat([y, z], y.shape.length - 1);
  if (mode === "mul") return mul(y, z);
  const sum = add(y, z);
  return mode === "ave" ? mul(sum, 0.5) : sum;
}

/** What is a pair here stands once in the layer's rule: what goes out is as wide as both where they stand side by side. */
function ruleOf(rule: ShapeRule, mode: MergeMode | "none", back: ShapeRule): ShapeRule {
  const widthOf = (rule: ShapeRule): number | undefined => {
    const width = Array.isArray(rule) ? rule[1] : rule;
    return typeof width === "number" ? width : undefined;
  };
  const [ahead, behind] = [widthOf(rule), widthOf(back)];
  if (ahead === undefined || behind === undefined) return "any";
  const width = mode === "concat" ? ahead + behind : ahead;
  return Array.isArray(rule) ? ["flatten", width] : width;
}

function checkDirections({ recurrent }: RecurrentLayer, back: RecurrentLayer | undefined, origin: Origin): void {
  const fail = (text: string): never => {
    throw new UserError(`bidirectional: ${text}${atLine(origin)}`);
  };
  if (recurrent.goBackwards) fail("its layer goes forwards: leave goBackwards out");
  if (back === undefined) return;
  if (!back.recurrent.goBackwards) fail("backwardLayer must have goBackwards: true");
  for (const name of ["returnSequences", "returnState"] as const) {
    if (back.recurrent[name] !== recurrent[name]) fail(`${name} must be the same in its layer and in backwardLayer`);
  }
}
