/**
 * What checkpoint is for: the peak of deep programs, with and without, beside what arithmetic says it must be. `unit` is what one
 * layer gives, and a checkpoint keeps: n layers keep n of them; in segments of k they keep n/k, and k more of the segment that
 * is gone through just then.
 */
import { describe, expect, test } from "vitest";
import { stagesOf } from "../../src/compile.ts";
import { scan } from "../../src/dsl/loops.ts";
import * as ops from "../../src/dsl/ops.ts";
import type { Program } from "../../src/dsl/program.ts";
import { plannedTargets } from "../../src/eager-targets.ts";
import { f32, grad, param, program, type Tensor, zeros } from "../../src/index.ts";
import { blocks, dot, minus, plus, times } from "../property/training-blocks.ts";

type Layer = (x: Tensor) => Tensor;
type Weights = Readonly<Record<string, Tensor>>;
/** How the layers of a net are called one after the other. */
type Chain = (layers: readonly Layer[]) => Layer;

const rows = 256;
const width = 256;
const unit = rows * width * 4;
const tanh = ops.tanh as (x: Tensor) => Tensor;
const mean = ops.mean as (x: Tensor) => Tensor<readonly []>;

const inOrder: Chain = (layers) => (x) => layers.reduce((h, layer) => layer(h), x);
const kept =
  (layer: Layer): Layer =>
  (x) =>
    ops.checkpoint(layer, x);

/** Segments of so many layers, each checkpointed. */
const segments = (layers: readonly Layer[], size: number): readonly Layer[] =>
  Array.from({ length: Math.ceil(layers.length / size) }, (_, i) =>
    kept(inOrder(layers.slice(i * size, (i + 1) * size))),
  );

const inSegments =
  (size: number): Chain =>
  (layers) =>
    inOrder(segments(layers, size));

/** A training step: gradient descent, in place. */
function net(count: number, weights: () => object, layerOf: (w: Weights) => Layer, chain: Chain): Program<unknown> {
  const model = Array.from({ length: count }, weights);
  return program({
    inputs: { x: f32(rows, width) },
    state: { model } as never,
    step({ x }: { x: Tensor }, state: { readonly model: readonly Weights[] }) {
      const out = chain(state.model.map(layerOf))(x);
      const loss = mean(times(out, out));
      const slopes = grad(loss as never, state.model as never) as unknown as readonly Weights[];
      const next = state.model.map((w, i) =>
        Object.fromEntries(Object.entries(w).map(([name, value]) => [name, minus(value, slopes[i]?.[name] as Tensor)])),
      );
      return { outputs: { loss }, next: { model: next } };
    },
  } as never) as Program<unknown>;
}

const dense = (count: number, chain: Chain) =>
  net(
    count,
    () => ({ w: param(zeros(width, width)) }),
    ({ w }) =>
      (x) =>
        tanh(dot(x, w as Tensor)),
    chain,
  );

/** Attention over the rows, and two dense layers, each added to what it reads. */
const transformer = (count: number, chain: Chain) => {
  const parts = ["attention", "residual"].map((name) => blocks[name]);
  return net(
    count,
    () => Object.assign({}, ...parts.map((part) => part?.weights(width))),
    (weights) => (x) =>
      parts.reduce((h, part) => {
        const given = { h, x, label: h, width, choice: 0, w: (name: string) => weights[name] as Tensor };
        return part?.apply({ ...given, old: given.w }).h ?? h;
      }, x),
    chain,
  );
};

type Planned = ReturnType<typeof planOf>;

/** What the report says is computed again is by what the work has grown. */
function expectAgain(few: Planned, all: Planned): void {
  expect(all.again).toEqual({ flops: 0, asked: [] });
  const more = few.flops - all.flops;
  expect(few.again.flops).toBeGreaterThan(0.94 * more);
  expect(few.again.flops).toBeLessThan(1.06 * more);
  expect(few.again.asked).toEqual([expect.stringMatching(/checkpoint-plan\.test\.ts:\d+:\d+$/)]);
}

function planOf(made: Program<unknown>) {
  const { report } = stagesOf(made, "step", {}, plannedTargets.wasm);
  const { peakBytes, lowerBoundBytes } = report.memory;
  expect(peakBytes).toBeLessThanOrEqual(1.05 * lowerBoundBytes);
  return {
    units: peakBytes / unit,
    bytes: peakBytes,
    again: report.again,
    flops: report.kernels.reduce((sum, { flops, times: count }) => sum + flops * count, 0),
  };
}

