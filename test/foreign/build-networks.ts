/**
 * Instructions of networks as tensorloom writes them: windows, running folds, loops, functions of functions, linear algebra.
 * torch_answers.py has the same names.
 */
import * as tl from "../../src/index.ts";
import type { Attrs } from "./recipe.ts";

type Tensor = tl.Tensor;
type Build = (of: readonly Tensor[], attrs: Attrs) => unknown;
type Pair = readonly [number, number];

/** One operand by its place. */
const at = (of: readonly Tensor[], i: number): Tensor => of[i] as Tensor;

/** Options of windows: borders as pairs, or "same". */
function windows({ stride, dilation, groups, size, borders }: Attrs): object {
  const padding = typeof borders === "string" ? borders : (borders as readonly Pair[]);
  const given = { stride, dilation, groups, size, padding };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

/** A matrix that is its own 0.3 and twice the identity: solved without loss. */
function wellKept(x: Tensor): Tensor {
  const n = Number(x.shape.at(-1));
  const identity = tl.cast(tl.equal(tl.reshape(tl.arange(n), [n, 1]), tl.arange(n)) as Tensor, "f64");
  return tl.add(tl.mul(tl.tanh(x), 0.3), tl.mul(identity, 2)) as Tensor;
}

const language: Readonly<Record<string, unknown>> = tl;
const call = (name: string): ((...given: readonly unknown[]) => Tensor) => language[name] as never;
const windowed =
  (name: string, count: number): Build =>
  (of, attrs) =>
    call(name)(...of.slice(0, count), windows(attrs));
const running =
  (name: string): Build =>
  ([x], attrs) =>
    call(name)(x, attrs);
const algebra =
  (name: string, ...options: readonly unknown[]): Build =>
  ([a, ...others]) =>
    call(name)(wellKept(a as Tensor), ...others, ...options);

export const networks: Readonly<Record<string, Build>> = {
  conv: windowed("conv", 2),
  depthwiseConv: windowed("depthwiseConv", 2),
  convTranspose: windowed("convTranspose", 2),
  maxPool: windowed("maxPool", 1),
  avgPool: windowed("avgPool", 1),
  globalPool: ([x], { how, keep }) => call("globalPool")(x, how, { keepDims: keep }),
  cumulativeMax: running("cumulativeMax"),
  cumulativeMin: running("cumulativeMin"),
  cumulativeLogSumExp: running("cumulativeLogSumExp"),
  segmentSum: ([x, ids], { count }) => call("segmentSum")(x, ids, count),
  solve: algebra("solve"),
  inverse: algebra("inverse"),
  det: algebra("det"),
  solveTriangular: algebra("solveTriangular", { lower: false }),
  cholesky: ([x]) => {
    const kept = wellKept(at([x as Tensor], 0));
    return tl.cholesky(tl.matmul(kept as never, tl.transpose(kept) as never));
  },
  /** h' = tanh(h w + x), and what stands beside it. */
  scan: ([h, xs, w], { reverse, stacked }) => {
    const step = (state: Tensor, x: Tensor) => {
      const next = tl.tanh(tl.add(tl.dot(state, w as never) as Tensor, x)) as Tensor;
      return { carry: next, output: tl.mul(next, tl.cos(state)) as Tensor };
    };
    const made = tl.scan(step as never, h as Tensor, xs as Tensor, { reverse: reverse === true }) as {
      readonly carry: Tensor;
      readonly outputs: Tensor;
    };
    return stacked === true ? made.outputs : made.carry;
  },
  /** Two carries, each of which moves the other; one loop in the other. */
  nestedScan: ([a, xs]) => {
    const inner = (b: Tensor, x: Tensor) => ({ carry: tl.add(tl.mul(b, 0.5), tl.sin(x)) as Tensor });
    const outer = (state: { a: Tensor; b: Tensor }, row: Tensor) => {
      const { carry } = tl.scan(inner as never, state.b, row, {}) as { readonly carry: Tensor };
      const next = tl.add(tl.mul(state.a, 0.9), tl.mul(carry, state.a)) as Tensor;
      return { carry: { a: tl.tanh(next), b: carry }, output: next };
    };
    const start = { a: a as Tensor, b: tl.mul(a as Tensor, 0.3) };
    return tl.scan(outer as never, start, xs as Tensor, {}).outputs;
  },
  cond: ([x, list, y], { above }) => {
    const flag = tl.greater(tl.sum(list as Tensor), Number(above));
    const [yes, no] = [(z: Tensor) => tl.mul(tl.tanh(z), y as Tensor), (z: Tensor) => tl.sin(tl.mul(z, z))];
    return tl.cond(flag as never, yes as never, no as never, x);
  },
  /** For each row the slope, by what all rows share, of its own function. */
  vmap: ([x, v], { by }) => {
    const one = (row: Tensor): Tensor => {
      const y = tl.mul(tl.softmax(tl.mul(row, v as Tensor)), tl.sum(tl.sin(row))) as Tensor;
      return by === "value"
        ? y
        : (tl.grad(tl.sum(tl.mul(y, y)) as never, by === "row" ? row : (v as Tensor)) as Tensor);
    };
    return tl.vmap(one as never, x as Tensor);
  },
  jvp: ([x, t]) =>
    tl.jvp((z: Tensor) => tl.mul(tl.tanh(z), tl.sum(tl.sin(z))) as Tensor, x as Tensor, t as never).tangent,
  vjp: ([x, t]) =>
    tl.vjp((z: Tensor) => tl.mul(tl.exp(tl.neg(tl.mul(z, z))), z) as Tensor, x as Tensor).pullback(t as never),
  hvp: ([x, v]) =>
    tl.hvp(tl.sum(tl.mul(tl.sin(x as Tensor), tl.mul(x as Tensor, x as Tensor))) as never, x as Tensor, v as never),
  checkpoint: ([x, y]) =>
    tl.checkpoint((z: Tensor) => tl.tanh(tl.mul(tl.exp(tl.sin(z)), y as Tensor)) as Tensor, x as Tensor),
};
