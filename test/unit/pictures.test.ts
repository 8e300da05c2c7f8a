/**
 * Pictures say what the compiler says: every node and operand is drawn or stands in its reader's box, frames hold what the
 * report's kernels fuse, bars are the plan's.
 */
import { describe, expect, test } from "vitest";
import { printDot } from "../../codegen/picture/dot.ts";
import { drawEntry } from "../../codegen/picture/drawing.ts";
import type { Box, Drawing } from "../../codegen/picture/drawn.ts";
import { type Folding, foldEntry } from "../../codegen/picture/fold.ts";
import { graphJson } from "../../codegen/picture/json.ts";
import { operandsOf } from "../../codegen/picture/label.ts";
import { liveBytes, printMemorySvg } from "../../codegen/picture/memory.ts";
import { rolesOf } from "../../codegen/picture/roles.ts";
import { shortName } from "../../codegen/picture/short.ts";
import { bytesText, flopsText } from "../../codegen/picture/units.ts";
import checkpointed from "../../examples/checkpoint.ts";
import { afterPass, type Stages, stagesOf } from "../../src/compile.ts";
import { jsTarget, plannedTargets } from "../../src/eager-targets.ts";
import { type Entry, neededNodes } from "../../src/graph/entry.ts";
import type { Node } from "../../src/graph/node.ts";
import { printNode } from "../../src/graph/print.ts";
import { add, arange, dense, f32, grad, greater, mean, mul, param, program, relu, rmsprop, sequential, sum, tanh, trainer, variance, where, zeros } from "../../src/index.ts"; // biome-ignore format: names
import { printBuffer } from "../../src/program/buffer.ts";
import { launchesOf, type Sequence } from "../../src/program/sequence.ts";
import { drawProgram, kernelsOf, memoryOf } from "../../src/tools/cli/graph.ts";
import { renderPng, renderSvg } from "../../src/tools/cli/render.ts";
import { transformer } from "../cli/scripts/transformer.ts";
import { recurrentProgram } from "../loop-programs.ts";
import { mnistDims, mnistStep } from "../mnist-step.ts";

const mnist = (): Stages => stagesOf(mnistStep(rmsprop()), "train", mnistDims, jsTarget);
const title = { title: "t", about: "a" };

test("numbers for people", () => {
  const sizes = [0, 1023, 1536, 12_700, 101_876, 102_000, 2 ** 20, 2 ** 41];
  expect(sizes.map(bytesText)).toEqual([
    "0 B",
    "1023 B",
    "1.5 KiB",
    "12 KiB",
    "99 KiB",
    "100 KiB",
    "1 MiB",
    "2048 GiB",
  ]);
  expect([99_400, 99_600, 102_760_448].map(flopsText)).toEqual(["99 kflop", "100 kflop", "103 Mflop"]);
});

function entryAfter(stages: Stages, pass: "differentiate" | "simplify" | null): Entry {
  if (pass === null) return stages.written;
  return pass === "simplify" ? stages.simplified : stages.differentiated;
}

/** The frame of each launch has a box for each buffer that it reads. */
function checkReads({ frames }: Drawing, sequence: Sequence): void {
  const launches = launchesOf(sequence);
  expect(frames?.length).toBe(launches.length);
  for (const [i, step] of launches.entries()) {
    const written = new Set(step.kernel.buffers.filter(({ role }) => role === "write").map(({ name }) => name));
    const bound = step.bindings.filter(({ param }) => !written.has(param)).map(({ buffer }) => printBuffer(buffer));
    const read = frames?.[i]?.clusters.flat().flatMap((box) => (box.store === undefined ? [bufferOf(box)] : []));
    expect(new Set(read)).toEqual(new Set(bound));
  }
}