describe("a net of dense layers", () => {
  test("keeps all of them, and in segments twice the root of their number", () => {
    const [all, few] = [planOf(dense(32, inOrder)), planOf(dense(32, inSegments(6)))];
    expect(all.units).toBeGreaterThan(32);
    expect(all.units).toBeLessThan(36); // 1 - h*h of a tanh is read off h
    expect(few.units).toBeLessThan(2 * Math.sqrt(32) + 2); // a slope comes in, and one goes out
    expect(few.flops).toBeLessThan(1.36 * all.flops); // three products a layer, and one of them again
    expectAgain(few, all);
  });

  test("with checkpoints in checkpoints keeps three times the third root", () => {
    const tree: Chain = (layers) => inSegments(3)(segments(layers, 3));
    const [all, few] = [planOf(dense(27, inOrder)), planOf(dense(27, tree))];
    expect(all.units).toBeGreaterThan(27);
    expect(few.units).toBeLessThan(3 * 3 + 1);
    expect(few.flops).toBeLessThan(1.7 * all.flops); // a product is made three times
    expectAgain(few, all);
  });
});

test("each block of a transformer adds what it reads, and nothing of what it makes", () => {
  const [four, six] = [4, 6].map((count) => ({
    all: planOf(transformer(count, inOrder)),
    few: planOf(transformer(count, inSegments(1))),
  }));
  expect(((six?.all.units ?? 0) - (four?.all.units ?? 0)) / 2).toBeGreaterThan(6);
  expect(((six?.few.units ?? 0) - (four?.few.units ?? 0)) / 2).toBeLessThan(1.01);
});

describe("a scan of 1,000 steps that makes 8 times its carry on the way", () => {
  const [steps, batch, size] = [1000, 16, 32];
  const carry = batch * size * 4;
  const cell =
    ({ u, v }: Weights) =>
    ({ h, x }: { readonly h: Tensor; readonly x: Tensor }): Tensor =>
      tanh(plus(x, dot(tanh(dot(h, u as Tensor)), v as Tensor)));
  /** `before`: what stands before the rows' own axes. */
  const looped = (before: readonly number[], run: (cell: Cell, h: Tensor, xs: Tensor) => Tensor) =>
    planOf(
      program({
        inputs: {
          xs: f32(...before, batch, size),
          h: f32(batch, size),
          u: f32(size, 8 * size),
          v: f32(8 * size, size),
        },
        step({ xs, h, u, v }: Weights) {
          const last = run(cell({ u, v } as Weights), h as Tensor, xs as Tensor);
          const loss = mean(times(last, last)) as never;
          const [du, dv] = [grad(loss, u as Tensor), grad(loss, v as Tensor)];
          return { outputs: { du, dv } };
        },
      } as never) as Program<unknown>,
    );
  type Cell = ReturnType<typeof cell>;
  const through = (one: Cell, h: Tensor, xs: Tensor): Tensor =>
    scan((c: Tensor, x) => ({ carry: one({ h: c, x: x as Tensor }) }), h, xs as never).carry;

  /** Copies of u and v in panels, forwards and turned, which a loop of either direction reads: at most these. */
  const panels = 4 * size * 8 * size * 4;

  test("keeps its carries alone where its body is checkpointed", () => {
    const all = looped([steps], through);
    const few = looped([steps], (one, h, xs) => through((given) => ops.checkpoint(one, given), h, xs));
    expect(all.bytes).toBeGreaterThan(steps * (1 + 8) * carry);
    expect(few.bytes - panels).toBeLessThan(1.05 * steps * carry);
    expectAgain(few, all);
  });

  test("and twice the root of their number, and what they make, where stretches of it are", () => {
    const stretch = 25;
    const few = looped([steps / stretch, stretch], (one, h, xs) => {
      const run = ({ c, part }: { readonly c: Tensor; readonly part: Tensor }): Tensor => through(one, c, part);
      return scan((c: Tensor, part) => ({ carry: ops.checkpoint(run, { c, part: part as Tensor }) }), h, xs as never)
        .carry;
    });
    // rows of a stretch: read, kept twice (a value and a slope of each), and slopes of the carries
    expect(few.bytes - panels).toBeLessThan((steps / stretch + stretch * (1 + 1 + 8 + 8 + 1 + 1) + 32) * carry);
  });
});
