/**
 * layerFrom, lossFrom, metricFrom and optimizerFrom: layers, losses, metrics and optimizers from their configs.
 *
 *   layerFrom(JSON.parse(JSON.stringify(net.config)))       the same model: the same parameters by name, the same numbers
 *
 * Each is read by its own schema. Nothing is guessed: an unknown kind, an unknown field or a number where a text should be is a
 * DataError with its path.
 */

import { withLine } from "../core/origin.ts";
import { ConfigReader } from "./config.ts";
import * as layers from "./layers/all.ts";
import type { Layer } from "./layers/layer.ts";
import type { Loss } from "./losses/loss.ts";
import { lossesByName } from "./losses/losses.ts";
import type { Metric } from "./metrics/metric.ts";
import { metricsByName } from "./metrics/metrics.ts";
import * as optimizers from "./optimizers/all.ts";
import { groupsFrom } from "./optimizers/groups.ts";
import { lossScaleFrom } from "./optimizers/loss-scale.ts";
import type { Optimizer } from "./optimizers/optimizer.ts";
import { type Nested, schemaOf } from "./schema.ts";

/** A layer from the `config` of one: parsed JSON, of any origin. `what` is what errors call it. */
export function layerFrom(config: unknown, what = "layerFrom: config"): Layer {
  return readHere(what, () => readLayer(new ConfigReader(config, what)));
}

/** An optimizer from the `config` of one: parsed JSON, of any origin. `what` is what errors call it. */
export function optimizerFrom(config: unknown, what = "optimizerFrom: config"): Optimizer {
  return readHere(what, () => readOptimizer(new ConfigReader(config, what)));
}

/** A loss from the `config` of one: parsed JSON, of any origin. `what` is what errors call it. */
export function lossFrom(config: unknown, what = "lossFrom: config"): Loss {
  return readHere(what, () => lossesByName.made(lossesByName.read(new ConfigReader(config, what), nested)));
}

/** A metric from the `config` of one: parsed JSON, of any origin. `what` is what errors call it. */
export function metricFrom(config: unknown, what = "metricFrom: config"): Metric {
  return readHere(what, () => metricsByName.made(metricsByName.read(new ConfigReader(config, what), nested)));
}

/** What is wrong with a config is told with the line that gave it. */
function readHere<T>(what: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw withLine(error, what);
  }
}

export function readLayer(config: ConfigReader): Layer {
  return schemaOf(layers, config, "layer").from(config, nested);
}

export function readOptimizer(config: ConfigReader): Optimizer {
  const kind = config.kind();
  if (kind === "groups") return groupsFrom(config, readOptimizer);
  if (kind === "lossScale") return lossScaleFrom(config, readOptimizer);
  return schemaOf(optimizers, config, "optimizer").from(config, nested);
}

export const nested: Nested = { layer: readLayer };
