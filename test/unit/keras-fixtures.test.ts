/**
 * That no case of Keras's fixtures is forgotten: every section of every file is one that tests walk over as a whole, each layer has a
 * line, and what is left out has a reason and is a case. `npm run report:keras` looks at what ran, by case and target.
 */
import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { fixtureCases, fixtureFiles, leftOut } from "../keras-fixtures.ts";
import { layerCases } from "../keras-layer-program.ts";
import { type LayerPart, layerParts } from "../keras-layer-tables.ts";

const sources = readdirSync(new URL(".", import.meta.url))
  .filter((name) => name.endsWith(".test.ts") && name !== "keras-fixtures.test.ts")
  .map((name) => readFileSync(new URL(name, import.meta.url), "utf8"));

test.each(fixtureFiles)("%s", (file) => {
  const names = fixtureCases(file); // refuses a section that nobody runs
  expect(names.length).toBeGreaterThan(0);
  expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([]);
  expect(Object.keys(leftOut[file] ?? {}).filter((name) => !names.includes(name))).toEqual([]);
  for (const why of Object.values(leftOut[file] ?? {})) expect(why.length).toBeGreaterThan(10);
  const isRun = sources.some((source) => source.includes(`note("${file}"`) || source.includes(`layersLikeKeras("${file}"`)); // biome-ignore format: short
  expect(isRun, "a test notes its cases").toBe(true);
});

test.each(Object.entries<LayerPart>(layerParts))("every layer of %s has a line", (file, { table }) => {
  const run = layerCases(file).filter(({ name }) => leftOut[file]?.[name] === undefined);
  expect(run.filter((one) => table[one.class] === undefined).map(({ name }) => name)).toEqual([]);
});
