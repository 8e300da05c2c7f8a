/**
 * The explorer's data: every stage, what it changed and by which law, every kernel's loops move by move, code, buffers, lines of the
 * script; checked against what the compilation itself says.
 */
import { describe, expect, test } from "vitest";
import { stagesOf } from "../../src/compile.ts";
import { jsTarget, plannedTargets } from "../../src/eager-targets.ts";
import { add, f32, matmul, mul, program, relu, rmsprop, scan, sum, type Tensor } from "../../src/index.ts";
import { printKernel } from "../../src/kernel/print.ts";
import { launchesOf } from "../../src/program/sequence.ts";
import { stages as pipeline } from "../../src/stages.ts";
import { explainProgram } from "../../src/tools/cli/explain.ts";
import type { Change, Exploration, GraphView } from "../../src/tools/explorer/exploration.ts";
import { explore } from "../../src/tools/explorer/explore.ts";
import { measure } from "../../src/tools/explorer/measure.ts";
import { namingOf } from "../../src/tools/names/naming.ts";
import { mnistStep } from "../mnist-step.ts";

const mnist = mnistStep(rmsprop());
const folder = process.cwd();
const dims = { batch: 128 };
const of = (target: "js" | "wasm" | "wgsl"): Exploration => explore(mnist, { entry: "train", dims, target, folder });

function stage(made: Exploration, name: string) {
  const at = made.stages.findIndex((one) => one.name === name);
  const [now, before] = [made.stages[at], made.stages[at - 1]];
  if (now === undefined) throw new Error(`no stage ${name}`);
  return { ...now, after: graphOf(made, now.graph), before: graphOf(made, before?.graph ?? now.graph) };
}

function graphOf({ graphs }: Exploration, number: number): GraphView {
  const graph = graphs[number];
  if (graph === undefined) throw new Error(`no graph ${number}`);
  return graph;
}

/** Every node of both graphs is accounted for, once. */
function checkAccounts(change: Change, before: GraphView, after: GraphView): void {
  if (before === after) {
    expect(change.rewritten.length + change.added.length + change.removed.length).toBe(0);
    return;
  }
  const oldKeys = new Set(before.nodes.map(({ key }) => key));
  const newKeys = new Set(after.nodes.map(({ key }) => key));
  const paired = [...change.kept, ...change.rewritten];
  for (const [old, made] of paired) {
    expect(oldKeys).toContain(old);
    expect(newKeys).toContain(made);
  }
  const told = [...change.removed, ...paired.map(([old]) => old)];
  expect(new Set(told).size).toBe(told.length);
  // What is not named has its number in both.
  const same = [...oldKeys].filter((key) => !told.includes(key));
  expect([...new Set([...change.added, ...paired.map(([, made]) => made), ...same])].toSorted()).toEqual(
    [...newKeys].toSorted(),
  );
  for (const { before: old, after: made } of change.laws) {
    expect(oldKeys).toContain(old);
    if (made !== null) expect(newKeys).toContain(made);
  }
}

describe("the stages", () => {
  const made = of("js");

  test("are those of the pipeline, each with a sentence, its count and its text", () => {
    expect(made.stages.map(({ name }) => name)).toEqual(["written", ...pipeline.map(({ name }) => name)]);
    const { passes } = explainProgram(mnist, { target: "js", dims });
    expect(made.stages.slice(1).map(({ name, count, unit }) => ({ name, count, unit }))).toEqual(
      passes.map(({ name, count, unit }) => ({ name, count, unit })),
    );
    for (const { about, text } of made.stages) {
      expect(about).toMatch(/\w.*\.$/);
      expect(made.texts[text]).toMatch(/\w/);
    }
  });

  test("account for every node of the graph before and behind", () => {
    for (const { name } of made.stages) {
      const { change, before, after } = stage(made, name);
      checkAccounts(change, before, after);
    }
  });

  test("differentiate adds the backward pass in the place of the requests for gradients", () => {
    const { change, before, after } = stage(made, "differentiate");
    const requests = before.nodes.filter(({ text }) => / = gradient /.test(text)).map(({ key }) => key);
    expect(requests).toHaveLength(4);
    const gone = [...change.removed, ...change.rewritten.map(([old]) => old)];
    expect(gone).toEqual(expect.arrayContaining(requests));
    const roles = new Map(after.nodes.map(({ key, role }) => [key, role]));
    expect(change.added.map((key) => roles.get(key))).toContain("backward");
  });

  test("simplify names its laws, at the nodes where they fired", () => {
    const { change, before } = stage(made, "simplify");
    const texts = new Map(before.nodes.map(({ key, text }) => [key, text]));
    const scaled = change.laws.filter(({ law }) => law === "x / 2ⁿ = x · 2⁻ⁿ");
    expect(scaled.length).toBeGreaterThan(0);
    for (const { before: at } of scaled) expect(texts.get(at)).toMatch(/ = div /);
    const stopped = change.laws.filter(({ law }) => law === "stopGradient(x) = x");
    expect(stopped.map(({ before: at }) => texts.get(at))).toEqual([expect.stringMatching(/ = stopGradient /)]);
  });
});

