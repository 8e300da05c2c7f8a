/** What a regularizer that has a config says of itself. */
import type { ConfigReader } from "../config.ts";
import type { Fields, Nested } from "../schema.ts";
import type { Regularizer } from "./regularizer.ts";

export interface RegularizerSchema {
  /** The kind in its config. */
  readonly name: string;
  readonly options: Fields;
  from(config: ConfigReader, nested: Nested): Regularizer;
}