/** Every operand of every box is a text in it or a line to it, and there is no other line. */
function checkOperands({ entry, boxes, lines, frames }: Drawing): void {
  const byId = new Map(boxes.map((box) => [box.id, box]));
  expect(byId.size).toBe(boxes.length);
  const stored = new Set(
    frames === null ? [] : boxes.filter((box) => typeof box.store === "string").map((b) => b.node),
  );
  const results = new Set([...entry.outputs, ...entry.next].map(({ node }) => node));
  const isKept = (node: Node): boolean => stored.has(node) || results.has(node);
  const computed = boxes.filter(({ look }) => look === "op" || look === "view");
  const drawn = lines.flatMap(({ from, to, operands }) => operands.map((i) => `${byId.get(from)?.node.id} ${to} ${i}`));
  const wanted = computed.flatMap((box) =>
    operandsOf(box.node, isKept).flatMap((operand, i) =>
      operand.kind === "line" ? [`${operand.node.id} ${box.id} ${i}`] : [],
    ),
  );
  const loads = boxes.filter(({ look }) => look === "buffer").map((box) => `${box.node.id} ${box.id} 0`);
  expect(drawn.toSorted()).toEqual([...wanted, ...loads].toSorted());
  const constants = new Set(["constant", "broadcast", "size"]);
  for (const node of neededNodes(entry)) {
    if (!constants.has(node.op.name)) expect(computed.some((box) => box.node === node) || isSource(node)).toBe(true);
  }
}

const isSource = (node: Node): boolean => node.op.name === "input" || node.op.name === "state";

