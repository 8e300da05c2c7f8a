/**
 * Random well-typed programs: a recipe (lists of small numbers, which shrink well) becomes a program of 5 to 40 nodes, with
 * inputs and states of every rank up to 4, and extents from 0 and 1 to primes.
 */
import fc from "fast-check";
import { RandomStream } from "../../src/core/random.ts";
import type { Program } from "../../src/dsl/program.ts";
import type { TensorsOf } from "../../src/dsl/spec.ts";
import {
  add,
  bool,
  broadcastTo,
  cast,
  concat,
  dynamicUpdate,
  f32,
  filled,
  flip,
  grad,
  i32,
  mean,
  mod,
  mul,
  normal,
  oneHot,
  param,
  program,
  sin,
  slice,
  slot,
  softmax,
  sub,
  type Tensor,
  tanh,
  transpose,
  u8,
  uniform,
} from "../../src/index.ts";
import type { FlatFeeds } from "../program-oracle.ts";
import { type Budget, operation } from "./random-ops.ts";
import {
  countOf,
  exactly,
  isFloat,
  like,
  pick,
  rounded,
  type Step,
  shapeOf,
  type Value,
  whole,
} from "./random-value.ts";

export interface Recipe {
  /** Extents that inputs and states are made of. */
  readonly sizes: readonly [m: number, n: number, k: number];
  readonly steps: readonly Step[];
  /** How each state's next value comes about; empty: no state changes. */
  readonly next: readonly Step[];
  readonly outputs: readonly number[];
}

const stateNames = ["a", "b", "c", "d", "e", "f"] as const;

/** All numbers alike: a choice is no quantity, whose small and large values matter most. */
const small = fc.noBias(fc.nat({ max: 63 }));
const step: fc.Arbitrary<Step> = fc.tuple(small, small, small, small);
const extent = fc.oneof(
  { weight: 30, arbitrary: fc.constantFrom(2, 3, 1, 5, 4, 7) },
  { weight: 1, arbitrary: fc.constantFrom(0, 17) },
);
/** Sizes that fill vectors and register blocks, and leave rests. */
const wideExtent = fc.noBias(fc.constantFrom(4, 8, 9, 12, 13, 16, 17, 24));
const next = fc.array(step, { minLength: stateNames.length, maxLength: stateNames.length });
const parts = {
  sizes: fc.tuple(extent, extent, extent),
  steps: fc.noBias(fc.array(step, { minLength: 2, maxLength: 20, size: "max" })),
  outputs: fc.array(fc.noBias(fc.nat({ max: 9 })), { minLength: 1, maxLength: 3 }),
};

/** Programs that update states, at each call. */
export const statefulRecipe: fc.Arbitrary<Recipe> = fc.record({ ...parts, next });

/** Programs that leave their states as they are. */
export const plainRecipe: fc.Arbitrary<Recipe> = fc.record({ ...parts, next: fc.constant([]) });

/** Programs whose sums and rows are long enough for what targets with vectors do to them. */
export const wideRecipe: fc.Arbitrary<Recipe> = fc.record({
  ...parts,
  next,
  sizes: fc.tuple(wideExtent, wideExtent, wideExtent),
});

export const recipe = fc.oneof({ weight: 1, arbitrary: plainRecipe }, { weight: 2, arbitrary: statefulRecipe });

function specsOf([m, n, k]: Recipe["sizes"]) {
  return {
    inputs: {
      x: f32(m, n),
      y: f32(n),
      z: f32(n, k),
      t: f32(2, m, n),
      w: f32(1, k, 2, n),
      s: f32(),
      label: i32(m),
      place: i32(n),
      flag: bool(m, n),
      byte: u8(n, k),
    },
    state: {
      a: param(normal(0, 0.5, m, n)),
      b: param(uniform(-1, 1, n)),
      c: param(normal(0, 0.5, n, n)),
      d: slot(uniform(-1, 1, n, n)),
      e: slot(uniform(-1, 1)),
      f: slot(filled(2, n), { dtype: "i32" }),
    },
  };
}

