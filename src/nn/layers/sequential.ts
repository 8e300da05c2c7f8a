/**
 * Layers one after the other: a model as a description.
 *
 *   const net = sequential([dense(512, { activation: "relu" }), dropout(0.2), dense(10, { activation: "softmax" })]);
 *   const model = net.params([784]);        { dense1: { kernel, bias }, dense2: { kernel, bias } }: state of a program
 *   net.apply(model, image)                 inside an entry, where `model` are tensors
 *
 * Nothing is stored in a layer: parameters are program state like any other, so `trainer` and a hand-written program use
 * the same layers. `config` is what a layer is made from, as JSON; `layerFrom` (from-config.ts) makes it again.
 */
import { UserError } from "../../core/errors.ts";
import { atLine, here } from "../../core/origin.ts";
import type { Tensor } from "../../dsl/tensor.ts";
import { joinPath } from "../../dsl/tree.ts";
import type { Shape } from "../../graph/shape.ts";
import { codeConfig } from "../config.ts";
import { required, type Stored } from "../schema.ts";
import { activate } from "./activations.ts";
import { applyLayer, isLayer, type Layer, type ParamTree } from "./layer.ts";
import { constraintsOf, keyed, nameNodes, nodesAround, placeInside, regularizersOf, subtree } from "./members.ts";
import { built, checkLayer, type LayerOptions, layerSchema } from "./schema.ts";

/** A model of more layers than this is not read: nobody has one, and each costs time. */
const maxLayers = 1000;

const layersKind: Stored<readonly Layer[]> = {
  wanted:
    'a list of layers: sequential([dense(64, { activation: "relu" }), dense(10)]); of what model() made take asLayer(net)',
  accepts: (value): value is readonly Layer[] => Array.isArray(value) && value.every(isLayer),
  write: (layers) => layers.map(({ config, name }) => config ?? codeConfig(name)),
  read: (config, nested) => config.list(maxLayers).map(nested.layer),
};

export const sequentialSchema = layerSchema({
  name: "sequential",
  given: { layers: required(layersKind) },
  options: {},
  example: "layers",
  hasMembers: true,
  make: ({ layers }, options) => sequential(layers, options),
});

export type RulesOf<L extends readonly Layer[]> = { readonly [K in keyof L]: L[K] extends Layer<infer R> ? R : "any" };

/** Layers one after the other. Its parameters stand under the layers' names, which are counted: dense1, dense2. */
export function sequential<const L extends readonly Layer[]>(layers: L, options: LayerOptions = {}): Layer<RulesOf<L>> {
  if (isLayer(layers)) {
    throw new UserError(
      `sequential takes its layers as one list: sequential([dense(64), dense(10)])${atLine(here("sequential"))}`,
    );
  }
  const values = checkLayer(sequentialSchema, { layers }, options, arguments);
  const members = [...layers]; // as they are now, whatever becomes of the list
  const last = members.at(-1);
  if (last === undefined) throw new UserError(`sequential: a model needs a layer${atLine(here("sequential"))}`);
  const named = keyed("sequential", members);
  const rule = members.map(({ rule }) => rule);
  return built(sequentialSchema, values, {
    rule: rule as RulesOf<L>, // member by member
    activation: last.activation,
    ...(members[0]?.takes === undefined ? {} : { takes: members[0].takes }),
    masking: "own",
    regularizers: regularizersOf(named),
    constraints: constraintsOf(named),
    outputShape: (sample) => members.reduce((shape, member) => member.outputShape(shape), sample),
    params(sample) {
      const found: [string, ParamTree][] = [];
      let shape = sample;
      for (const { layer, key } of named) {
        const params = layer.params(shape);
        if (Object.keys(params).length > 0) found.push([key, params]);
        shape = layer.outputShape(shape);
      }
      return Object.fromEntries(found);
    },
    apply(params, x, around) {
      const { logits, onOutput, mask, ...mode } = around;
      const end = named.length - 1;
      return named.reduce(
        (value, { layer, key }, i) => {
          const withoutEnding = logits && i === end;
          const given = i === 0 && mask !== undefined ? { mask } : {};
          const inside = { ...mode, ...given, logits: withoutEnding, ...placeInside(key, around) };
          const before = nodesAround(value);
          const output = applyLayer(layer, subtree(params, key), value, inside);
          nameNodes(inside.path, value, before);
          onOutput?.(joinPath("", key), withoutEnding ? activate(layer.activation, output) : output, layer);
          return output;
        },
        x as Tensor<Shape, "f32">,
      ); // of what the first member takes: what comes after is of f32
    },
  });
}