describe.each(["js", "wasm", "wgsl"] as const)("on %s", (target) => {
  const made = of(target);
  const stages = stagesOf(mnist, "train", dims, plannedTargets[target]);
  const launches = launchesOf(stages.sequence);

  test("kernels are those of the report", () => {
    expect(made.kernels.map(({ step, name, times, flops, bytes }) => ({ step, name, times, flops, bytes }))).toEqual(
      stages.report.kernels.map(({ step, name, times, flops, bytes }) => ({ step, name, times, flops, bytes })),
    );
    expect(made.kernels.map(({ written }) => made.texts[written])).toEqual(
      launches.map(({ kernel }) => printKernel(kernel)),
    );
  });

  test("the moves are those of the schedule, and each changes the loops", () => {
    for (const [i, { moves, lowered }] of made.kernels.entries()) {
      const schedules = new Set(
        moves.map(({ nest }) =>
          moves
            .filter((one) => one.nest === nest)
            .map(({ move }) => move)
            .join("; "),
        ),
      );
      expect([...schedules].join(" | ")).toBe(stages.report.kernels[i]?.schedule);
      for (const [j, { text, move }] of moves.entries()) {
        const before = j === 0 ? lowered : (moves[j - 1]?.text ?? lowered);
        expect(made.texts[text], move).not.toBe(made.texts[before]);
        expect(made.texts[text]).toContain(move);
      }
    }
    expect(made.kernels.some(({ moves }) => moves.length > 2)).toBe(true);
  });

  test("code is what was printed", () => {
    for (const { name, code } of made.kernels) {
      const text = made.texts[code.text] ?? "";
      if (target === "js") expect(text).toMatch(new RegExp(`^function ${name}\\w*\\([^]*\\n}$`));
      if (target === "wgsl") expect(text).toMatch(/@compute @workgroup_size/);
      if (target === "wasm") {
        expect(text).toMatch(/^\(func \$\w+ \(param i32\)/);
        const hex = (made.texts[code.hex ?? -1] ?? "").split("\n");
        expect(hex).toHaveLength(text.split("\n").length);
        const bytes = hex.join(" ").match(/ [0-9a-f]{2}(?= |$)/g)?.length ?? 0;
        expect(bytes).toBeGreaterThan(0.9 * code.bytes); // locals and ends are no lines
        expect(bytes).toBeLessThan(code.bytes);
      }
      expect(code.language).toBe(target);
    }
  });

  test("buffers lie where the plan put them", () => {
    const slots = [...stages.layout.buffers.values()];
    expect(made.buffers.map(({ segment, offset, bytes }) => ({ segment, offset, bytes }))).toEqual(
      slots.map(({ segment, offset, bytes }) => ({ segment, offset, bytes })),
    );
    const { peakBytes, lowerBoundBytes } = stages.report.memory;
    expect(made.memory).toMatchObject({ arenaBytes: peakBytes, lowerBoundBytes });
    expect(Math.max(...made.memory.live)).toBe(lowerBoundBytes);
    for (const [number, { segment, writtenBy, readBy, first, last }] of made.buffers.entries()) {
      if (segment !== "arena") continue;
      expect(writtenBy).not.toEqual([]);
      expect(readBy.length + writtenBy.length).toBeGreaterThan(1);
      expect(first).toBeLessThanOrEqual(last);
      for (const kernel of writtenBy) expect(made.kernels[kernel]?.writes).toContain(number);
    }
  });

  test("each line of the script leads to nodes, kernels and buffers", () => {
    const graph = graphOf(made, made.stages.at(-1)?.graph ?? 0);
    const source = made.sources.find(({ path }) => path === "test/mnist-step.ts");
    const line = (source?.text.split("\n").findIndex((text) => /= relu\(/.test(text)) ?? -1) + 1;
    expect(line).toBeGreaterThan(0);
    const places = made.places.flatMap((place, i) => (place.line === line && place.file === source?.path ? [i] : []));
    const nodes = graph.nodes.filter((node) => node.places.some((place) => places.includes(place)));
    expect(nodes.map(({ text }) => text.split(" = ")[1]?.split(" ")[0])).toEqual(
      expect.arrayContaining(["contract", "add", "max"]),
    );
    expect(new Set(nodes.flatMap(({ kernels = [] }) => kernels)).size).toBeGreaterThan(1); // forward and backward
    expect(nodes.some(({ buffer }) => buffer !== undefined)).toBe(true);
  });
});

test("it is JSON, and as small as a page can hold", () => {
  const made = of("wasm");
  expect(JSON.parse(JSON.stringify(made))).toEqual(made);
  expect(JSON.stringify(made).length).toBeLessThan(1_000_000);
});

test("what a loop runs stands in its group, reads what it hands on, and is read by it", () => {
  const looped = program({
    inputs: { xs: f32(10, 2, 4), h: f32(2, 4), w: f32(4, 4) },
    step: ({ xs, h, w }) => {
      const { carry } = scan((state: Tensor<[2, 4]>, x) => ({ carry: relu(add(matmul(state, w), mul(x, 2))) }), h, xs);
      return { outputs: { y: sum(carry) } };
    },
  });
  const made = explore(looped, { entry: "step", dims: {}, target: "js", folder });
  const { nodes } = graphOf(made, made.stages.at(-1)?.graph ?? 0);
  const loop = nodes.find(({ text }) => / = scan /.test(text));
  if (loop === undefined) throw new Error("no loop");
  const inside = nodes.filter(({ key }) => key.startsWith(`${loop.key}.0/`));
  expect(inside.map(({ label }) => label.split(" ")[0])).toEqual(expect.arrayContaining(["contract", "add"]));
  for (const { group } of inside) expect(group).toContain(`scan %${loop.key}`);
  expect(loop.args.filter((key) => key.startsWith(`${loop.key}.0/`))).toHaveLength(1); // the carry
  const parameters = inside.filter(({ text }) => / = (input|state) /.test(text));
  expect(parameters).toHaveLength(3);
  for (const { args } of parameters) {
    expect(args).toHaveLength(1);
    expect(loop.args).toEqual(expect.arrayContaining([...args]));
  }
  expect(inside.flatMap(({ kernels = [] }) => kernels)).not.toEqual([]);
  expect(made.kernels.some(({ times }) => times === 10)).toBe(true);
});

test("names and strings are the user's own, whatever they hold", () => {
  const hostile = program({
    inputs: { "<img src=x onerror=alert(1)>": f32(2) },
    step: (given) => ({ outputs: { "</script>": mul(given["<img src=x onerror=alert(1)>"], 2) } }),
  });
  const { nodes, results } = graphOf(explore(hostile, { entry: "step", dims: {}, target: "js", folder }), 0);
  expect(nodes.map(({ name }) => name)).toContain("<img src=x onerror=alert(1)>");
  expect(results.map(({ name }) => name)).toEqual(["</script>"]);
});

test("nodes, kernels and buffers are called as in the script, where it is asked", () => {
  const made = explore(mnist, { entry: "train", dims, target: "js", folder, naming: namingOf(mnist) });
  const { nodes } = graphOf(made, made.stages.at(-1)?.graph ?? 0);
  const hidden = nodes.find(({ name }) => name === "hidden");
  expect(hidden?.text).toMatch(/^hidden: f32\[128,512\] = max /);
  expect(nodes.find(({ text }) => / = contract hidden /.test(text))).toBeDefined();
  expect(made.buffers.map(({ name }) => name)).toContain("hidden");
  expect(made.texts[made.stages[0]?.text ?? -1]).toMatch(/hidden/);
});

test("a run on this machine: what each kernel took, and what the machine needs for it at least", async () => {
  const small = mnistStep(rmsprop(), 16);
  const measured = await measure(small, jsTarget, { entry: "train", dims: { batch: 8 } });
  const made = explore(small, { entry: "train", dims: { batch: 8 }, target: "js", folder, bound: jsTarget, measured });
  expect(made.measured?.device).toBe("js");
  expect(made.measured?.kernels.map(({ step }) => step)).toEqual(made.kernels.map(({ step }) => step));
  for (const { us, floorUs, together } of made.measured?.kernels ?? []) {
    expect(us).toBeGreaterThan(0);
    expect(together).toBe(1);
    if (floorUs !== null) expect(floorUs).toBeGreaterThan(0);
  }
});
