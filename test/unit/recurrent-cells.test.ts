/**
 * Recurrent layers written with `scan` against those of Keras (test/fixtures/README.md): values and gradients within 1e-5 of the
 * largest element. Both forms of a GRU, masks, states, backwards.
 */
import { beforeAll, describe, expect, test } from "vitest";
import { add, bool, clip, compile, type DType, f32, flip, full, grad, matmul, mul, permute, program, relu, reshape, type Shape, scan, sigmoid, slice, sub, sum, type Tensor, tanh, where } from "../../src/index.ts"; // biome-ignore format: names
import { type KerasCase, kerasCases, type Numbers } from "../keras-cases.ts";

const cases = kerasCases("recurrent");

/** A tensor whose type says nothing of it. */
type Any = Tensor<Shape, DType>;

/** The new states of a step; the first is what the layer gives. */
type Cell = (x: Any, states: readonly Any[]) => readonly Any[];

function activation(name: unknown, usual: (x: Any) => Any): (x: Any) => Any {
  if (name === "relu") return relu;
  return name === "hard_sigmoid" ? (x) => clip(add(mul(x, 1 / 6), 0.5), 0, 1) : usual;
}

/** Part `i` of several that stand side by side along the last axis. */
function part(x: Any, i: number, parts: number): Any {
  const size = Number(x.shape[x.shape.length - 1]) / parts;
  return slice(x, ...x.shape.slice(1).map(() => null), [i * size, (i + 1) * size]);
}

function cellOf({ class: kind, options }: KerasCase, [w, u, bias]: readonly Any[]): Cell {
  if (w === undefined || u === undefined) throw new Error("a cell has two matrices");
  const act = activation(options.activation, tanh);
  const gate = activation(options.recurrent_activation, sigmoid);
  const plus = (x: Any, b: Any | undefined): Any => (b === undefined ? x : add(x, b));
  if (kind === "SimpleRNN") return (x, [h]) => [act(plus(add(matmul(x, w), matmul(h as Any, u)), bias))];
  if (kind === "LSTM") {
    return (x, [h, c]) => {
      const z = plus(add(matmul(x, w), matmul(h as Any, u)), bias);
      const [input, forget, fresh, output] = [0, 1, 2, 3].map((i) => part(z, i, 4)) as [Any, Any, Any, Any];
      const next = add(mul(gate(forget), c as Any), mul(gate(input), act(fresh)));
      return [mul(gate(output), act(next)), next];
    };
  }
  const two = bias?.shape.length === 2;
  const row = (i: number): Any | undefined =>
    bias !== undefined && two ? reshape(slice(bias, [i, i + 1]), [-1]) : bias;
  return (x, [h]) => {
    const before = h as Any;
    const fromX = plus(matmul(x, w), row(0));
    const fromH = two || bias === undefined ? plus(matmul(before, u), row(1)) : matmul(before, u);
    const update = gate(add(part(fromX, 0, 3), part(fromH, 0, 3)));
    const reset = gate(add(part(fromX, 1, 3), part(fromH, 1, 3)));
    const inner =
      options.reset_after === false ? matmul(mul(reset, before), part(u, 2, 3)) : mul(reset, part(fromH, 2, 3));
    const fresh = act(add(part(fromX, 2, 3), inner));
    return [add(mul(update, before), mul(sub(1, update), fresh))];
  };
}

