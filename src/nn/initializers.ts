/**
 * Initializers as an option of a layer: a name, a function of a shape, or values of the weight's own shape. In a file they are what
 * they were made from.
 */
import { ShapeError } from "../core/errors.ts";
import { isInitializer, keyOf } from "../core/options.ts";
import { atLine, type Origin } from "../core/origin.ts";
import {
  glorotNormal,
  glorotUniform,
  heNormal,
  heUniform,
  type Initializer,
  lecunNormal,
  lecunUniform,
  ones,
  orthogonal,
  zeros,
} from "../dsl/initializers.ts";
import { type Fans, scaled, scalings } from "../dsl/scaled-initializers.ts";
import { printShape, sameShape } from "../graph/shape.ts";
import { codeConfig } from "./config.ts";
import { identity, randomNormal, randomUniform, type StartingValues, schemas, truncatedNormal, varianceScaling } from "./initializers/makers.ts"; // biome-ignore format: names
import { type Stored, schemaOf } from "./schema.ts";

/** All that need nothing but a shape. A new one is a line here. */
export const initializers = {
  glorotUniform,
  glorotNormal,
  heUniform,
  heNormal,
  lecunUniform,
  lecunNormal,
  orthogonal,
  zeros,
  ones,
};

/** Those that take options: as a name they have their defaults. */
const makers = { randomNormal, randomUniform, truncatedNormal, varianceScaling, identity };

const scaledNames = Object.keys(scalings) as readonly (keyof typeof scalings)[];

export type InitializerName = keyof typeof initializers | keyof typeof makers;

/** What a weight may be told to start with. */
export type InitializerOption = InitializerName | StartingValues | Initializer;

const nameKind = keyOf({ ...initializers, ...makers });

export const initializerKind: Stored<InitializerOption> = {
  wanted: 'a name such as "heNormal", a function of the shape, or values',
  ...(nameKind.words && { words: nameKind.words }),
  accepts: (value): value is InitializerOption =>
    typeof value === "function" || nameKind.accepts(value) || isInitializer(value),
  write(given) {
    if (typeof given === "string") return given;
    if (typeof given !== "function") return codeConfig("values");
    if (given.config !== undefined) return given.config;
    const known = Object.entries<unknown>(initializers).find(([, made]) => made === given);
    return known === undefined ? codeConfig(given.name) : known[0];
  },
  read(config, nested) {
    if (config.isText) return config.value(nameKind);
    return schemaOf(schemas, config, "initializer").from(config, nested);
  },
};

/** Where a starting value is for, in messages, and its fans where the shape does not say them, as in attention. */
export interface StartPlace {
  /** "dense(10)" */
  readonly call: string;
  /** "kernel" */
  readonly weight: string;
  readonly origin: Origin;
  readonly fans?: Fans | undefined;
}

/** What a weight of this shape starts with; a ShapeError where the initializer has another. */
export function startOf(
  given: InitializerOption,
  shape: readonly number[],
  { call, weight, origin, fans }: StartPlace,
): Initializer {
  const made = startingValues(given, shape, fans);
  if (!isInitializer(made) || sameShape(made.shape, shape)) return made; // what is none `param` refuses
  const [found, wanted] = [printShape(made.shape), printShape(shape)];
  throw new ShapeError(`${call}: the initializer gives ${found}, the ${weight} is ${wanted}${atLine(origin)}`);
}

function startingValues(given: InitializerOption, shape: readonly number[], fans: Fans | undefined): Initializer {
  if (typeof given === "string") {
    return startingValues(isPlain(given) ? initializers[given] : makers[given](), shape, fans);
  }
  if (typeof given !== "function") return given;
  if (fans === undefined) return given(...shape);
  if (given.withFans !== undefined) return given.withFans(shape, fans);
  const known = scaledNames.find((name) => initializers[name] === given);
  return known === undefined ? given(...shape) : scaled(shape, fans, scalings[known]);
}

function isPlain(name: InitializerName): name is keyof typeof initializers {
  return Object.hasOwn(initializers, name);
}