describe("the MNIST step", () => {
  const stages = mnist();
  const kernels = kernelsOf(stages);
  const drawings: Readonly<Record<string, Drawing>> = {
    forward: drawEntry(entryAfter(stages, null)),
    gradient: drawEntry(entryAfter(stages, "differentiate")),
    optimized: drawEntry(entryAfter(stages, "simplify")),
    kernels: drawEntry(stages.ordered.fused.entry, kernels),
  };

  test.each(Object.keys(drawings))("%s: every node and operand is drawn, and DOT has every box and line", (stage) => {
    const drawing = drawings[stage] as Drawing;
    checkOperands(drawing);
    const dot = printDot(drawing, title);
    for (const { id } of drawing.boxes) expect(dot.split(new RegExp(`^ *${id} \\[`, "m")).length).toBe(2);
    for (const { from, to } of drawing.lines) expect(dot).toMatch(new RegExp(`^ *${from} -> ${to}( \\[.*\\])?;$`, "m"));
    expect(dot.match(/ -> /g)?.length).toBe(drawing.lines.length);
  });

  test("a frame is a kernel of the report, with the nodes it fuses and where it stores them", () => {
    const { frames } = drawings.kernels as Drawing;
    const computed = (box: Box): boolean => (box.look === "op" || box.look === "view") && !box.again;
    const drawn = frames?.map(({ name, clusters }) => {
      const boxes = clusters.flat().filter(computed);
      return { name, fuses: boxes.map(({ node }) => printNode(node)).toSorted() };
    });
    const told = stages.report.kernels.map(({ name, fuses }) => ({ name, fuses: fuses.toSorted() }));
    expect(drawn).toEqual(told);
    expect(frames?.map(({ step }) => step)).toEqual(told.map((_, i) => i));
    for (const box of frames?.flatMap(({ clusters }) => clusters.flat().filter(computed)) ?? []) {
      expect(box.store).toBe(stages.ordered.bufferOf.get(box.node) ?? null);
    }
  });

  test("a kernel's frame holds the buffers it reads, and a line comes from the kernel that stored each", () => {
    const { frames, lines } = drawings.kernels as Drawing;
    const frameOf = new Map(
      frames?.flatMap((frame) => frame.clusters.flat().map((box) => [box.id, frame.id] as const)),
    );
    for (const { from, to, into } of lines) {
      expect(frameOf.get(to)).toBe(into ?? frameOf.get(from));
    }
    checkReads(drawings.kernels as Drawing, stages.sequence);
  });

  test("forward, backward and update are told apart at every stage", () => {
    const opsOf = (entry: Entry, role: string): ReadonlySet<string> =>
      new Set([...rolesOf(entry)].flatMap(([node, its]) => (its === role ? [node.op.name] : [])));
    expect(opsOf(entryAfter(stages, null), "backward")).toEqual(new Set(["gradient"]));
    for (const pass of ["differentiate", "simplify"] as const) {
      const entry = entryAfter(stages, pass);
      const count = (op: string, role: string): number =>
        [...rolesOf(entry)].filter(([node, its]) => node.op.name === op && its === role).length;
      expect([count("contract", "forward"), count("contract", "backward"), count("contract", "update")]).toEqual([
        2, 3, 0,
      ]);
      expect([count("sqrt", "update"), count("exp", "forward"), count("gt", "backward")]).toEqual([4, 1, 1]);
      for (const { node } of entry.outputs) expect(rolesOf(entry).get(node)).toBe("forward");
      for (const { node } of entry.next) expect(rolesOf(entry).get(node)).toBe(isSource(node) ? "source" : "update");
    }
  });

  test("what a checkpoint makes again is told from both passes, and from what is kept", () => {
    const { simplified, sequence, ordered } = stagesOf(checkpointed, "again", { batch: 64 }, jsTarget);
    const roles = rolesOf(simplified);
    const opsAs = (role: string): readonly string[] =>
      [...roles].flatMap(([node, its]) => (its === role && node.op.kind !== "view" ? [node.op.name] : []));
    expect(opsAs("again")).toEqual(["contract", "maxWithIndex", "maxWithIndex", "add", "max"]);
    expect(opsAs("forward").filter((op) => op === "contract")).toHaveLength(3);
    const boxes = foldEntry(simplified).boxes.map(({ role, name }) => `${role} ${name}`);
    expect(boxes).toEqual(expect.arrayContaining(["forward features", "again features", "backward features"]));
    const drawing = drawEntry(ordered.fused.entry, kernelsOf({ ordered, sequence } as Stages));
    checkReads(drawing, sequence);
    expect(printDot(drawing, title)).toContain("again in the backward pass");
  });

  test("a box says what is computed, with constants in place of operands", () => {
    const titles = new Set((drawings.optimized as Drawing).boxes.map((box) => box.title));
    for (const wanted of [
      "contract ik,kj",
      "contract ki,kj",
      "max(·, 0)",
      "mul(·, 0.9)",
      "mul(x, x)",
      "sum over 1",
      "sum over all",
    ]) {
      expect(titles).toContain(wanted);
    }
    const dot = printDot(drawings.optimized as Drawing, title);
    expect(dot).toContain("f32[128,512]");
    for (const { name } of stages.written.next) {
      if (name !== "opt.learningRate") expect(dot).toContain(`→ next ${name}`);
    }
  });

  test("the same program gives the same text, in any process of compiling it", () => {
    const again = mnist();
    expect(printDot(drawEntry(again.ordered.fused.entry, kernelsOf(again)), title)).toBe(
      printDot(drawings.kernels as Drawing, title),
    );
    expect(printMemorySvg(memoryOf(again))).toBe(printMemorySvg(memoryOf(stages)));
  });

  test.each(Object.keys(drawings))("%s fits a screen and can be read there", async (stage) => {
    const svg = await renderSvg(printDot(drawings[stage] as Drawing, title));
    const [width, height] = (/width="([\d.]+)pt" height="([\d.]+)pt"/.exec(svg)?.slice(1) ?? []).map(
      (pt) => (Number(pt) * 4) / 3,
    );
    const scale = Math.min(1, 1600 / (width ?? 0), 1000 / (height ?? 0));
    expect(12 * scale).toBeGreaterThan(10); // an op's name, in pixels
    expect(svg.length).toBeLessThan(300_000);
    expect(isPng(await renderPng(svg, 0.5))).toBe(true);
  });

  test("JSON has every node, with its part, kernel and buffer", () => {
    const json = graphJson(stages.ordered.fused.entry, kernels) as {
      readonly nodes: readonly { readonly id: number }[];
    };
    expect(json.nodes.map(({ id }) => id)).toEqual(neededNodes(stages.ordered.fused.entry).map(({ id }) => id));
    expect(json.nodes.filter((node) => "kernel" in node && node.kernel !== null).length).toBe(
      stages.report.kernels.flatMap(({ fuses }) => fuses).length,
    );
  });

  test("memory: bars are the plan's, and live bytes reach the lower bound and stay within the arena", () => {
    const { arena } = stages.layout;
    const memory = memoryOf(stages);
    const bars = [...printMemorySvg(memory).matchAll(/class="bar".*?<title>(.*?); .*?<\/title>/g)].map(
      ([, words]) => words,
    );
    const planned = arena.placements.map(
      ({ buffer, bytes, offset, first, last }) =>
        `${printBuffer(buffer)}: ${bytes} bytes at offset ${offset}, steps ${first + 1} to ${last + 1}`,
    );
    expect(planned.length).toBeGreaterThan(3);
    expect(bars).toEqual(planned);
    expect(Math.max(...liveBytes(memory))).toBe(arena.lowerBoundBytes);
    const columns = [...printMemorySvg(memory).matchAll(/<title>(\d+) bytes live/g)].map(([, bytes]) => Number(bytes));
    expect(columns).toEqual(liveBytes(memory));
  });
});

