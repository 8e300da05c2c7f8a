/**
 * Layers against those of Keras: outputs, gradients of inputs and weights, next values of slots, and masks, as the fixtures in
 * test/fixtures/keras have them. All cases of a file are one program a target.
 *
 *   layersLikeKeras("layers-core")
 *
 * A case whose class has no line in keras-layer-tables.ts fails; one that is refused or answered otherwise on purpose stands there,
 * with why, and in docs/from-keras.md.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compile } from "../src/index.ts";
import { errorOf } from "./keras-error.ts";
import { differenceFrom, type Found, feedsOf, layerCases, programOf, type Wanted, wantedOf } from "./keras-layer-program.ts"; // biome-ignore format: names

import { type LayerFile, type LayerPart, layerParts } from "./keras-layer-tables.ts";
import { note } from "./keras-record.ts";

export {
  KerasOptions,
  type LayerCase,
  layerCases,
  type Numbers,
  numberOf,
} from "./keras-layer-program.ts";

/** Tests for each case of a file on `js` and `wasm`. */
export function layersLikeKeras(file: LayerFile): void {
  const { table, otherwise }: LayerPart = layerParts[file];
  const all = layerCases(file);
  const cases = all.filter(({ name }) => !Object.hasOwn(otherwise, name));
  test("every case has a layer, or says why not", () => {
    expect(cases.filter((one) => table[one.class] === undefined).map(({ name }) => name)).toEqual([]);
    expect(Object.keys(otherwise).filter((name) => !all.some((one) => one.name === name))).toEqual([]);
  });
  const known = cases.filter((one) => table[one.class] !== undefined);

  describe.each(["js", "wasm"] as const)(`${file} on %s`, (target) => {
    let found: Readonly<Record<string, Found>>;
    let dispose: () => void = () => {};
    beforeAll(async () => {
      const executable = await compile(programOf(known, table), { target });
      dispose = () => executable.dispose();
      found = (await executable.run({ entry: "step", feeds: feedsOf(known) as never })) as never;
    }, 60_000);
    afterAll(() => dispose());

    test.each(known.map((one, n) => [one.name, one, n] as const))("%s", (_name, one, n) => {
      const results = found[`c${n}`] ?? {};
      for (const [name, wanted] of wantedOf(one)) {
        expect(results[name], `${name} is there`).toBeDefined();
        note(file, one.name, target, errorOf(results[name] ?? [], wanted.data, wanted.least ?? 1e-3));
        expectClose(`${one.name}: ${name}`, results[name] ?? [], wanted);
      }
    });
  });
}

/** Within `tolerance` of the largest element: see `differenceFrom`. */
export function expectClose(
  what: string,
  ours: number | ArrayLike<number | boolean>,
  wanted: Wanted,
  tolerance = 1e-5,
): void {
  expect(differenceFrom(ours, wanted, tolerance), what).toBeNull();
}
