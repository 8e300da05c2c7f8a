/**
 * What a user gives for a loss or for a metric: a name, one made with options, or a function of his own; and how that stands in a file.
 */
import { UserError } from "../../core/errors.ts";
import { callable, didYouMean, type Kind, show } from "../../core/options.ts";
import { there } from "../../core/records.ts";
import { type Config, type ConfigReader, type ConfigRecord, codeConfig } from "../config.ts";
import { type Nested, schemaOf } from "../schema.ts";
import type { Measure } from "./loss.ts";

/** Keras's short names of errors, which are losses and metrics alike. */
export const shortErrors = {
  mse: "meanSquaredError",
  mae: "meanAbsoluteError",
  mape: "meanAbsolutePercentageError",
  msle: "meanSquaredLogarithmicError",
  bce: "binaryCrossentropy",
  kld: "klDivergence",
} as const;

/** A function of the user's; what it gives is looked at where it is called. */
export const measureKind: Kind<Measure> = callable();

interface Schema<Made> {
  from(config: ConfigReader, nested: Nested): Made;
  /** With its default options. */
  standard(): Made;
}

/** All losses, or all metrics. `Made` is what one with options is. */
export class ByName<Name extends string, Made extends { readonly config: ConfigRecord }> {
  readonly #what: string;
  readonly #made: new (
    ...args: never[]
  ) => Made;
  readonly #schemas: Readonly<Record<string, Schema<Made>>>;
  readonly #short: ReadonlyMap<string, string>;
  readonly #names: Kind<Name>;

  /** `what` is for messages: "loss". `names` are those that will do without options, `short` what some of them stand for. */
  constructor(
    what: string,
    made: new (...args: never[]) => Made,
    schemas: Readonly<Record<string, Schema<Made>>>,
    short: Readonly<Record<string, string>>,
    names: Kind<Name>,
  ) {
    this.#what = what;
    this.#made = made;
    this.#schemas = schemas;
    this.#short = new Map(Object.entries(short));
    this.#names = names;
  }

  /** As a user gives it. */
  given(given: unknown): Name | Made | Measure {
    if (given instanceof this.#made || measureKind.accepts(given) || this.#names.accepts(given)) return given;
    const { words = [] } = this.#names;
    if (typeof given === "string" && Object.hasOwn(this.#schemas, given)) {
      const kind = this.#what === "loss" ? "losses" : "metrics";
      throw new UserError(`the ${this.#what} "${given}" needs options: ${kind}.${given}({ ... })`);
    }
    const hint = typeof given === "string" ? didYouMean(given, words) : "";
    throw new UserError(
      `there is no ${this.#what} ${show(given)}${hint} (there are: ${words.join(", ")}); a function works too`,
    );
  }

  /** With its options. */
  made(given: Name | Made): Made {
    if (typeof given !== "string") return given;
    return there(this.#schemas[this.#short.get(given) ?? given], given).standard();
  }

  /** In a file: its name, or its options. */
  config(given: Name | Made | Measure): Config {
    if (typeof given === "string") return given;
    return typeof given === "function" ? codeConfig(given.name) : given.config;
  }

  read(from: ConfigReader, nested: Nested): Name | Made {
    if (from.isText) return from.value(this.#names);
    return schemaOf(this.#schemas, from, this.#what).from(from, nested);
  }
}
