/** Programs with loops: every way in which what a body reads and gives may lie in memory. */
import type { DType, ShortFloat } from "../src/core/dtype.ts";
import { cond, scan, whileLoop } from "../src/dsl/loops.ts";
import type { Tensor } from "../src/dsl/tensor.ts";
import type { Dims } from "../src/graph/shape.ts";
import * as tl from "../src/index.ts";
import { shortTypes } from "./op-case.ts";
import type { ProgramCase } from "./program-case.ts";

export interface LoopProgram extends ProgramCase {
  readonly name: string;
  /** It has while loops or branches: how often they run is not known before. */
  readonly hasFlags?: boolean;
}

const [time, batch, width] = [6, 3, 8];

type Tensors = Record<string, Tensor>;

const inEach = (dtypes: readonly DType[], x: Tensor): Tensors =>
  Object.fromEntries(dtypes.map((dtype) => [dtype, tl.cast(x as never, dtype) as Tensor]));
const singles = (all: Tensors): Tensors =>
  Object.fromEntries(Object.entries(all).map(([name, x]) => [name, tl.cast(x as never, "f32") as Tensor]));

type Given = Readonly<Record<"xs" | "h0" | "u" | "flag", Tensor>>;

const numbers = (count: number, seed: number): readonly number[] =>
  Array.from({ length: count }, (_, i) => Math.fround(0.5 * Math.sin(seed + 1.7 * i)));

function of(name: string, step: (given: Given) => object, change: Partial<LoopProgram> = {}): LoopProgram {
  const made = tl.program({
    inputs: { xs: tl.f32(time, batch, width), h0: tl.f32(batch, width), u: tl.f32(width, width), flag: tl.f32() },
    step: (given) => ({ outputs: step(given as unknown as Given) }),
  });
  const feeds = (flag: number) => ({
    xs: numbers(time * batch * width, 1),
    h0: numbers(batch * width, 2),
    u: numbers(width * width, 3),
    flag,
  });
  const calls = [-1, 1].map((flag) => ({ entry: "step", feeds: feeds(flag) }));
  return { name, program: made as LoopProgram["program"], calls, ...change };
}

const add = tl.add as (x: Tensor, y: Tensor | number) => Tensor;
const mul = tl.mul as (x: Tensor, y: Tensor | number) => Tensor;
const tanh = tl.tanh as (x: Tensor) => Tensor;
const sum = tl.sum as (x: Tensor) => Tensor<readonly []>;
const matmul = tl.matmul as (x: Tensor, y: Tensor) => Tensor;
const row = (x: unknown): Tensor => x as Tensor;

export const loopPrograms: readonly LoopProgram[] = [
  of("a recurrent net, backwards, with a loop over rows inside", ({ xs, h0, u }) =>
    scan(
      (h: Tensor, x) => {
        const next = tanh(add(row(x), matmul(h, u)));
        const inner = scan(
          (c: Tensor, one) => ({ carry: add(mul(c, 0.5), row(one)), output: sum(c) }),
          mul(row(tl.slice(next as never, [0, 1] as never)), 0),
          tl.reshape(next as never, [batch, 1, width] as never) as Tensor,
        );
        return { carry: next, output: { next, total: sum(next), inner } };
      },
      h0,
      xs,
      { reverse: true },
    ),
  ),
  of("checkpoints in a loop, around it and in one another, and their gradients", ({ xs, h0, u }) => {
    const cell = ({ h, x }: { h: Tensor; x: Tensor }): Tensor => tanh(add(x, matmul(tanh(matmul(h, u)), u)));
    const run = (start: Tensor): Tensor =>
      scan((h: Tensor, x) => ({ carry: tl.checkpoint(cell, { h, x: row(x) }) }), start, xs).carry;
    const last = tl.checkpoint((h: Tensor) => tl.checkpoint(run, tanh(run(h))), h0);
    const loss = sum(mul(last, last)) as never;
    return { loss, dh: tl.grad(loss, h0), du: tl.grad(loss, u), dxs: tl.grad(loss, xs) };
  }),
  of("carries that swap, that stay, and that are what was read", ({ xs, h0 }) =>
    scan(
      ({ a, b, same, last }: Record<"a" | "b" | "same" | "last", Tensor>, x) => ({
        carry: { a: b, b: a, same, last: row(x) },
        output: { x: row(x), a, last, one: tl.scalar(1) },
      }),
      { a: h0, b: mul(h0, 2), same: mul(h0, 3), last: h0 },
      xs,
    ),
  ),
  of("one loop after the other, over what that has stacked", ({ xs, h0 }) => {
    const first = scan((c: Tensor, x) => ({ carry: add(c, row(x)), output: add(c, row(x)) }), h0, xs);
    const twice = add(row(first.outputs), row(first.outputs));
    const second = scan((c: Tensor, x) => ({ carry: add(mul(c, 0.5), row(x)), output: c }), first.carry, twice, {
      reverse: true,
    });
    return { first: first.outputs, second, total: sum(row(second.outputs)) };
  }),
  of("one row, and none", ({ xs, h0 }) => {
    const rows = (count: number): Tensor => tl.slice(xs as never, [0, count] as never) as Tensor;
    const over = (count: number) => scan((c: Tensor, x) => ({ carry: add(c, row(x)), output: c }), h0, rows(count));
    return { one: over(1), none: over(0).carry };
  }),
  of("a loop over a stack of narrow numbers", ({ xs, h0 }) => {
    const isLarge = tl.greater(xs as never, 0 as never) as Tensor;
    const places = tl.argmax(xs as never, { axis: -1 } as never) as Tensor;
    const { carry, outputs } = scan(
      (c: Tensor, { large, place }: { large: Tensor; place: Tensor }) => ({
        carry: row(tl.where(large as never, add(c, 1) as never, c as never)),
        output: {
          large,
          place,
          ...inEach(shortTypes, c),
        },
      }),
      h0,
      { large: isLarge, place: places } as never,
    );
    const { large, place, ...shorts } = outputs as unknown as Record<"large" | "place" | ShortFloat, Tensor>;
    return { carry, large, place, ...singles(shorts) };
  }),
  of("rows of narrow numbers that fill no words, passed on", ({ xs, h0 }) => {
    const kinds = ["u8", "f16", "bf16", "bool"] as const;
    const large = tl.mul(tl.abs(xs as never), 9) as Tensor;
    const rows = tl.reshape(tl.slice(large as never, [0, time], [1, 2], [0, 5]) as Tensor, [time, 5]) as Tensor;
    const first = tl.reshape(tl.slice(h0 as never, [0, 1], [0, 5]) as Tensor, [5]) as Tensor;
    const { carry, outputs } = scan(
      (before: Tensors, x: Tensors) => ({ carry: x, output: { before, x } }),
      inEach(kinds, first),
      inEach(kinds, rows) as never,
    );
    const { before, x } = outputs as unknown as Record<"before" | "x", Tensors>;
    return { carry: singles(carry), before: singles(before), x: singles(x) };
  }),
  of(
    "while and cond, also in a loop",
    ({ xs, h0, flag }) => {
      const grown = whileLoop(
        (c: Tensor) => tl.less(sum(c), 100) as Tensor<readonly [], "bool">,
        (c) => mul(c, 2),
        add(mul(h0, h0), 1),
        { most: 20 },
      );
      const isNegative = tl.less(flag as never, 0 as never) as Tensor<readonly [], "bool">;
      const either = cond(
        isNegative,
        (x: Tensor) => ({ x: add(x, 1), y: x, s: sum(x) }),
        (x) => ({ x, y: mul(x, x), s: sum(mul(x, x)) }),
        h0,
      );
      const inside = scan(
        (c: Tensor, x) => {
          const isUp = tl.greater(sum(row(x)), 0) as Tensor<readonly [], "bool">;
          const next = cond(
            isUp,
            (y: Tensor) => add(y, row(x)),
            (y) => mul(y, 0.5),
            c,
          );
          return { carry: next, output: { isUp, next } };
        },
        h0,
        xs,
      );
      return { grown, either, inside };
    },
    { hasFlags: true },
  ),
];

