/**
 * asLayer(): a model inside another one, with its own parameters under its name.
 *
 *   const encoder = model({ inputs: [28, 28, 1], layers: { ... }, call: ... });
 *   sequential([asLayer(encoder), dense(10)])
 *   model({ inputs: { a: [28, 28, 1], b: [28, 28, 1] }, layers: { encoder, compare: dense(1) }, call: ... })     once for both
 *
 * Its inputs are tensors in the order of their names, and so are its outputs: `encoder.all(x)` gives all of them.
 */

import { ShapeError, UserError } from "../core/errors.ts";
import { checkArguments, show } from "../core/options.ts";
import { atLine, here } from "../core/origin.ts";
import { there } from "../core/records.ts";
import type { Tensor } from "../dsl/tensor.ts";
import { printShape, type Shape, sameShape } from "../graph/shape.ts";
import { activate } from "./layers/activations.ts";
import type { Layer, LayerResults, Mode, ParamTensors, SampleShape, SampleType } from "./layers/layer.ts";
import { type LayerOptions, named } from "./layers/schema.ts";
import type { Model, OutputTensor } from "./model-contract.ts";
import { Ports } from "./ports.ts";
import { checkFields } from "./schema.ts";

/** It is what `model` makes. */
export function isModel(given: unknown): given is Model {
  return typeof given === "object" && given !== null && "outputs" in given && given.outputs instanceof Ports;
}

/** A model as a layer of another one. Its first output is the layer's; a loss on logits takes that one's last activation off. */
export function asLayer(net: Model<string, string> | Model<never, never>, options: LayerOptions = {}): Layer {
  checkArguments("asLayer", arguments, 2);
  checkFields("asLayer", options, named, { before: "net, " });
  if (!isModel(net)) throw new UserError(`asLayer takes what model() made, not ${show(net)}${atLine(here("asLayer"))}`);
  return layerOf(net, options.name);
}

/** The same, checked by whoever calls. */
export function layerOf(net: Model, givenName?: string): Layer {
  const heads = net.outputs.values;
  const [first, ...others] = heads;
  if (first === undefined) throw new UserError("a model must have an output");
  const takes = net.takes.values;
  const what = givenName === undefined ? "the model" : `the model "${givenName}"`;
  const check = (samples: readonly SampleShape[]): void => {
    const wanted = net.inputs.values;
    const fits = samples.length === wanted.length && samples.every((sample, i) => sameShape(sample, wanted[i] ?? []));
    if (fits) return;
    const print = (shapes: readonly SampleShape[]): string => shapes.map(printShape).join(" and ");
    throw new ShapeError(`${what} was made for samples of ${print(wanted)}, not ${print(samples)}`);
  };
  const results = (params: ParamTensors, xs: readonly Tensor<Shape, SampleType>[], mode: Mode): LayerResults => {
    const names = net.inputs.names;
    const given = net.inputs.isSingle
      ? Ports.single(there(xs[0], "input"))
      : Ports.named(names.map((name, i) => [name, there(xs[i], `input ${name}`)] as const));
    const { logits: isBare = false, mask: _, ...inside } = mode;
    const finished = ({ logits, activation, mask }: OutputTensor, i: number): Tensor<Shape, "f32"> => {
      const output = i === 0 && isBare ? logits : activate(activation, logits);
      if (mask !== undefined) mode.masks?.give(output, mask);
      return output;
    };
    const [output, ...more] = net.apply(params, given, inside).values.map(finished);
    return [there(output, "output"), ...more];
  };
  return {
    name: "model",
    ...(givenName === undefined ? {} : { givenName }),
    rule: "any",
    activation: first.activation,
    regularizers: net.regularizers,
    constraints: net.constraints,
    config: net.config,
    ...(takes.length === 1 && takes[0] === "i32" ? { takes: "i32" as const } : {}),
    masking: "own",
    more: others.length,
    outputShape(sample) {
      check([sample]);
      return first.shape;
    },
    params(sample) {
      check([sample]);
      return net.params;
    },
    apply: (params, x, mode = {}) => results(params, [x], mode)[0] as never, // its shape is the head's
    several: {
      outputShape(samples) {
        check(samples);
        return first.shape;
      },
      params(samples) {
        check(samples);
        return net.params;
      },
      apply: (params, xs, mode = {}) => results(params, xs, mode),
    },
  };
}
