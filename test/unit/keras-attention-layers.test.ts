/** Attention against that of Keras: values, gradients, scores and masks. */
import { expect, test } from "vitest";
import { compile } from "../../src/index.ts";
import { layerCases, layersLikeKeras, numberOf } from "../keras-layer-cases.ts";
import { type Found, feedsOf, programOf } from "../keras-layer-program.ts";
import { blind, layerParts } from "../keras-layer-tables.ts";

layersLikeKeras("layers-attention");

/** Which rows of the output see something. */
const seeing: Readonly<Record<keyof typeof blind, readonly number[]>> = {
  "mha-masked-fused-path": [0, 2],
  "mha-key-value-masks": [0, 1],
  "gqa-masked": [0, 2],
  "attention-masked": [0, 1],
};

test("where some queries see nothing, the others get what Keras gives, and those the bias of the output alone", async () => {
  const cases = layerCases("layers-attention").filter(({ name }) => Object.hasOwn(blind, name));
  const executable = await compile(programOf(cases, layerParts["layers-attention"].table), { target: "js" });
  const found = (await executable.run({ entry: "step", feeds: feedsOf(cases) as never })) as never as Record<
    string,
    Found
  >;
  executable.dispose();
  for (const [n, { name, outputs, weights }] of cases.entries()) {
    const ours = found[`c${n}`]?.y0 as ArrayLike<number>;
    const width = outputs[0]?.shape.at(-1) ?? 1;
    const bias = weights.find((it) => it.name === "attention_output/bias")?.data.map(numberOf);
    const rows = seeing[name as keyof typeof blind];
    for (let i = 0; i < ours.length; i++) {
      const wanted = rows.includes(Math.floor(i / width)) ? outputs[0]?.data[i] : (bias?.[i % width] ?? 0);
      expect(ours[i], `${name}[${i}]`).toBeCloseTo(Number(wanted), 5);
    }
  }
});
