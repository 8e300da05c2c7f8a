/** Attention against that of Keras: values, gradients, scores and masks. */
import { expect, test } from "vitest";
import { additiveAttention, attention, compile, groupQueryAttention, multiHeadAttention } from "../../src/index.ts";
import { type KerasOptions, type LayerCase, layerCases, layersLikeKeras, numberOf } from "../keras-layer-cases.ts";
import { type Found, feedsOf, type LayerTable, programOf } from "../keras-layer-program.ts";

/** Options by our names, and `causal`, which Keras is told in the call. */
function options<O>(o: KerasOptions, one: LayerCase, position: readonly string[] = []): O {
  const causal = one.call?.use_causal_mask === true ? { causal: true } : {};
  return { ...o.others<O>(position), ...causal };
}

const table: LayerTable = {
  MultiHeadAttention: (o, one) =>
    multiHeadAttention(o.get("num_heads"), o.get("key_dim"), options(o, one, ["num_heads", "key_dim"])),
  GroupQueryAttention: (o, one) => {
    const position = ["head_dim", "num_query_heads", "num_key_value_heads"] as const;
    const [dim, queries, keys] = position.map((name) => o.get<number>(name)) as [number, number, number];
    return groupQueryAttention(dim, queries, keys, options(o, one, position));
  },
  Attention: (o, one) => attention(options(o, one)),
  AdditiveAttention: (o, one) => additiveAttention(options(o, one)),
};

/** Cases in which a query sees nothing at all: on some paths Keras gives it the mean of all values, here it gets none. */
const blind = {
  "mha-masked-fused-path": "its second query sees nothing, and gets the mean of what is hidden",
  "mha-key-value-masks":
    "queries that do not count, and those of a sample without keys, get the mean of what is hidden",
  "gqa-masked": "its second query sees nothing, and gets the mean of what is hidden",
  "attention-masked": "its second sample has no keys, and gets the mean of what is hidden",
};

layersLikeKeras("layers-attention", table, blind);

/** Which rows of the output see something. */
const seeing: Readonly<Record<keyof typeof blind, readonly number[]>> = {
  "mha-masked-fused-path": [0, 2],
  "mha-key-value-masks": [0, 1],
  "gqa-masked": [0, 2],
  "attention-masked": [0, 1],
};

test("where some queries see nothing, the others get what Keras gives, and those the bias of the output alone", async () => {
  const cases = layerCases("layers-attention").filter(({ name }) => Object.hasOwn(blind, name));
  const executable = await compile(programOf(cases, table), { target: "js" });
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