/** A training step of a recurrent net by hand: weights in states, read in a loop, changed behind it. */
export function statesProgram(): LoopProgram {
  const made = tl.program({
    inputs: { xs: tl.f32(time, batch, width) },
    state: { w: tl.param(tl.filled(0.1, width, width)), h: tl.slot(tl.zeros(batch, width)) },
    step: ({ xs }: { xs: Tensor }, { w, h }: { w: Tensor; h: Tensor }) => {
      const { carry, outputs } = scan(
        (c: Tensor, x) => {
          const next = tanh(add(row(x), matmul(c, w)));
          return { carry: next, output: sum(next) };
        },
        h,
        xs,
      );
      const change = matmul(tl.transpose(carry as never) as Tensor, carry);
      return { outputs: { outputs }, next: { w: add(w, mul(change, 0.01)), h: carry } };
    },
  } as never);
  const feeds = { xs: numbers(time * batch * width, 1) };
  const dims: Dims = {};
  return {
    name: "states that a loop reads, and one that it gives",
    program: made as LoopProgram["program"],
    dims,
    calls: [0, 1, 2].map(() => ({ entry: "step", feeds })),
  };
}

/** A recurrent net of one layer: all its states, and the last. */
export function recurrentProgram(steps: number, rows: number, columns: number): LoopProgram {
  const made = tl.program({
    inputs: { xs: tl.f32(steps, rows, columns), h: tl.f32(rows, columns), u: tl.f32(columns, columns) },
    step: ({ xs, h, u }: { xs: Tensor; h: Tensor; u: Tensor }) => ({
      outputs: scan(
        (c: Tensor, x) => {
          const next = tanh(add(row(x), matmul(c, u)));
          return { carry: next, output: next };
        },
        h,
        xs,
      ),
    }),
  } as never);
  const feeds = {
    xs: numbers(steps * rows * columns, 1),
    h: numbers(rows * columns, 2),
    u: numbers(columns * columns, 3),
  };
  const name = `a recurrent net, ${steps} x ${rows} x ${columns}`;
  return { name, program: made as LoopProgram["program"], calls: [{ entry: "step", feeds }] };
}

/** Two loops of one body, and one over what the first has stacked. */
export function alikeLoops(): LoopProgram {
  return of("loops that are alike", ({ xs, h0, u }) => {
    const layer = (rows: Tensor, start: Tensor): Tensor =>
      scan(
        (c: Tensor, x) => {
          const next = tanh(add(row(x), matmul(c, u)));
          return { carry: next, output: next };
        },
        start,
        rows,
      ).outputs as Tensor;
    const first = layer(xs, h0);
    return { first, second: layer(xs, mul(h0, 2)), above: layer(first, h0) };
  });
}