test("a sum of two launches is drawn in both: what it reads in the first, its parts in the second", () => {
  const made = program({
    inputs: { x: f32(500_000) },
    step: ({ x }) => ({ outputs: { y: add(variance(tanh(x)), 1) } }), // of two sums, each of which takes two launches
  });
  const stages = stagesOf(made, "step", {}, plannedTargets.wgsl);
  const { frames, lines } = drawEntry(stages.ordered.fused.entry, kernelsOf(stages));
  const inFrame = frames?.map(({ clusters }) => clusters.flat()) ?? [];
  const titles = inFrame.map((boxes) => boxes.map(({ title }) => title));
  expect(titles[1]).toEqual([expect.stringMatching(/^%\d+$/), "sum over all"]);
  expect(titles[2]).toEqual(
    expect.arrayContaining([expect.stringMatching(/^parts of %\d+$/), "sum of the parts", "sub"]),
  );
  expect(titles[3]?.toSorted()).toEqual([
    "add(·, 1)",
    "div(·, 500000)",
    expect.stringMatching(/^parts of %/),
    "sum of the parts",
  ]);
  const frameOf = new Map(inFrame.flatMap((boxes, i) => boxes.map((box) => [box.id, i] as const)));
  const between = lines.filter(({ into }) => into !== null).map(({ from, to }) => [frameOf.get(from), frameOf.get(to)]);
  expect(between.toSorted()).toEqual([[0, 1], [0, 2], [1, 2], [2, 3]]); // biome-ignore format: pairs
});

test("a third launch that reads such a sum reads it from memory", () => {
  const made = program({
    inputs: { x: f32(300_000), w: f32(300_000) },
    step: ({ x, w }) => ({ outputs: { y: add(sum(tanh(x)), sum(w)), s: sum(mul(x, w)) } }),
  });
  const stages = stagesOf(made, "step", {}, plannedTargets.wgsl);
  const { frames, lines } = drawEntry(stages.ordered.fused.entry, kernelsOf(stages));
  const inFrame = frames?.map(({ clusters }) => clusters.flat()) ?? [];
  const joining = inFrame.filter((boxes) => boxes.some(({ title }) => title === "sum of the parts"));
  const joined = joining.flatMap((boxes) => boxes.filter(({ title }) => title === "sum of the parts"));
  expect(joined.map(({ node }) => node.id).toSorted()).toEqual(
    [...new Set(joined.map(({ node }) => node.id))].toSorted(),
  );
  const last = inFrame.at(-1) ?? [];
  const read = last.filter(({ look, title }) => look === "buffer" && /^%\d+$/.test(title));
  expect(read).toHaveLength(1);
  const from = lines.filter(({ to }) => to === read[0]?.id).map((line) => line.from);
  expect(joined.filter(({ id }) => from.includes(id)).map(({ store }) => store === null)).toEqual([false]);
});

