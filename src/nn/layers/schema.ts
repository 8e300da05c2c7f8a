/**
 * A layer by name: its options as a table, and how a file's values make it. Checks, config and reader follow.
 *
 *   const options = { axis: option(whole(), -1) };
 *   export interface CentreOptions extends LayerOptions, OptionsOf<typeof options> {}
 *   export const centreSchema = layerSchema({ name: "centre", given: {}, options, make: (_, given) => centre(given) });
 *
 *   export function centre(options: CentreOptions = {}): Layer<"same"> {
 *     const values = checkLayer(centreSchema, {}, options, arguments);
 *     return built(centreSchema, values, { rule: "same", apply: (_, x) => sub(x, mean(x, { axis: values.axis, keepDims: true })) });
 *   }
 */

import { UserError } from "../../core/errors.ts";
import { checkArguments, checkValue, text } from "../../core/options.ts";
import { atLine, here } from "../../core/origin.ts";
import { stateLeaf } from "../../dsl/spec.ts";
import { type Tensor, tensorLeaf } from "../../dsl/tensor.ts";
import { leavesOf } from "../../dsl/tree.ts";
import type { ConfigReader } from "../config.ts";
import { penalize } from "../regularizers/activity.ts";
import type { Regularizer } from "../regularizers/regularizer.ts";
import {
  checkFields,
  type Fields,
  type Nested,
  type OptionsOf,
  option,
  readParts,
  type ValuesOf,
  valuesOf,
  writeFields,
} from "../schema.ts";
import { activate } from "./activations.ts";
import { type Layer, type ParamTensors, type ParamTree, type SampleType, sampleOf } from "./layer.ts";
import { type LayerDefinition, layer } from "./own.ts";
import type { ShapeRule } from "./shape-rule.ts";

export const named = {
  /** What its parameters stand under in a model, and what `watch` finds its output by. By default counted: "dense1". */
  name: option(text),
};

/** What every layer may be given. */
export interface LayerOptions extends OptionsOf<typeof named> {}

export interface LayerSchema<G extends Fields, F extends Fields> {
  /** What the function is called, and the kind in a config. */
  readonly name: string;
  /** What is given by position, in order. */
  readonly given: G;
  /** What is given by name, besides `name`. */
  readonly options: F;
  /** What the positions are filled with in a message's example: `10`. */
  readonly example?: string;
  /** Its parameters are those of layers inside, which check their own. */
  readonly hasMembers?: boolean;
  /** Calls the function. */
  make(given: ValuesOf<G>, options: OptionsOf<F> & LayerOptions): Layer;
}

/** A schema as those see it who want a layer by its name. */
export interface AnyLayerSchema {
  readonly name: string;
  readonly given: Fields;
  readonly options: Fields;
  readonly hasMembers?: boolean;
  from(config: ConfigReader, nested: Nested): Layer;
}

export function layerSchema<G extends Fields, F extends Fields>(
  schema: LayerSchema<G, F>,
): LayerSchema<G, F> & Pick<AnyLayerSchema, "from"> {
  const fields = { ...named, ...schema.given, ...schema.options };
  return {
    ...schema,
    from(config, nested) {
      const parts = config.fields("kind", ...Object.keys(fields));
      const given = valuesOf(schema.given, readParts(schema.given, config, parts, nested));
      return schema.make(given, {
        ...readParts(schema.options, config, parts, nested),
        ...readParts(named, config, parts, nested),
      });
    },
  };
}

