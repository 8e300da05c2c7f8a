/**
 * Our DOT is DOT for others too: Graphviz 5, as the package graphviz-cli has it, draws every box and every frame that the Graphviz of ours
 * draws, a later one. States with quotes and angle brackets in their names are among them.
 */
import { renderGraphFromSource } from "graphviz-cli";
import { describe, expect, test } from "vitest";
import { drawProgram, type Stage } from "../../src/tools/cli/graph.ts";
import { renderSvg } from "../../src/tools/cli/render.ts";
import { namingOf } from "../../src/tools/names/naming.ts";
import factors from "../cli/scripts/factors.ts";
import mnist from "../cli/scripts/mnist.ts";
import transformer from "../cli/scripts/transformer.ts";

const parts = (svg: string): Record<string, number> =>
  Object.fromEntries(["node", "edge", "cluster"].map((kind) => [kind, svg.split(`class="${kind}"`).length - 1]));

describe("Graphviz 5 draws what ours draws", () => {
  test.each<[string, Stage, boolean]>([
    ["mnist", "kernels", false],
    ["mnist", "optimized", false],
    ["factors", "kernels", false],
    ["transformer", "forward", true],
  ])("%s, %s", async (name, stage, fold) => {
    const program = { mnist, factors, transformer }[name] as typeof mnist;
    const dims = name === "mnist" ? { batch: 32 } : {};
    const dot = String(await drawProgram(program, { stage, format: "dot", dims, fold, naming: namingOf(program) }));
    const old = parts(await renderGraphFromSource({ input: dot }, { format: "svg" }));
    expect(old).toEqual(parts(await renderSvg(dot)));
    expect(old.node).toBeGreaterThan(5);
    if (stage === "kernels") expect(old.cluster).toBeGreaterThan(3);
  });
});