/** All that the layer gives: of every step or the last, then its states. */
function layer(
  one: KerasCase,
  [x, ...given]: readonly Any[],
  weights: readonly Any[],
  mask: Any | undefined,
): readonly Any[] {
  if (x === undefined) throw new Error("a layer has an input");
  const { options } = one;
  const cell = cellOf(one, weights);
  const none = full([x.shape[0] ?? 1, Number(options.units)], 0);
  const first = one.class === "LSTM" ? [none, none] : [none];
  const rows = {
    x: permute(x, [1, 0, 2]) as Any,
    ...(mask === undefined ? {} : { mask: permute(mask, [1, 0]) as Any }),
  };
  const { carry, outputs } = scan(
    ({ states, last }: { states: readonly Any[]; last: Any }, row: { x: Any; mask?: Any }) => {
      const made = cell(row.x, states);
      if (row.mask === undefined) return { carry: { states: made, last: made[0] as Any }, output: made[0] as Any };
      const counts = reshape(row.mask, [-1, 1]) as Tensor<Shape, "bool">;
      const kept = made.map((state, i) => where(counts, state, states[i] as Any));
      const output = where(counts, made[0] as Any, options.zero_output_for_mask === true ? 0 : last) as Any;
      return { carry: { states: kept, last: output }, output };
    },
    { states: given.length > 0 ? given : first, last: none as Any } as { states: readonly Any[]; last: Any },
    rows as never,
    { reverse: options.go_backwards === true },
  );
  // Keras leaves the steps of a layer that goes backwards in the order in which they were made
  const steps = permute(options.go_backwards === true ? flip(outputs as Any, [0]) : (outputs as Any), [1, 0, 2]) as Any;
  return [
    options.return_sequences === true ? steps : carry.last,
    ...(options.return_state === true ? carry.states : []),
  ];
}

const numbersOf = (one: KerasCase): readonly Numbers[] => [...one.inputs, ...one.weights, ...one.cotangents];

const layers = program({
  inputs: Object.fromEntries(
    cases.flatMap((one, n) => [
      ...numbersOf(one).map(({ shape }, i) => [`c${n}x${i}`, f32(...shape)] as const),
      ...(one.mask === undefined ? [] : [[`c${n}mask`, bool(...one.mask.shape)] as const]),
    ]),
  ),
  step: (given: Readonly<Record<string, Any>>) => ({
    outputs: Object.fromEntries(
      cases.map((one, n) => {
        const all = numbersOf(one).map((_, i) => given[`c${n}x${i}`] as Any);
        const split = one.inputs.length;
        const [inputs, weights] = [all.slice(0, split), all.slice(split, split + one.weights.length)];
        const found = layer(one, inputs, weights, given[`c${n}mask`]);
        const slopes = all.slice(split + one.weights.length);
        const loss = slopes.map((slope, i) => sum(mul(found[i] as Any, slope))).reduce((a, b) => add(a, b));
        return [`c${n}`, { y: found, x: grad(loss, inputs), w: grad(loss, weights) }];
      }),
    ),
  }),
} as never);

type Found = Readonly<Record<"y" | "x" | "w", readonly Float32Array[]>>;

describe.each(["js", "wasm"] as const)("on %s", (target) => {
  let found: Readonly<Record<string, Found>>;
  beforeAll(async () => {
    const executable = await compile(layers, { target, onWarning: () => undefined });
    const feeds = cases.flatMap((one, n) => [
      ...numbersOf(one).map(({ data }, i) => [`c${n}x${i}`, data] as const),
      ...(one.mask === undefined ? [] : [[`c${n}mask`, one.mask.data] as const]),
    ]);
    found = (await executable.run({ entry: "step" as never, feeds: Object.fromEntries(feeds) as never })) as never;
    await executable.dispose();
  }, 60_000);

  test.each(cases.map((one, n) => [one.name, one, n] as const))("%s", (_name, one, n) => {
    const close = (key: keyof Found, wanted: readonly Numbers[]): void => {
      wanted.forEach(({ data }, i) => {
        const largest = Math.max(...data.map(Math.abs));
        const values = Array.from(found[`c${n}`]?.[key][i] ?? []);
        expect(values.length, key).toBe(data.length);
        for (const [k, value] of values.entries()) {
          expect(Math.abs(value - (data[k] ?? 0)), `${key}${i}[${k}]`).toBeLessThanOrEqual(1e-5 * largest);
        }
      });
    };
    close("y", one.outputs);
    close("x", one.grad_inputs);
    close("w", one.grad_weights);
  });
});
