/**
 * Random well-typed programs: a recipe (a list of small numbers, which shrinks well) becomes a program of 5 to 40 nodes.
 *
 * Each value knows how large it can be, and whether it is exact: computed from inputs on a coarse grid by operations that
 * round nothing. Discontinuous operations take exact values only, so a tie is a tie in every precision.
 */
import type { Program } from "../../src/dsl/program.ts";
import {
  abs,
  add,
  argmax,
  broadcastTo,
  concat,
  div,
  dropout,
  exp,
  f32,
  flip,
  floor,
  grad,
  greater,
  i32,
  log1p,
  matmul,
  max,
  maximum,
  mean,
  minimum,
  mul,
  neg,
  normal,
  oneHot,
  pad,
  param,
  program,
  relu,
  reshape,
  sigmoid,
  sin,
  slice,
  slot,
  softmax,
  sqrt,
  sub,
  sum,
  type Tensor,
  tanh,
  transpose,
  uniform,
  where,
} from "../../src/index.ts";

/** One operation: which, on which of the values so far, and a choice within it. */
export type Step = readonly [op: number, a: number, b: number, choice: number];

export interface Recipe {
  readonly steps: readonly Step[];
  /** Which value becomes each state's next; and how. */
  readonly next: readonly Step[];
  readonly outputs: readonly number[];
}

interface Value {
  readonly x: Tensor;
  /** Largest magnitude of an element. */
  readonly bound: number;
  /** Bits that hold every element exactly; Infinity where something was rounded. */
  readonly bits: number;
}

/** As many as an f32 holds, less what a sum in between may need. */
const exactBits = 20;

const rounded = (x: unknown, bound: number): Value => ({ x: x as Tensor, bound, bits: Number.POSITIVE_INFINITY });
const isExact = (value: Value): boolean => value.bits <= exactBits;

const specs = {
  inputs: { x: f32(2, 3), y: f32(3), z: f32(3, 3), label: i32(2) },
  state: {
    a: param(normal(0, 0.5, 2, 3)),
    b: param(uniform(-1, 1, 3)),
    c: param(normal(0, 0.5, 3, 3)),
    d: slot(uniform(-1, 1, 3, 3)),
    e: slot(uniform(-1, 1)),
  },
};

export function makeProgram(recipe: Recipe): Program<unknown> {
  return program({
    ...specs,
    step({ x, y, z, label }, state) {
      const grid = (tensor: Tensor): Value => ({ x: tensor, bound: 2, bits: 5 });
      const values: Value[] = [grid(x as Tensor), grid(y as Tensor), grid(z as Tensor)];
      values.push({ x: oneHot(label, 3) as Tensor, bound: 1, bits: 1 });
      for (const old of Object.values(state)) values.push(rounded(old, 4));
      for (const step of recipe.steps) {
        const made = operation(step, values);
        if (made !== null) values.push(made.bound <= 64 ? made : rounded(tanh(made.x), 1));
      }
      const next = Object.fromEntries(
        Object.entries(state).map(([name, old], i) => [name, nextOf(old as Tensor, recipe.next[i], values)]),
      );
      const outputs = Object.fromEntries(recipe.outputs.map((at, i) => [`out${i}`, pick(values, at).x]));
      return { outputs, next: Object.fromEntries(Object.entries(next).filter(([, value]) => value !== null)) };
    },
  });
}

function pick(values: readonly Value[], at: number): Value {
  return values[at % values.length] as Value;
}

/** The next value of a state: another value of its shape, a step down a gradient, or nothing. */
function nextOf(old: Tensor, [op, a, , choice]: Step = [0, 0, 0, 0], values: readonly Value[]): Tensor | null {
  const alike = values.filter(({ x }) => x.shape.join() === old.shape.join());
  const chosen = pick(alike, a);
  switch (op % 4) {
    case 0:
      return chosen.bound <= 4 ? chosen.x : (tanh(chosen.x) as Tensor);
    case 1: {
      const last = values.slice(8 + (choice % 4)).at(-1) ?? pick(values, a);
      const slope = grad(mean(tanh(last.x) as Tensor) as Tensor, old) as Tensor;
      return tanh(sub(old, mul(slope, 0.5)) as Tensor) as Tensor;
    }
    case 2:
      return tanh(add(mul(old, 0.5) as Tensor, mul(chosen.x, 0.25) as Tensor) as Tensor) as Tensor;
    default:
      return choice % 3 === 0 ? null : chosen.bound <= 4 ? chosen.x : (sin(chosen.x) as Tensor);
  }
}

function operation([op, a, b, choice]: Step, values: readonly Value[]): Value | null {
  const [left, right] = [pick(values, a), pick(values, b)];
  switch (op % 8) {
    case 0:
      return binary(left, broadcasts(left, right) ? right : left, choice);
    case 1:
      return smooth(left, choice);
    case 2:
      return product(left, right);
    case 3:
      return reduction(left, choice);
    case 4:
      return view(left, right, choice);
    case 5:
      return discontinuous(values.filter(isExact), [a, b, choice], left);
    case 6:
      return rounded(softmax(left.x.rank === 0 ? (reshape(left.x, [1]) as Tensor) : left.x), 1);
    default:
      return choice % 4 === 0
        ? rounded(dropout(tanh(left.x) as Tensor<readonly number[], "f32">, 0.5), 2)
        : rounded(mean(left.x), left.bound);
  }
}

function broadcasts({ x }: Value, { x: y }: Value): boolean {
  const [longer, shorter] = x.rank >= y.rank ? [x.shape, y.shape] : [y.shape, x.shape];
  const tail = longer.slice(longer.length - shorter.length);
  return shorter.every((dim, axis) => dim === tail[axis] || dim === 1 || tail[axis] === 1);
}