test("second derivatives are backward, what is made of gradients is update, unless it was made before", () => {
  const made = program({
    state: { w: param(zeros(3)), decay: param(zeros()) },
    step: (_, { w, decay }) => {
      const loss = sum(mul(mul(w, w), w));
      const slope = sum(grad(loss, w));
      const curve = grad(slope, w);
      return { outputs: { loss, norm: mean(mul(curve, curve)) }, next: { w: add(w, curve), decay: mul(decay, 0.5) } };
    },
  });
  const entry = stagesOf(made, "step", {}, jsTarget).differentiated;
  const roles = rolesOf(entry);
  const of = (name: string): unknown =>
    roles.get([...entry.outputs, ...entry.next].find((result) => result.name === name)?.node as Node);
  expect([of("loss"), of("norm"), of("w"), of("decay")]).toEqual(["forward", "update", "update", "update"]);
  expect([...roles.values()].filter((role) => role === "backward").length).toBeGreaterThan(4);
});

test("a result that is an input, a state or a constant has its box", () => {
  const made = program({
    inputs: { x: f32(2) },
    state: { w: param(zeros(2)) },
    step: ({ x }, { w }) => ({ outputs: { x, w, zero: mul(0, mul(w, 0)) }, next: { w: x } }),
  });
  const stages = stagesOf(made, "step", {}, jsTarget);
  for (const drawing of [
    drawEntry(entryAfter(stages, null)),
    drawEntry(entryAfter(stages, "simplify")),
    drawEntry(stages.ordered.fused.entry, kernelsOf(stages)),
  ]) {
    checkOperands(drawing);
    const shown = new Set([
      ...drawing.boxes.flatMap(({ results }) => results),
      ...drawing.copies.map(({ to }) => to.name),
    ]);
    expect([...shown].some((name) => name.endsWith("x"))).toBe(true);
    expect([...shown].some((name) => name.endsWith("zero"))).toBe(true);
  }
});

test("2,000 layers are drawn without recursion, and refused before they are laid out", async () => {
  const made = program({
    inputs: { x: f32(4) },
    step: ({ x }) => {
      let h = relu(x);
      for (let i = 0; i < 2000; i++) h = tanh(add(h, 1));
      return { outputs: { h } };
    },
  });
  const drawing = drawEntry(made.entries.get("step") as Entry);
  expect(drawing.boxes.length).toBeGreaterThan(4000);
  expect(printDot(drawing, title).length).toBeGreaterThan(100_000);
  const laidOut = drawProgram(made, { stage: "forward", format: "svg" });
  await expect(laidOut).rejects.toThrow(
    /^a picture of 4\d\d\d boxes and 4\d\d\d lines is too large.*--fold.*--format dot/,
  );
  expect(await drawProgram(made, { stage: "forward", format: "svg", fold: true })).toMatch(/add.*×.*2000/s);
});