/** What holds in a call of the layer's function; `call` are its arguments. */
export function checkLayer<G extends Fields, F extends Fields>(
  schema: LayerSchema<G, F>,
  given: NoInfer<OptionsOf<G>>,
  options: (NoInfer<OptionsOf<F>> & LayerOptions) | undefined,
  call: ArrayLike<unknown>,
): ValuesOf<G> & ValuesOf<F> & ValuesOf<typeof named> {
  const { name, example } = schema;
  checkArguments(name, call, Object.keys(schema.given).length + 1);
  const shape = ["inputShape", "input_shape", "inputDim", "input_dim"].find((it) => Object.hasOwn(Object(options), it));
  if (shape !== undefined) {
    const where = "it is the trainer's: trainer(net, { input: [784], ... }), or that of `inputs` of model()";
    throw new UserError(`${name}: there is no option ${JSON.stringify(shape)}, the shape of a sample: ${where}${atLine(here(name))}`); // biome-ignore format: short
  }
  const place = example === undefined ? {} : { before: `${example}, ` };
  checkFields(name, options, { ...schema.options, ...named }, place);
  const values = new Map<string, unknown>(Object.entries(given));
  for (const [key, { kind }] of Object.entries(schema.given)) checkValue(name, key, values.get(key), kind);
  return { ...valuesOf(schema.given, given), ...valuesOf(schema.options, options), ...valuesOf(named, options) };
}

/** What a layer does, once its options are known; its config and name are known from them. */
type Built<P extends ParamTree, R extends ShapeRule, T extends SampleType, M extends number> = Omit<
  LayerDefinition<P, R, T, M>,
  "name" | "givenName" | "config"
> & {
  readonly rule: R;
  /** What it is counted by in a model, where that is not its function's name. */
  readonly name?: string;
  /** It adds what `activityRegularizer` says by itself. */
  readonly penalizes?: boolean;
};

export function built<
  P extends ParamTree,
  R extends ShapeRule,
  T extends SampleType = "f32",
  const M extends number = number,
>(
  { name: kind, given, options, hasMembers = false }: Omit<AnyLayerSchema, "from">,
  values: ValuesOf<typeof named> & { readonly activityRegularizer?: Regularizer | undefined },
  { name = kind, penalizes = false, ...definition }: Built<P, R, T, M>,
): Layer<R, M> {
  const config = { kind, ...writeFields({ ...named, ...given, ...options }, values) };
  const penalized = penalizes ? {} : withPenalty(values.activityRegularizer, definition);
  const made = layer<P, R, T, M>({ ...definition, ...penalized, name, givenName: values.name, config });
  if (definition.params === undefined || hasMembers) return made;
  return {
    ...made,
    apply(params, x, mode) {
      checkParams(kind, params, x, made.params);
      return made.apply(params, x, mode);
    },
  };
}

/** The same with a penalty on what it gives, behind the last activation. */
function withPenalty<P extends ParamTree, R extends ShapeRule, T extends SampleType, M extends number>(
  regularizer: Regularizer | undefined,
  { apply, several, activation = "linear" }: Omit<Built<P, R, T, M>, "name">,
): Partial<Pick<LayerDefinition<P, R, T, M>, "apply" | "several">> {
  if (regularizer === undefined) return {};
  return {
    apply(params, x, mode) {
      const output = apply(params, x, mode);
      penalize(regularizer, [mode.logits ? activate(activation, output) : output], mode.addLoss);
      return output;
    },
    ...(several === undefined
      ? {}
      : {
          several: {
            ...several,
            apply: (params, xs, mode) => {
              const outputs = several.apply(params, xs, mode);
              penalize(regularizer, outputs, mode.addLoss);
              return outputs;
            },
          },
        }),
  };
}

/** That there is a tensor for each parameter that was described. */
function checkParams(kind: string, given: ParamTensors, x: Tensor, params: Layer["params"]): void {
  const sample = sampleOf(x);
  if (sample === null) return;
  const found = new Set(leavesOf(given, tensorLeaf, `${kind}: parameters`).map(({ path }) => path));
  const lost = leavesOf(params(sample), stateLeaf, kind).find(({ path }) => !found.has(path));
  if (lost === undefined) return;
  throw new UserError(
    `${kind}: the parameters have no tensor "${lost.path}": give those that params() described${atLine(here(kind))}`,
  );
}
