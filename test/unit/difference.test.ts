/**
 * What is different between two versions of a program. Every small edit is told by what it is, and nothing else is told with it; a node
 * that is matched has a partner, and both directions tell the same.
 */
import { describe, expect, test } from "vitest";
import { add, f32, i32, matmul, mean, mul, neg, type Program, param, program, relu, scan, softmaxCrossEntropy, square, type Tensor, tanh, uniform, zeros } from "../../src/index.ts"; // biome-ignore format: names
import type { Stage } from "../../src/tools/cli/graph.ts";
import { drawDiff, type Side } from "../../src/tools/cli/graph-diff.ts";
import { renderSvg } from "../../src/tools/cli/render.ts";
import { namingOf } from "../../src/tools/names/naming.ts";

interface Net {
  readonly width?: number;
  readonly activation?: (x: Tensor) => Tensor;
  readonly deeper?: boolean;
  readonly loss?: "cross-entropy" | "squares";
  readonly scale?: number;
  readonly bias?: number;
}

function net({
  width = 8,
  activation = relu,
  deeper = false,
  loss = "cross-entropy",
  scale = 0.5,
  bias = 0,
}: Net = {}) {
  const state = {
    w1: param(uniform(-1, 1, 6, width)),
    b1: param(bias === 0 ? zeros(width) : uniform(-bias, bias, width)),
    w2: param(uniform(-1, 1, width, 3)),
    ...(deeper ? { w3: param(uniform(-1, 1, width, width)) } : {}),
  };
  return program({
    inputs: { x: f32("batch", 6), label: i32("batch") },
    state,
    entries: {
      train({ x, label }, { w1, b1, w2, ...rest }) {
        const first = activation(add(matmul(x, w1), b1));
        const last = "w3" in rest && rest.w3 !== undefined ? activation(matmul(first, rest.w3)) : first;
        const logits = mul(matmul(last, w2), scale);
        const cost = loss === "squares" ? mean(square(logits)) : mean(softmaxCrossEntropy(logits, label));
        return { outputs: { loss: cost } };
      },
      scores({ x }, { w1 }) {
        return { outputs: { y: matmul(x, w1) } };
      },
    },
  }) as Program<unknown>;
}

const side = (made: Program<unknown>, script = "a.ts"): Side => ({ script, program: made, naming: namingOf(made) });

async function told(before: Program<unknown>, after: Program<unknown>, stage: Stage = "forward"): Promise<string> {
  return String(await drawDiff(side(before), side(after, "b.ts"), { stage, format: "text" }));
}

/** Without the line of counts, spaces made one. */
async function lines(before: Program<unknown>, after: Program<unknown>, stage: Stage = "forward"): Promise<string[]> {
  const text = await told(before, after, stage);
  return text.split("\n").flatMap((line) => (/^[-+~] /.test(line) ? [line.replace(/ +/g, " ")] : []));
}