describe("a folded graph", () => {
  const folded = (blocks: number): Folding => {
    const made = transformer(blocks);
    return foldEntry(afterPass(made.entries.get("train") as Entry, "simplify"));
  };
  const sizeOf = (svg: string): readonly number[] =>
    (/width="([\d.]+)pt" height="([\d.]+)pt"/.exec(svg)?.slice(1) ?? []).map((pt) => (Number(pt) * 4) / 3);
  const boxes = ({ boxes }: Folding): string[] =>
    boxes.map(({ name, role, times, made, nodes }) => `${role} ${name} ${times} ${made} ${nodes.length / made}`);

  test.each(["forward", "gradient", "optimized"] as const)("%s fits a screen without being shrunk", async (stage) => {
    const svg = await drawProgram(transformer(2), { stage, format: "svg", fold: true });
    const [width = 0, height = 0] = sizeOf(String(svg));
    expect(width).toBeLessThan(1600);
    expect(height).toBeLessThan(1000);
  });

  test("has every node once, and a line wherever a call reads what another made", () => {
    const folding = folded(2);
    const nodes = folding.boxes.flatMap((box) => box.nodes);
    expect(new Set(nodes).size).toBe(nodes.length);
    const missing = neededNodes(folding.entry).filter((node) => !nodes.includes(node));
    expect(missing.every(({ op }) => op.kind === "source" || op.name === "broadcast")).toBe(true);
    const lines = new Set(folding.lines.map(({ from, to }) => `${from} ${to}`));
    const boxOf = new Map(folding.boxes.flatMap((box) => box.nodes.map((node) => [node, box.id] as const)));
    const read = nodes.flatMap((node) => node.args.map((arg) => [boxOf.get(arg), boxOf.get(node)]));
    const between = read.filter(([from, to]) => from !== undefined && from !== to).map(([from, to]) => `${from} ${to}`);
    expect(between.length).toBeGreaterThan(20);
    expect(between.filter((line) => !lines.has(line))).toEqual([]);
  });

  test("has no line where two calls have only a count in common, or a mask", () => {
    const { entries } = program({
      inputs: { x: f32("batch", 3), y: f32("batch", 3) },
      step({ x, y }) {
        const masked = (z: typeof x, other: number) => where(greater(arange(3), 1), tanh(z), other);
        return { outputs: { a: mean(masked(x, 0)), b: mean(masked(y, 1)) } };
      },
    });
    const { boxes, lines } = foldEntry(afterPass(entries.get("step") as Entry, "simplify"));
    const readers = boxes.filter(({ results }) => results.length > 0);
    expect(readers.map(({ name }) => name)).toEqual(["mean", "mean"]);
    const [a, b] = readers.map(({ id }) => lines.filter(({ to }) => to === id).map(({ from }) => from));
    expect(a).toHaveLength(1);
    expect(b).toHaveLength(1);
    expect(a).not.toEqual(b);
  });

  test("of five blocks is that of two, five times", () => {
    const [two, five] = [boxes(folded(2)), boxes(folded(5))];
    expect(two).toContain("forward layerNorm 1 2 13");
    expect(two.some((box) => box.startsWith("forward attention 1 2 "))).toBe(true);
    expect(five.filter((box) => !box.startsWith("update"))).toEqual(
      two.filter((box) => !box.startsWith("update")).map((box) => box.replace(/ 1 2 /, " 1 5 ")),
    );
  });

  test("of a trainer has its layers", () => {
    const layers = sequential([dense(8, { activation: "relu" }), dense(4, { activation: "softmax" })]);
    const net = trainer(layers, { input: [3], loss: "softmaxCrossEntropy", optimizer: rmsprop() });
    const { boxes: found } = foldEntry(afterPass(net.program.entries.get("train") as Entry, "simplify"));
    expect(found.map(({ role, name }) => `${role} ${name}`).toSorted()).toEqual([
      "backward loss and metrics",
      "backward model.dense1",
      "backward model.dense2",
      "forward loss and metrics",
      "forward model.dense1",
      "forward model.dense2",
      "update update",
    ]);
  });
});

