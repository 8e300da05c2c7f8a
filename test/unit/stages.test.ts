/**
 * The list of stages: any other order is refused; and a pass that makes two launches of one breaks nobody who tells of steps.
 */
import { describe, expect, test } from "vitest";
import { drawEntry } from "../../codegen/picture/drawing.ts";
import { stagesOf } from "../../src/compile.ts";
import { jsTarget } from "../../src/eager-targets.ts";
import { f32, mul, program, relu, sort } from "../../src/index.ts";
import type { BufferParam, Kernel } from "../../src/kernel/kernel.ts";
import { printKernel } from "../../src/kernel/print.ts";
import { reportOf } from "../../src/program/entry-report.ts";
import { freshStepId, launchesOf, mapSteps, type Sequence } from "../../src/program/sequence.ts";
import { findMisplaced, runStages } from "../../src/program/stage.ts";
import { type Products, skippable, stages } from "../../src/stages.ts";
import { kernelsOf, memoryOf } from "../../src/tools/cli/graph.ts";
import { contextOn } from "../stage-context.ts";

/** Two small kernels that know nothing of each other are one launch. */
const made = program({
  inputs: { a: f32(8), b: f32(5) },
  entries: {
    step({ a, b }) {
      return { outputs: { low: relu(a), twice: mul(b, 2) } };
    },
  },
});

describe("the order of stages", () => {
  const start = ["written", "apart"] as const;
  const { written, apart } = stagesOf(made, "step", {}, jsTarget);

  test("is right as it stands, and some may be skipped", () => {
    expect(findMisplaced(stages, start)).toBeNull();
    expect(skippable).toEqual(["maxFirst", "simplify", "fuse", "order", "schedule", "plan"]);
  });

  const pairs = stages.flatMap((one, i) => stages.slice(i + 1).map((other) => [one.name, other.name] as const));

  test.each(pairs)("%s and %s do not change places", (first, second) => {
    const swapped = stages.map((stage) => {
      const wanted = stage.name === first ? second : stage.name === second ? first : stage.name;
      return stages.find(({ name }) => name === wanted) ?? stage;
    });
    const refusal = `stage "${second}" needs `;
    expect(findMisplaced(swapped, start)).toContain(refusal);
    expect(() => runStages(swapped, { written, apart }, contextOn(jsTarget), { skip: new Set() })).toThrow(refusal);
  });

  test("a stage that gives what is there is refused", () => {
    expect(findMisplaced([...stages, ...stages.slice(-1)], start)).toBe(
      'stage "print" gives "artifact", which is there already',
    );
  });
});

test("what a pass has expanded is met by none that comes later: the stages say which passes came before", () => {
  const sorting = program({
    inputs: { a: f32(8) },
    step: ({ a }) => ({ outputs: { y: mul(sort(a), 1) } }),
  });
  const expanded = sorting.entries.get("step");
  if (expanded === undefined) throw new Error("no entry");
  const simplifying = stages.filter(({ name }) => name === "simplify");
  const run = () =>
    runStages<Products, ReturnType<typeof contextOn>>(simplifying, { expanded }, contextOn(jsTarget), {
      skip: new Set(),
    });
  expect(run).toThrow(/pass "simplify" broke: no composed node is left: %\d+ sort/);
});

/** The part of a kernel that one of its nests is. */
function nestOf(kernel: Kernel, at: number): Kernel {
  const nests = kernel.nests.slice(at, at + 1);
  const text = printKernel({ ...kernel, buffers: [], nests });
  const isUsed = ({ name }: BufferParam): boolean => new RegExp(`\\b${name}\\[`).test(text);
  return { ...kernel, name: `${kernel.name}_${at}`, buffers: kernel.buffers.filter(isUsed), nests };
}

/** A launch for each nest. */
function split(sequence: Sequence, { homes }: Products["ordered"]["fused"]): Sequence {
  return mapSteps(sequence, (step) => {
    if (step.kind === "copy" || step.kernel.nests.length === 1) return [step];
    const clusterOf = homes;
    const clusters = [...new Set(step.nodes.map((node) => clusterOf.get(node)))];
    return step.kernel.nests.map((_, at) => {
      const kernel = nestOf(step.kernel, at);
      const bindings = step.bindings.filter(({ param }) => kernel.buffers.some(({ name }) => name === param));
      const nodes = step.nodes.filter((node) => clusterOf.get(node) === clusters[at]);
      return {
        ...step,
        id: at === 0 ? step.id : freshStepId(sequence) + at,
        name: kernel.name,
        kernel,
        bindings,
        nodes,
      };
    });
  });
}

test("a pass that makes two launches of one: report and picture tell of both", () => {
  const whole = stagesOf(made, "step", {}, jsTarget);
  expect(launchesOf(whole.sequence).map(({ kernel }) => kernel.nests.length)).toEqual([2]);
  const splitting = stages.map((stage) => ({
    ...stage,
    run(...[products, context, isSkipped]: Parameters<typeof stage.run>) {
      const done = stage.run(products, context, isSkipped);
      const { sequence, ordered } = products;
      if (stage.name === "legalize" && sequence !== undefined && ordered !== undefined) {
        products.sequence = split(sequence, ordered.fused);
      }
      return done;
    },
  }));
  const products: Partial<Products> = { written: whole.written, apart: whole.apart };
  runStages<Products, ReturnType<typeof contextOn>>(
    splitting,
    products,
    { ...contextOn(jsTarget), program: made },
    { skip: new Set() },
  );
  const { sequence = [], layout = whole.layout, ordered = whole.ordered } = products;
  const { buffers, segmentBytes, freedAfter, arena } = layout;
  const entry = { ...whole.entry, buffers, segmentBytes, freedAfter };
  const report = reportOf(entry, {
    sequence,
    passes: [],
    copied: ordered.copied,
    arena,
  });
  const [first, second] = report.kernels;
  expect(report.launches).toBe(2);
  expect(first?.step).not.toBe(second?.step);
  expect([first?.name, second?.name]).toEqual([0, 1].map((at) => `${whole.report.kernels[0]?.name}_${at}`));
  expect([...(first?.fuses ?? []), ...(second?.fuses ?? [])].toSorted()).toEqual(
    whole.report.kernels[0]?.fuses.toSorted(),
  );
  const stagesOfSplit = { ...whole, ...products, entry, report };
  const { frames } = drawEntry(ordered.fused.entry, kernelsOf(stagesOfSplit));
  const drawn = frames?.map(({ name, clusters }) => [
    name,
    clusters.flat().filter(({ store }) => store != null).length,
  ]);
  expect(drawn).toEqual([
    [first?.name, 1],
    [second?.name, 1],
  ]);
  expect(memoryOf(stagesOfSplit).steps).toEqual([first?.name, second?.name]);
});
