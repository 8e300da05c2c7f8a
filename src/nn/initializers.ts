/** Initializers as an option of a layer: functions of a shape, those of this library by name in a file. */
import { keyOf } from "../core/options.ts";
import {
  glorotNormal,
  glorotUniform,
  heNormal,
  heUniform,
  type Initializer,
  ones,
  orthogonal,
  zeros,
} from "../dsl/initializers.ts";
import { codeConfig } from "./config.ts";
import { codeError, type Stored } from "./schema.ts";

/** All that a config can name: those that need nothing but a shape. A new one is a line here. */
export const initializers = { glorotUniform, glorotNormal, heUniform, heNormal, orthogonal, zeros, ones };

const nameKind = keyOf(initializers);

export const initializerKind: Stored<(...shape: number[]) => Initializer> = {
  wanted: "a function",
  accepts: (value): value is (...shape: number[]) => Initializer => typeof value === "function",
  write(initializer) {
    const known = Object.entries<(...shape: number[]) => Initializer>(initializers).find(
      ([, made]) => made === initializer,
    );
    return known === undefined ? codeConfig(initializer.name) : known[0];
  },
  read(config) {
    if (!config.isText) throw codeError(config, "initializer");
    return initializers[config.value(nameKind)];
  },
};