/** The program of some recipes, side by side: one entry, "step", and what `feedsOf` feeds. */
export function makeProgram(recipes: readonly Recipe[]): Program<unknown> {
  const specs = recipes.map(({ sizes }) => specsOf(sizes));
  return program({
    inputs: sideBySide(specs.map(({ inputs }) => inputs)),
    state: sideBySide(specs.map(({ state }) => state)),
    step(inputs, state) {
      const results = recipes.map((made, i) => stepOf(made, part<Inputs>(inputs, i), part<States>(state, i)));
      return {
        outputs: sideBySide(results.map(({ outputs }) => outputs)),
        next: sideBySide(results.map(({ next }) => next)),
      };
    },
  }) as Program<unknown>;
}

/** One object of many: `x` of the second is `x_1`. */
function sideBySide<T>(parts: readonly Readonly<Record<string, T>>[]): Readonly<Record<string, T>> {
  return Object.fromEntries(
    parts.flatMap((one, i) => Object.entries(one).map(([name, value]) => [`${name}_${i}`, value])),
  );
}

/** The other way round. */
function part<T>(whole: Readonly<Record<string, unknown>>, i: number): T {
  const mine = Object.entries(whole).filter(([name]) => name.endsWith(`_${i}`));
  return Object.fromEntries(mine.map(([name, value]) => [name.replace(/_\d+$/, ""), value])) as T;
}

type Inputs = TensorsOf<ReturnType<typeof specsOf>["inputs"]>;
type States = TensorsOf<ReturnType<typeof specsOf>["state"]>;

function stepOf(made: Recipe, inputs: Inputs, state: States) {
  const budget: Budget = { gradients: 2 };
  const values: Value[] = [inputs.x, inputs.y, inputs.z, inputs.t, inputs.w, inputs.s].map((x) => exactly(x, 2, 5));
  values.push(whole(oneHot(inputs.label, 3)), whole(mod(inputs.label as Tensor, 3), 2));
  values.push(
    whole(sub(inputs.place as Tensor, 4), 5),
    whole(inputs.flag),
    whole(sub(cast(inputs.byte as Tensor, "i32") as Tensor, 100), 155),
  );
  for (const name of stateNames) values.push(name === "f" ? whole(state.f, 9) : rounded(state[name], 4, 1e-6));
  for (const [at, one] of made.steps.entries()) {
    // The latest values more often than the first: chains, which fuse.
    const [op, a, b, choice] = one;
    const recent = at > 0 && choice % 3 === 0 ? values.length - 1 : a;
    const result = operation([op, recent, b, choice], values, budget);
    if (result !== null) keep(result, values);
  }
  const nexts = made.next.map((how, i) => nextOf(stateNames[i] ?? "e", state, how, values, budget));
  const changed = nexts.map((value, i) => [stateNames[i] ?? "", value] as const).filter(([, value]) => value !== null);
  const outputs = Object.fromEntries(made.outputs.map((at, i) => [`out${i}`, pick(values, values.length - 1 - at).x]));
  return { outputs, next: Object.fromEntries(changed) };
}

/** Takes a value in, made smaller where it could be large, unless rounding could have moved it too far. */
export function keep(made: Value, values: Value[]): void {
  if (made.x.rank > 5 || countOf(made) > 3000) return;
  if (made.bound <= 40) {
    if (made.error < 1e-4) values.push(made);
  } else if (isFloat(made)) keep(rounded(tanh(made.x), 1, made.error), values);
  else values.push(whole(mod(made.x, 9), 9));
}