describe("a small edit is told by what it is", () => {
  test.each<Stage>(["forward", "gradient", "optimized"])("the same program, %s: no difference", async (stage) => {
    expect(await told(net(), net(), stage)).toBe("no difference\n");
  });

  test("another constant", async () => {
    expect(await lines(net(), net({ scale: 0.25 }))).toEqual(["~ logits mul(·, 0.5) → mul(·, 0.25)"]);
  });

  test("another activation", async () => {
    const found = await lines(net(), net({ activation: tanh }));
    expect(found).toEqual([expect.stringMatching(/^~ first max\(·, 0\) → tanh$/)]);
  });

  test("another width: states and types, no node is new or gone", async () => {
    const found = await lines(net(), net({ width: 16 }));
    expect(found.slice(0, 3)).toEqual([
      "~ state w1 f32[6,8] → f32[6,16]",
      "~ state b1 f32[8] → f32[16]",
      "~ state w2 f32[8,3] → f32[16,3]",
    ]);
    expect(found.filter((line) => !line.startsWith("~"))).toEqual(["~ entry scores: see --entry scores"].slice(1));
    expect(found).toContainEqual(expect.stringMatching(/^~ first max\(·, 0\) f32\[batch,8\] → f32\[batch,16\]$/));
    expect(found.some((line) => line.includes("logits"))).toBe(false);
    expect(found.at(-1)).toBe("~ entry scores: see --entry scores");
    expect(await told(net(), net({ width: 16 }))).toMatch(
      /\n0 added, 0 removed, \d changed \(in their types alone\)\n/,
    );
  });

  test("a layer more: its state and its nodes are new, and what reads it says so", async () => {
    const found = await lines(net(), net({ deeper: true }));
    expect(found[0]).toBe("+ state w3 f32[8,8]");
    expect(found.filter((line) => line.startsWith("+ ") && !line.includes("state"))).toHaveLength(2); // contract, max
    expect(found.filter((line) => line.startsWith("-"))).toEqual([]);
    expect(found.filter((line) => line.startsWith("~"))).toEqual([
      expect.stringMatching(/^~ %\d+ contract ik,kj, reads last in place of first$/),
    ]);
  });

  test("a layer less is the same the other way round", async () => {
    const [more, less] = [await lines(net(), net({ deeper: true })), await lines(net({ deeper: true }), net())];
    const signs = (found: readonly string[], sign: string): number =>
      found.filter((line) => line.startsWith(sign)).length;
    expect([signs(less, "-"), signs(less, "+"), signs(less, "~")]).toEqual([signs(more, "+"), 0, signs(more, "~")]);
  });

  test("another loss: the layers are the same", async () => {
    const found = await lines(net(), net({ loss: "squares" }));
    expect(found).toContainEqual(expect.stringMatching(/^\+ %\d+ mul\(x, x\) f32\[batch,3\]$/));
    expect(found).toContainEqual(expect.stringMatching(/^- %\d+ exp f32\[batch,3\]$/));
    expect(found.some((line) => /contract|first|logits/.test(line))).toBe(false);
  });

  test("what a state starts with, and an entry of one version alone", async () => {
    expect(await lines(net(), net({ bias: 0.1 }))).toEqual(["~ state b1 starts with other values"]);
    const one = program({ state: { r: param(uniform(0.5, 0.5, 1)) }, entries: { train: (_, { r }) => ({ outputs: { r } }) } }); // biome-ignore format: one line
    const two = program({
      state: { r: param(uniform(0.25, 0.25, 1)) },
      entries: { train: (_, { r }) => ({ outputs: { r } }), other: (_, { r }) => ({ outputs: { r } }) },
    });
    const found = await lines(one as Program<unknown>, two as Program<unknown>);
    expect(found).toEqual(["~ state r starts at 0.5 → 0.25", "+ entry other"]);
  });

  test("in the body of a loop", async () => {
    const looped = (f: typeof tanh) =>
      program({
        inputs: { xs: f32(5, 4), start: f32(4) },
        step: ({ xs, start }) => {
          const { carry } = scan((c: typeof start, x) => ({ carry: f(add(c, x)) }), start, xs);
          return { outputs: { y: carry } };
        },
      }) as Program<unknown>;
    expect(await told(looped(tanh), looped(tanh))).toBe("no difference\n");
    expect(await lines(looped(tanh), looped(neg))).toContainEqual(expect.stringMatching(/tanh → neg/));
  });
});

describe("as a picture", () => {
  const draw = async (before: Program<unknown>, after: Program<unknown>): Promise<string> =>
    String(await drawDiff(side(before), side(after, "b.ts"), { stage: "forward", format: "dot" }));

  test("every node of both is drawn, with its sign; lines lead from box to box", async () => {
    const dot = await draw(net({ deeper: true }), net({ activation: tanh }));
    const boxes = [...dot.matchAll(/^ *(\w+) \[.*?<B>(.)<\/B><\/FONT><\/TD>.*\];$/gm)].filter(([, id]) => id !== "graph"); // biome-ignore format: one line
    const signs = new Map(boxes.map(([, id = "", sign = ""]) => [id, sign]));
    expect([...signs].filter(([id]) => id.startsWith("old_")).length).toBeGreaterThan(2); // w3, contract, max
    expect(new Set(signs.values())).toEqual(new Set(["=", "~", "−"]));
    const lines = [...dot.matchAll(/^ *(\w+) -> (\w+)/gm)];
    expect(lines.length).toBeGreaterThan(10);
    for (const [, from = "", to = ""] of lines) expect([signs.has(from), signs.has(to)]).toEqual([true, true]);
  });

  test("the legend says in words what each sign is, and Graphviz draws it", async () => {
    const svg = await renderSvg(await draw(net({ deeper: true }), net({ activation: tanh, loss: "squares" })));
    for (const word of ["gone", "new", "changed", "the same", "a.ts → b.ts"]) expect(svg).toContain(`>${word}<`.replace(">a.ts", ">train: a.ts")); // biome-ignore format: one line
  });

  test("the same program says so", async () => {
    expect(await draw(net(), net())).toContain("no difference");
  });
});

test("what cannot be compared is an error that says what can", async () => {
  const draw = (options: { stage: Stage; format: "text" | "json"; entry?: string }): Promise<unknown> => drawDiff(side(net()), side(net(), "b.ts"), options); // biome-ignore format: one line
  await expect(draw({ stage: "kernels", format: "text" })).rejects.toThrow(/--stage forward, gradient or optimized/);
  await expect(draw({ stage: "forward", format: "json" })).rejects.toThrow(/no json: use --format text/);
  await expect(draw({ stage: "forward", format: "text", entry: "no" })).rejects.toThrow(
    /the program has train, scores/,
  );
});
