/**
 * layerFrom and optimizerFrom: layers and optimizers from their configs.
 *
 *   layerFrom(JSON.parse(JSON.stringify(net.config)))       the same model: the same parameters by name, the same numbers
 *
 * Nothing is guessed: an unknown kind, an unknown field or a number where a text should be is a DataError with its path.
 */

import { DataError } from "../core/errors.ts";
import type { Initializer } from "../dsl/initializers.ts";
import { ConfigReader, required } from "./config.ts";
import { activationNames, type Layer } from "./layer.ts";
import { activation, type DenseOptions, dense, dropout, flatten, initializers, sequential } from "./layers.ts";
import * as optimizers from "./optimizers/all.ts";
import type { Optimizer } from "./optimizers/optimizer.ts";
import { regularizerFrom } from "./regularizers.ts";
import type { Nested } from "./schema.ts";

/** A layer from the `config` of one: parsed JSON, of any origin. `what` is what errors call it. */
export function layerFrom(config: unknown, what = "layerFrom: config"): Layer {
  return readLayer(new ConfigReader(config, what));
}

/** An optimizer from the `config` of one: parsed JSON, of any origin. `what` is what errors call it. */
export function optimizerFrom(config: unknown, what = "optimizerFrom: config"): Optimizer {
  return readOptimizer(new ConfigReader(config, what));
}

/** A model of more layers than this is not read: nobody has one, and each costs time. */
const maxLayers = 1000;

export function readLayer(reader: ConfigReader): Layer {
  const kind = reader.kind();
  switch (kind) {
    case "dense":
      return readDense(reader);
    case "activation": {
      const fields = reader.fields("kind", "name", "activation");
      return activation(required(fields.activation, reader, "activation").oneOf(activationNames), nameIn(fields.name));
    }
    case "flatten":
      return flatten(nameIn(reader.fields("kind", "name").name));
    case "dropout": {
      const fields = reader.fields("kind", "name", "rate");
      return dropout(required(fields.rate, reader, "rate").number(), nameIn(fields.name));
    }
    case "sequential": {
      const fields = reader.fields("kind", "name", "layers");
      const members = required(fields.layers, reader, "layers").list(maxLayers);
      return sequential(members.map(readLayer), nameIn(fields.name));
    }
    case "code":
      throw isCode(reader, "layer");
    default:
      throw reader.error("a layer (dense, activation, flatten, dropout, sequential)", JSON.stringify(kind));
  }
}

function readDense(reader: ConfigReader): Layer {
  const fields = reader.fields(
    "kind", "name", "units", "activation", "useBias", "initializer", "trainable", "kernelRegularizer", "biasRegularizer",
  ); // biome-ignore format: names
  const options: { -readonly [K in keyof DenseOptions]: DenseOptions[K] } = nameIn(fields.name);
  if (fields.activation !== undefined) options.activation = fields.activation.oneOf(activationNames);
  if (fields.useBias !== undefined) options.useBias = fields.useBias.boolean();
  if (fields.trainable !== undefined) options.trainable = fields.trainable.boolean();
  if (fields.initializer !== undefined) options.initializer = readInitializer(fields.initializer);
  if (fields.kernelRegularizer !== undefined) options.kernelRegularizer = regularizerFrom(fields.kernelRegularizer);
  if (fields.biasRegularizer !== undefined) options.biasRegularizer = regularizerFrom(fields.biasRegularizer);
  return dense(required(fields.units, reader, "units").whole(1), options);
}

function readInitializer(reader: ConfigReader): (...shape: number[]) => Initializer {
  if (!reader.isText) throw isCode(reader, "initializer");
  return initializers[reader.oneOf(Object.keys(initializers) as (keyof typeof initializers)[])];
}

function nameIn(field: ConfigReader | undefined): { name?: string } {
  return field === undefined ? {} : { name: field.text() };
}

export function readOptimizer(reader: ConfigReader): Optimizer {
  return schemaOf(optimizers, reader, "optimizer").from(reader, nested);
}

const nested: Nested = { layer: readLayer };

/** The schema that the kind of a config names. */
function schemaOf<T>(known: Readonly<Record<string, T>>, reader: ConfigReader, what: string): T {
  const kind = reader.kind();
  if (kind === "code") throw isCode(reader, what);
  const found = Object.hasOwn(known, kind) ? known[kind] : undefined;
  if (found !== undefined) return found;
  throw reader.error(
    `a${/^[aeiou]/.test(what) ? "n" : ""} ${what} (${Object.keys(known).join(", ")})`,
    JSON.stringify(kind),
  );
}

/** A function cannot be read from a file. */
export function isCode(reader: ConfigReader, what: string): DataError {
  return new DataError(`${reader.path}: this ${what} is code, which no file holds: make it where you have that code`);
}
