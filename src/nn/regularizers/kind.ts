/** Regularizers as an option of a layer: functions, and in a file by what they were made from. */
import { codeConfig } from "../config.ts";
import { type Stored, schemaOf } from "../schema.ts";
import * as regularizers from "./all.ts";
import type { Regularizer } from "./regularizer.ts";

export const regularizerKind: Stored<Regularizer> = {
  wanted: "a function of the weights: l2(0.01), say",
  accepts: (value): value is Regularizer => typeof value === "function",
  write: (regularizer) => regularizer.config ?? codeConfig(regularizer.name),
  read: (config, nested) => schemaOf(regularizers, config, "regularizer").from(config, nested),
};