test("long names are shortened in the middle; tooltips have all of them", async () => {
  const long = (letter: string): string => `first.${letter.repeat(500)}.last`;
  const made = program({
    inputs: { [long("x")]: f32("n".repeat(500)) },
    state: { [long("w")]: param(zeros(2)) },
    entries: {
      [long("e")]: (inputs, states) => {
        const [x, w] = [inputs[long("x")] as never, states[long("w")] as never];
        return { outputs: { [long("y")]: sum(x) }, next: { [long("w")]: mul(w, 0.5) } } as never;
      },
    },
  });
  const stages = stagesOf(made, long("e"), { ["n".repeat(500)]: 2 }, jsTarget);
  const pictures = [
    await renderSvg(printDot(drawEntry(entryAfter(stages, null)), { title: long("t"), about: long("a") })),
    await renderSvg(printDot(drawEntry(stages.ordered.fused.entry, kernelsOf(stages)), title)),
    printMemorySvg({
      ...memoryOf(stages),
      steps: [long("s")],
      bars: [{ name: long("b"), about: "", bytes: 4, offset: 0, first: 0, last: 0 }],
    }),
  ];
  for (const [i, svg] of pictures.entries()) {
    expect(Number(/<svg[^>]*?width="(\d+)/.exec(svg)?.[1]), `picture ${i}`).toBeLessThan(1500);
    for (const [, words = ""] of svg.matchAll(/<text[^>]*>([^<]*)/g)) expect(words.length).toBeLessThan(200);
  }
  for (const letter of ["x", "w", "y"]) expect(pictures[0]).toContain(letter.repeat(500));
  expect(pictures[0]).toMatch(/>first[^<]*x…x[^<]*last</);
  expect(pictures[2]).toContain("b".repeat(500));
  expect(shortName("😀".repeat(60), 5)).toBe("😀😀…😀😀");
});

/** The buffer that a box without computation stands for. */
function bufferOf({ look, title: name, node }: Box): string {
  return look === "buffer" ? name : `${node.op.name} ${name}`;
}

function isPng(bytes: Uint8Array): boolean {
  return Buffer.from(bytes.subarray(0, 8)).toString("latin1") === "\x89PNG\r\n\x1a\n";
}

describe("loops", () => {
  const { program } = recurrentProgram(100, 3, 4);
  const stages = stagesOf(program, "step", {}, jsTarget);
  const entry = program.entries.get("step");
  if (entry === undefined) throw new Error("no entry");

  test.each([
    ["as written", drawEntry(entry)],
    ["as kernels", drawEntry(stages.ordered.fused.entry, kernelsOf(stages))],
  ])("a loop is a frame with its body, what leads into it, what it gives and what goes round, %s", (_, drawing) => {
    const [loop] = drawing.loops;
    expect(loop?.title).toBe("scan x 100");
    expect(loop?.boxes.map(({ title }) => title)).toEqual(expect.arrayContaining(["scan: carry 0", "scan: stack 0"]));
    const body = loop?.bodies[0]?.drawing;
    const named = new Map([...drawing.boxes, ...(body?.boxes ?? [])].map(({ id, title }) => [id, title]));
    const lines = drawing.lines.map(({ from, to, isBack }) => [named.get(from), named.get(to), isBack === true]);
    expect(lines.toSorted()).toEqual([
      ["h", "carry 0", false],
      ["tanh", "carry 0", true],
      ["tanh", "scan: carry 0", false],
      ["tanh", "scan: stack 0", false],
      ["u", "u", false],
      ["xs", "row of xs", false],
    ]);
    const text = printDot(drawing, { title: "step", about: "" });
    for (const id of named.keys())
      expect(text.split(`\n`).filter((line) => line.trim().startsWith(`${id} [`))).toHaveLength(1);
  });
});

test("a picture of more boxes than a screen has room for comes with a hint, and neither a small nor a folded one does", async () => {
  const hints = async (made: Parameters<typeof drawProgram>[0], fold: boolean): Promise<readonly string[]> => {
    const told: string[] = [];
    await drawProgram(made, { stage: "optimized", format: "dot", fold, hint: (message) => told.push(message) });
    return told;
  };
  expect(await hints(mnistStep(rmsprop()), false)).toEqual([]);
  const large = transformer(2);
  expect(await hints(large, false)).toEqual([expect.stringMatching(/^a picture of \d+ boxes .*: --fold draws calls/)]);
  expect(await hints(large, true)).toEqual([]);
});
