/**
 * docs/architecture.md walks one step of MNIST through all stages: every line that it shows is one that the stage prints.
 */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { bindTarget } from "../../codegen/target.ts";
import { wasm } from "../../codegen/wasm/target.ts";
import { stagesOf } from "../../src/compile.ts";
import { dense, rmsprop, sequential, trainer } from "../../src/index.ts";

const page = readFileSync(new URL("../../docs/architecture.md", import.meta.url), "utf8");
/** A block names its stage behind the language. */
const shown = [...page.matchAll(/^```text (\w+)\n(.*?)^```/gms)].map(([, stage = "", text = ""]) => ({ stage, text }));

const net = trainer(sequential([dense(512, { activation: "relu" }), dense(10, { activation: "softmax" })]), {
  input: [784],
  loss: "softmaxCrossEntropy",
  optimizer: rmsprop(),
  metrics: ["accuracy"],
});

const { shown: stages } = stagesOf(net.program, "train", { batch: 128 }, bindTarget(wasm));

test("the walk goes through the stages in their order", () => {
  const order = [...stages.keys()];
  const walked = shown.map(({ stage }) => order.indexOf(stage));
  expect(walked).not.toContain(-1);
  expect(walked).toEqual(walked.toSorted((a, b) => a - b));
  expect(shown.length).toBeGreaterThan(5);
});

test.for(shown)("what it shows of $stage is there", ({ stage, text }) => {
  const printed = new Set((stages.get(stage)?.() ?? "").split("\n"));
  expect(text.split("\n").filter((line) => line !== "" && !printed.has(line))).toEqual([]);
});
