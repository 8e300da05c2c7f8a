/**
 * Mermaid shows what DOT shows: the same boxes, lines and frames. Names that hold what means something to Mermaid, to HTML or to Markdown
 * are text. (What it makes of each of these was seen with Mermaid 11 in Chromium, where every label reads as the name does.)
 */
import { describe, expect, test } from "vitest";
import { mermaidText } from "../../codegen/escape.ts";
import lstm from "../../examples/char-lstm.ts";
import { type DrawOptions, drawProgram } from "../../src/tools/cli/graph.ts";
import { namingOf } from "../../src/tools/names/naming.ts";
import factors from "../cli/scripts/factors.ts";
import mnist from "../cli/scripts/mnist.ts";
import transformer from "../cli/scripts/transformer.ts";
import { expectGolden } from "../golden.ts";

interface Structure {
  readonly boxes: readonly string[];
  readonly lines: readonly string[];
  readonly frames: readonly string[];
}

/** `frame`: what a line that opens a frame looks like. Groups of boxes in a kernel are frames of DOT alone. */
function structureOf(text: string, box: RegExp, line: RegExp, frame: RegExp): Structure {
  const all = (pattern: RegExp): readonly string[] =>
    [...text.matchAll(pattern)].map(([, ...parts]) => parts.filter((part) => part !== undefined).join(" ")).toSorted();
  return {
    boxes: all(box).filter((id) => !id.startsWith("legend_") && !["graph", "node", "edge"].includes(id)),
    lines: all(line),
    frames: all(frame).filter((id) => id !== "legend" && !/^(\w+_)?k\d+_\d+$/.test(id)),
  };
}

const ofDot = (text: string): Structure =>
  structureOf(text, /^ *(\w+) \[/gm, /^ *(\w+) -> (\w+)/gm, /^ *subgraph cluster_(\w+) \{/gm);
const ofMermaid = (text: string): Structure =>
  structureOf(text, /^ *(\w+)\["/gm, /^ *(\w+) (?:-->|==>|-\.->)(?:\|\w+\|)? (\w+)$/gm, /^ *subgraph (\w+)\["/gm);

describe("Mermaid has the structure of the DOT", () => {
  test.each<[string, Pick<DrawOptions, "stage" | "fold" | "entry">]>([
    ["mnist", { stage: "forward" }],
    ["mnist", { stage: "optimized" }],
    ["mnist", { stage: "kernels" }],
    ["factors", { stage: "kernels" }],
    ["lstm", { stage: "forward", entry: "write" }],
    ["transformer", { stage: "forward", fold: true }],
    ["transformer", { stage: "optimized", fold: true }],
  ])("%s, %o", async (name, options) => {
    const program = { mnist, factors, transformer, lstm }[name] ?? mnist;
    const dims = name === "mnist" ? { batch: 32 } : {};
    const draw = async (format: "dot" | "mermaid"): Promise<string> =>
      String(await drawProgram(program, { ...options, format, dims, naming: namingOf(program) }));
    const [dot, mermaid] = [await draw("dot"), await draw("mermaid")];
    expect(ofMermaid(mermaid)).toEqual(ofDot(dot));
    expect(ofDot(dot).lines.length).toBeGreaterThan(5);
    if (options.stage === "kernels" || options.fold === true) expect(ofDot(dot).frames.length).toBeGreaterThan(1);
    const classes = [...mermaid.matchAll(/^ *class ([\w,]+) (\w+)$/gm)];
    const known = new Set([...ofMermaid(mermaid).boxes, ...ofMermaid(mermaid).frames]);
    for (const [, ids = "", look] of classes) {
      expect(mermaid).toContain(`classDef ${look} `);
      for (const id of ids.split(",")) expect(id.startsWith("legend") || known.has(id), id).toBe(true);
    }
  });
});

test("the kernels of the MNIST step are as the golden file says", async () => {
  const options = { stage: "kernels", format: "mermaid", dims: { batch: 128 } } as const;
  expectGolden("mnist-step.mmd", String(await drawProgram(mnist, { ...options, naming: namingOf(mnist) })));
});

describe("special characters", () => {
  test.each([
    ["<script>alert(1)</script>", "#lt;script#gt;alert(1)#lt;/script#gt;"],
    ['a"b\\c', "a#quot;b#92;c"],
    ["&lt; #quot;", "#amp;lt#59; #35;quot#59;"],
    ['%%{init: {"theme":"dark"}}%%', "#37;#37;#123;init#58; #123;#quot;theme#quot;#58;#quot;dark#quot;#125;#125;#37;#37;"], // biome-ignore format: pair
    ["`a` *b* _c_ ~d~", "#96;a#96; #42;b#42; #95;c#95; #126;d#126;"],
    ["style: a#b;", "style#58; a#35;b#59;"],
    ["$$x$$ fa:fa-car", "#36;#36;x#36;#36; fa#58;fa-car"],
    ["[a](b) www.c a@b", "[a]#40;b) www#46;c a#64;b"],
    ["model_dense1_kernel f32[128,10] → %18 mul(·, 0.9)", "model_dense1_kernel f32[128,10] → %18 mul(·, 0.9)"],
    ["a\nb\u0000\ud800", "a b\ufffd\ufffd"],
  ])("%j", (name, text) => {
    expect(mermaidText(name)).toBe(text);
  });

  test("in the names of states", async () => {
    const text = String(await drawProgram(factors, { stage: "forward", format: "mermaid" }));
    expect(text).toContain('["S model.v #lt;#quot;b#amp;#gt;<br/>f32[3,5]"]');
    for (const [, label = ""] of text.matchAll(/\["(.*)"\]$/gm)) {
      expect(label.replaceAll("<br/>", "")).toMatch(/^(?:[^"<>&#;]|#\w+;)*$/);
    }
  });
});