/** The next value of a state: another of its shape, itself moved or in part replaced, a step down a gradient, or nothing. */
function nextOf(
  name: (typeof stateNames)[number],
  states: States,
  [op, a, b, choice]: Step,
  values: readonly Value[],
  budget: Budget,
): Tensor | null {
  const old = states[name] as Tensor;
  const alike = values.filter(({ x }) => x.dtype === old.dtype && x.shape.join() === old.shape.join());
  const chosen = pick(alike, alike.length * 64 - 1 - a);
  const bounded = (value: Value): Tensor => {
    if (!isFloat(value)) return value.bound <= 9 ? value.x : (mod(value.x, 9) as Tensor);
    const steady = value.error <= 1e-5 ? value.x : old;
    return value.bound <= 4 ? steady : (sin(steady) as Tensor);
  };
  const rank = old.rank;
  switch (op % 11) {
    case 0:
      return bounded(chosen);
    case 1: {
      if (!isFloat(chosen) || budget.gradients === 0) return bounded(chosen);
      budget.gradients -= 1;
      const last = values
        .filter((value) => isFloat(value) && countOf(value) > 0 && value.error < 2e-6)
        .at(-1 - (choice % 4));
      if (last === undefined) return null;
      const slope = grad(mean(tanh(last.x) as Tensor) as Tensor, old) as Tensor;
      return tanh(sub(old, mul(tanh(slope) as Tensor, 0.5) as Tensor) as Tensor) as Tensor;
    }
    case 2:
      if (!isFloat(chosen)) return mod(add(old, chosen.x) as Tensor, 9) as Tensor;
      return tanh(add(mul(old, 0.5) as Tensor, mul(bounded(chosen), 0.25) as Tensor) as Tensor) as Tensor;
    case 3:
      return choice % 3 === 0 ? null : bounded(chosen);
    case 4:
      return rank === 0 ? bounded(chosen) : (flip(old, [choice % rank]) as Tensor);
    case 5: {
      const part = slice(
        bounded(chosen),
        ...shapeOf(like(chosen, old)).map((dim) => [0, Math.max(0, Math.min(dim, 1 + (b % 2)))] as const),
      );
      const starts = old.shape.map((_, axis) => (axis === 0 ? choice % 4 : 0));
      return dynamicUpdate(old, part, starts) as Tensor;
    }
    case 6:
      // Everything moves up by one; the last row comes in at the end.
      if (rank === 0 || old.shape[0] === 0) return bounded(chosen);
      return concat([slice(old, [1, Number(old.shape[0])]), slice(bounded(chosen), [0, 1])]) as Tensor;
    case 7:
      return old.shape.length === 2 && old.shape[0] === old.shape[1] ? (transpose(old) as Tensor) : bounded(chosen);
    case 8:
    case 9: {
      // Rows that are read in several walks, straight and the other way round, and in the end overwritten.
      if (rank === 0 || !isFloat(chosen) || countOf(chosen) === 0) return bounded(chosen);
      const source =
        choice % 3 === 0 ? old : (add(mul(old, 0.5) as Tensor, mul(bounded(chosen), 0.25) as Tensor) as Tensor);
      const row = softmax(source, { axis: choice % 4 === 3 ? 0 : -1 }) as Tensor;
      const other = b % 4 === 0 ? old : b % 4 === 1 ? row : (flip(b % 4 === 2 ? row : old, [-1]) as Tensor);
      return sub(row, mul(other, 0.5) as Tensor) as Tensor;
    }
    default:
      return broadcastTo(slice(bounded(chosen), ...old.shape.map((dim) => [0, Math.min(Number(dim), 1)] as const)), [
        ...old.shape,
      ]) as Tensor;
  }
}

/** What a call is fed: multiples of 1/4 from -2 to 2, labels below 3, places from -1 in. */
export function feedsOf(recipes: readonly Recipe[], call: number): FlatFeeds {
  return sideBySide(recipes.map((made) => feedsOfOne(made, call)));
}

function feedsOfOne({ sizes: [m, n, k] }: Recipe, call: number): FlatFeeds {
  const random = new RandomStream(3, `random programs ${call}`);
  const grid = (count: number): Float32Array => Float32Array.from({ length: count }, () => random.integer(17) / 4 - 2);
  const below = (limit: number, count: number): number[] => Array.from({ length: count }, () => random.integer(limit));
  return {
    x: grid(m * n),
    y: grid(n),
    z: grid(n * k),
    t: grid(2 * m * n),
    w: grid(2 * k * n),
    s: grid(1),
    label: Int32Array.from(below(3, m)),
    place: Int32Array.from(below(9, n)),
    flag: Uint8Array.from(below(2, m * n)),
    byte: Uint8Array.from(below(256, n * k)),
  };
}
