/** The cases of Keras's fixtures, file by file: what a report must have a row for, and those that are left out, each with why. */
import { readdirSync, readFileSync } from "node:fs";
import { type LayerPart, layerParts } from "./keras-layer-tables.ts";
import { optimizersOtherwise } from "./keras-optimizer-program.ts";

const folder = new URL("fixtures/keras/", import.meta.url);

type Entry = Readonly<Record<string, unknown>>;

/** How the entries of a section are called in the notes of the tests; sections without cases are data of others. */
const nameIn: Readonly<Record<string, Readonly<Record<string, ((one: Entry) => string) | null>>>> = {
  activations: { cases: ({ name, options }) => `${name} ${JSON.stringify(options)}` },
  initializers: {
    scaling: ({ name, shape }) => `${name} of ${shape}`,
    plain: ({ name }) => `${name}`,
    exact: ({ name }) => `${name}`,
    orthogonal: ({ shape, gain }) => `orthogonal ${shape} by ${gain}`,
    layers: ({ layer }) => `${layer}`,
  },
  optimizers: { variables: null, gradients: null, defaults: ({ class: kind }) => `defaults of ${kind}` },
  "layers-core": { drawn: ({ name }) => `drawn ${name}` },
  "layers-recurrent": { stateful: () => "stateful" },
};

export const fixtureFiles: readonly string[] = readdirSync(folder).map((file) => file.replace(/\.json$/, ""));

/** Names of all cases of a file. A section that nobody knows is an error. */
export function fixtureCases(file: string): readonly string[] {
  const content = JSON.parse(readFileSync(new URL(`${file}.json`, folder), "utf8")) as Readonly<
    Record<string, unknown>
  >;
  return Object.entries(content).flatMap(([section, entries]) => {
    if (!Array.isArray(entries)) return [];
    const known = nameIn[file]?.[section] ?? (section === "cases" ? ({ name }: Entry) => `${name}` : undefined);
    if (nameIn[file]?.[section] === null) return [];
    if (known === undefined) throw new Error(`nobody runs the section "${section}" of ${file}.json`);
    return (entries as readonly Entry[]).map(known);
  });
}

/** Cases that are not compared, by file and name, with why: docs/from-keras.md says it too. */
export const leftOut: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  ...Object.fromEntries(Object.entries<LayerPart>(layerParts).map(([file, { otherwise }]) => [file, otherwise])),
  optimizers: optimizersOtherwise,
};
