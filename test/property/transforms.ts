/**
 * vmap of random functions: what it gives is what a loop over the examples gives. The functions are made of the operations of random
 * programs, loops, gradients and vmaps among them; the examples lie along any axis, and in examples of their own.
 */
import fc from "fast-check";
import { RandomStream } from "../../src/core/random.ts";
import type { Program } from "../../src/dsl/program.ts";
import { wasmTarget } from "../../src/eager-targets.ts";
import { bool, cast, concat, f32, i32, jsTarget, mul, permute, program, reshape, slice, sub, type Tensor, vmap } from "../../src/index.ts"; // biome-ignore format: names
import { wgslEvaluatorTarget } from "../evaluator-machine.ts";
import { type ProgramCase, runOracle, runProgram } from "../program-case.ts";
import { type FlatFeeds, largestError } from "../program-oracle.ts";
import { checkClose } from "./programs.ts";
import { type Property, property } from "./property.ts";
import { type Budget, operation } from "./random-ops.ts";
import { keep } from "./random-program.ts";
import { exactly, pick, type Value, whole } from "./random-value.ts";

const small = fc.noBias(fc.nat({ max: 63 }));
const extent = fc.constantFrom(2, 3, 1, 4);

const drawn = fc.record({
  examples: fc.integer({ min: 1, max: 3 }),
  /** Of examples in each example; 0: it has none. */
  inner: fc.constantFrom(0, 0, 1, 2),
  sizes: fc.tuple(extent, extent),
  steps: fc.noBias(fc.array(fc.tuple(small, small, small, small), { minLength: 1, maxLength: 8, size: "max" })),
  axis: small,
  outAxis: fc.constantFrom(0, -1),
});

type Drawn = typeof drawn extends fc.Arbitrary<infer T> ? T : never;

/** One example, or many. */
interface Example {
  readonly x: Tensor;
  readonly row: Tensor;
  readonly scalar: Tensor;
  readonly label: Tensor;
  readonly flag: Tensor;
}

/** The case as a program: results of vmap and those of the loop, with the examples in front. */
function vmapProgram(made: Drawn): Program<unknown> {
  const { examples, inner, sizes: [n, k] } = made; // biome-ignore format: one line
  const front = inner === 0 ? [examples] : [examples, inner];
  return program({
    inputs: {
      x: f32(...front, n, k),
      row: f32(...front, n),
      scalar: f32(...front),
      label: i32(...front, n),
      flag: bool(...front, n, k),
      shared: f32(n, k),
      vector: f32(k),
    },
    step({ x, row, scalar, label, flag, shared, vector }: Example & Readonly<Record<"shared" | "vector", Tensor>>) {
      const one = (example: Example): readonly Tensor[] => functionOf(made, example, shared, vector);
      const all: Example = { x, row, scalar, label, flag };
      const looped = inner === 0 ? overExamples(all, examples, one) : overExamples(all, examples, (example) => overExamples(example, inner, one)); // biome-ignore format: two loops
      const nested = (example: Example): readonly Tensor[] => mapped(example, made.axis >> 2, made.outAxis, one);
      const vmapped = mapped(all, made.axis, made.outAxis, inner === 0 ? one : nested);
      const named = (name: string, tensors: readonly Tensor[]) => tensors.map((tensor, i) => [`${name}${i}`, tensor]);
      return { outputs: Object.fromEntries([...named("vmap", vmapped), ...named("loop", looped)]) };
    },
  }) as Program<unknown>;
}

/** The function of one example: the latest of what the steps make. */
function functionOf({ steps }: Drawn, example: Example, shared: Tensor, vector: Tensor): readonly Tensor[] {
  const budget: Budget = { gradients: 2 };
  const floats = [example.x, example.row, shared, vector, mul(shared, 0.5) as Tensor, example.scalar];
  const values: Value[] = [
    ...floats.map((x) => exactly(x, 2, 6)),
    whole(sub(example.label, 1), 7),
    whole(example.flag),
  ];
  for (const [at, [op, a, b, choice]] of steps.entries()) {
    if (op % 17 === 11) continue; // random numbers are others for each example
    const result = operation([op, at > 0 && choice % 3 === 0 ? values.length - 1 : a, b, choice], values, budget);
    if (result !== null) keep(result, values);
  }
  return [1, 2].map((back) => cast(pick(values, values.length - back).x, "f32"));
}

/** The function by vmap, each tensor's examples along some axis; the results' are in front again. */
function mapped(
  all: Example,
  axis: number,
  outAxis: number,
  f: (example: Example) => readonly Tensor[],
): readonly Tensor[] {
  const axes = Object.entries(all).map(([name, { rank }], i) => [name, (axis + i) % rank] as const);
  const moved = axes.map(([name, to]) => [name, movedTo(all[name as keyof Example], 0, to)]);
  const options = { axis: Object.fromEntries(axes), outAxis };
  const made = vmap(f as never, Object.fromEntries(moved), options as never) as readonly Tensor[];
  return made.map((tensor) => movedTo(tensor, outAxis === 0 ? 0 : tensor.rank - 1, 0));
}

function movedTo(x: Tensor, from: number, to: number): Tensor {
  const others = x.shape.map((_, axis) => axis).filter((axis) => axis !== from);
  return permute(x, [...others.slice(0, to), from, ...others.slice(to)]) as Tensor;
}

function overExamples(all: Example, count: number, f: (example: Example) => readonly Tensor[]): readonly Tensor[] {
  const each = Array.from({ length: count }, (_, i) => {
    const at = Object.entries(all).map(([name, x]) => [name, reshape(slice(x, [i, i + 1]), x.shape.slice(1))]);
    return f(Object.fromEntries(at));
  });
  return (each[0] ?? []).map((_, i) => concat(each.map((made) => reshape(made[i] as Tensor, [1, ...(made[i] as Tensor).shape]))) as Tensor); // biome-ignore format: one stack
}

function feedsFor({ examples, inner, sizes: [n, k] }: Drawn): FlatFeeds {
  const random = new RandomStream(5, "random vmaps");
  const front = examples * Math.max(1, inner);
  const grid = (count: number): Float32Array => Float32Array.from({ length: count }, () => random.integer(17) / 4 - 2);
  return {
    x: grid(front * n * k),
    row: grid(front * n),
    scalar: grid(front),
    label: Int32Array.from({ length: front * n }, () => random.integer(8)),
    flag: Uint8Array.from({ length: front * n * k }, () => random.integer(2)),
    shared: grid(n * k),
    vector: grid(k),
  };
}

/** In double precision the two differ by the order of their sums alone. */
const rounding = 1e-9;

export const transformProperties: readonly Property[] = [
  property(
    "vmap of a random function is a loop over the examples, on every target",
    240,
    fc.asyncProperty(drawn, small, async (made, which) => {
      const given: ProgramCase = { program: vmapProgram(made), calls: [{ entry: "step", feeds: feedsFor(made) }] };
      const wanted = runOracle(given);
      for (const [name, looped] of wanted) {
        if (!name.includes("loop")) continue;
        const error = largestError(wanted.get(name.replace("loop", "vmap")) ?? [], looped);
        if (!(error < rounding)) throw new Error(`${name} and vmap's are ${error} apart`);
      }
      if (which % 4 > 0) return;
      const target = [jsTarget, wasmTarget({ threads: 1 }), wgslEvaluatorTarget][(which >> 2) % 3] ?? jsTarget;
      checkClose((await runProgram(given, target)).trace, wanted, 1e-3);
    }),
  ),
];