function binary(left: Value, right: Value, choice: number): Value {
  const [x, y] = [left.x, right.x];
  const sumBits = Math.max(left.bits, right.bits) + 1;
  switch (choice % 5) {
    case 0:
      return { x: add(x, y) as Tensor, bound: left.bound + right.bound, bits: sumBits };
    case 1:
      return { x: sub(x, y) as Tensor, bound: left.bound + right.bound, bits: sumBits };
    case 2:
      return { x: mul(x, y) as Tensor, bound: left.bound * right.bound, bits: left.bits + right.bits };
    case 3:
      return rounded(div(x, add(mul(y, y) as Tensor, 1) as Tensor), left.bound);
    default:
      return { x: mul(x, 0.5) as Tensor, bound: left.bound, bits: left.bits + 1 };
  }
}

function smooth({ x, bound, bits }: Value, choice: number): Value {
  switch (choice % 7) {
    case 0:
      return rounded(tanh(x), 1);
    case 1:
      return bound <= 3 ? rounded(exp(x), Math.exp(bound)) : rounded(sigmoid(x), 1);
    case 2:
      return { x: neg(x) as Tensor, bound, bits };
    case 3:
      return rounded(sqrt(add(mul(x, x) as Tensor, 1) as Tensor), bound + 1);
    case 4:
      return rounded(sin(x), 1);
    case 5:
      return rounded(log1p(mul(x, x) as Tensor), 2 * Math.log(bound + 1));
    default:
      return rounded(sigmoid(x), 1);
  }
}

/** A matrix product, transposing where that makes the inner dimensions fit. */
function product(left: Value, right: Value): Value | null {
  const [x, y] = [left.x, right.x];
  if (x.rank !== 2 || y.rank !== 2) return null;
  const [rows, inner] = x.shape;
  const bound = 3 * left.bound * right.bound;
  const bits = left.bits + right.bits + 2;
  if (inner === y.shape[0]) return { x: matmul(x, y) as Tensor, bound, bits };
  if (inner === y.shape[1]) return { x: matmul(x, transpose(y)) as Tensor, bound, bits };
  if (rows === y.shape[0]) return { x: matmul(transpose(x) as Tensor, y) as Tensor, bound, bits };
  return null;
}

function reduction({ x, bound, bits }: Value, choice: number): Value {
  const axis = x.rank === 0 ? undefined : choice % x.rank;
  const options = axis === undefined ? {} : { axis, keepDims: choice % 2 === 1 };
  const count = x.shape.reduce((product: number, dim) => product * Number(dim), 1);
  if (choice % 3 === 0 && bits <= exactBits) return { x: max(x, options) as Tensor, bound, bits };
  if (choice % 3 === 1) return { x: sum(x, options) as Tensor, bound: bound * count, bits: bits + 4 };
  return { x: sum(x) as Tensor, bound: bound * count, bits: bits + 6 };
}

function view(left: Value, right: Value, choice: number): Value | null {
  const { x } = left;
  const like = (made: unknown): Value => ({ ...left, x: made as Tensor });
  const first = Number(x.shape[0] ?? 1);
  if (x.rank === 0 || first > 24) return choice % 2 === 0 ? like(broadcastTo(x, [3, ...x.shape].slice(0, 3))) : null;
  switch (choice % 7) {
    case 0:
      return like(transpose(x));
    case 1:
      return like(reshape(x, [-1]));
    case 2:
      return like(slice(x, [0, Math.max(1, first - 1)]));
    case 3:
      return like(flip(x, [0]));
    case 4:
      return like(pad(x, x.shape.map((_, axis) => (axis === 0 ? [1, 0] : [0, 0])) as [number, number][], 0.5));
    case 5: {
      const joint = { bound: Math.max(left.bound, right.bound), bits: Math.max(left.bits, right.bits) };
      const fits = right.x.rank === x.rank && x.shape.slice(1).join() === right.x.shape.slice(1).join();
      return fits ? { ...joint, x: concat([x, right.x]) as Tensor } : like(concat([x, x]));
    }
    default:
      return x.rank > 2 ? null : like(broadcastTo(x, [2, ...x.shape]));
  }
}

function discontinuous(exact: readonly Value[], [a, b, choice]: readonly number[], other: Value): Value {
  const [left, wanted] = [pick(exact, a ?? 0), pick(exact, b ?? 0)];
  const right = broadcasts(left, wanted) ? wanted : left;
  const joint = { bound: Math.max(left.bound, right.bound), bits: Math.max(left.bits, right.bits) };
  switch ((choice ?? 0) % 7) {
    case 0:
      return { ...joint, x: maximum(left.x, right.x) as Tensor };
    case 1:
      return { ...joint, x: minimum(left.x, right.x) as Tensor };
    case 2:
      return { ...left, x: relu(left.x) as Tensor };
    case 3:
      return { ...left, x: abs(left.x) as Tensor };
    case 4:
      return { ...left, x: floor(left.x) as Tensor, bound: left.bound + 1 };
    case 5: {
      const condition = greater(left.x, right.x) as Tensor<readonly number[], "bool">;
      const chosen = { ...other, x: condition as Tensor };
      const fit = broadcasts(chosen, other) ? other.x : left.x;
      const [bound, bits] = [Math.max(other.bound, left.bound, 1), Math.max(other.bits, left.bits)];
      return { x: where(condition, fit, 0.25) as Tensor, bound, bits };
    }
    default: {
      const rows = left.x.rank === 0 ? (reshape(left.x, [1]) as Tensor) : left.x;
      return { x: oneHot(argmax(rows) as Tensor, 3) as Tensor, bound: 1, bits: 1 };
    }
  }
}
