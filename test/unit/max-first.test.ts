/**
 * Maxima over windows before what follows them: what the graph is after the pass, what is left as it is, and the same values
 * with and without it on `js`.
 */
import { describe, expect, test } from "vitest";
import { maxFirst } from "../../passes/graph/max-first.ts";
import { neededNodes } from "../../src/graph/entry.ts";
import { add, arange, cast, compile, concat, conv, div, exp, f32, globalPool, grad, max, maximum, maxPool, maxWithIndex, min, minimum, mul, neg, program, relu, reshape, sub, sum, type Tensor, window } from "../../src/index.ts"; // biome-ignore format: names
import { runPasses } from "./oracle.ts";

type Make = (x: Tensor, b: Tensor, w: Tensor) => Tensor;

const inputs = { x: f32(2, 6, 6, 3), b: f32(3), w: f32(3, 3, 3, 3) };

/** The ops after `maxFirst`, views and sources left out. */
function opsOf(make: Make): string {
  const { entries } = program({ inputs, step: ({ x, b, w }) => ({ outputs: { y: make(x, b, w) } }) });
  const entry = entries.get("step");
  if (entry === undefined) throw new Error("no entry");
  return neededNodes(runPasses(entry, [maxFirst]))
    .filter(({ op }) => op.kind !== "view" && op.kind !== "source")
    .map(({ op }) => op.name)
    .join(" ");
}

const pool = (x: Tensor): Tensor => maxPool(x, { size: 2 });
const along = { axis: [-1, -2] };

const rows: readonly (readonly [name: string, make: Make, after: string])[] = [
  ["relu of a biased convolution", (x, b, w) => pool(relu(add(conv(x, w), b))), "contract maxWithIndex add max"],
  ["a chain", (x, b) => pool(div(mul(sub(minimum(x, 1), b), 3), 7)), "maxWithIndex min sub mul div"],
  ["padded windows", (x, b) => maxPool(add(b, x), { size: 3, stride: 2, padding: "same" }), "maxWithIndex add"],
  [
    "channels first",
    (x, b) => maxPool(relu(add(x, reshape(concat([b, b]), [6, 1, 1]))), { size: 2, dataFormat: "channelsFirst" }),
    "maxWithIndex add max",
  ],
  [
    "a minimum",
    (x, b) => min(window(maximum(add(x, b), 0), { axes: [1, 2], size: 2, stride: 2, value: Infinity }), along),
    "min add max",
  ],
  ["one number for all", (x, b) => pool(add(x, sum(b))), "sum maxWithIndex add"],
  ["of all that is left, of windows too", (x, b) => globalPool(pool(add(x, b)), "max"), "maxWithIndex max add"],
  // left as they are
  ["a function that falls", (x) => pool(neg(x)), "neg maxWithIndex"],
  ["a function that is not known to rise", (x) => pool(exp(x)), "exp maxWithIndex"],
  ["a factor below 0", (x) => pool(mul(x, -2)), "mul maxWithIndex"],
  ["the right side of a difference", (x) => pool(sub(1, x)), "sub maxWithIndex"],
  ["a value for each element", (x) => pool(add(x, mul(x, x))), "mul add maxWithIndex"],
  ["values along the windows", (x) => pool(add(x, reshape(arange(6, "f32"), [6, 1]))), "add maxWithIndex"],
  ["a border of zeros", (x, b) => max(window(add(x, b), { axes: [1, 2], size: 2, padding: "same" }), along), "add max"],
  [
    "windows of border alone",
    (x, b) => max(window(add(x, b), { axes: [1], size: 2, padding: [[2, 0]], value: -Infinity }), { axis: -1 }),
    "add max",
  ],
  [
    "what is read besides",
    (x, b) => {
      const y = add(x, b);
      return add(pool(y), sum(y));
    },
    "add maxWithIndex sum add",
  ],
  [
    "what a gradient is taken by",
    (x, b) => {
      const y = add(x, b);
      return grad(sum(pool(y)), y);
    },
    "add maxWithIndex sum gradient",
  ],
  [
    "a place that is read: it is that of the first of equals",
    (x, b) => {
      const windows = window(add(x, b), { axes: [1], size: 2, value: -Infinity });
      const { values, indexes } = maxWithIndex(windows);
      return add(values, cast(indexes, "f32"));
    },
    "add maxWithIndex maxWithIndex cast add",
  ],
];

test.each(rows)("the graph of %s", (_name, make, after) => {
  expect(opsOf(make)).toBe(after);
});

describe("values are the same to the bit on js, and gradients but for roundings", () => {
  const odd = [Number.NaN, -Infinity, Infinity, -0];
  const numbers = (count: number, from: number): number[] =>
    Array.from({ length: count }, (_, i) => Math.fround(Math.sin(7.3 * i + from)));
  const plain = { x: numbers(216, 1), b: numbers(3, 2), w: numbers(81, 3) };
  const special = { ...plain, x: plain.x.map((value, i) => (i % 5 === 0 ? (odd[(i / 5) % 4] ?? value) : value)) };

  test.each(rows.slice(0, 7))("%s", async (_name, make) => {
    const both = program({
      inputs,
      step({ x, b, w }) {
        const y = make(x, b, w);
        const loss = sum(mul(y, y));
        return { outputs: { y, dx: grad(loss, x), db: grad(loss, b) } };
      },
    });
    const [with_, without] = await Promise.all([
      compile(both, { target: "js" }),
      compile(both, { target: "js", skip: ["maxFirst"] }),
    ]);
    for (const feeds of [plain, special]) {
      const [found, wanted] = [await with_.run({ entry: "step", feeds }), await without.run({ entry: "step", feeds })];
      expect(found.y).toEqual(wanted.y);
      if (feeds === special) continue; // the loss is NaN
      for (const name of ["dx", "db"] as const) {
        const largest = Math.max(...wanted[name].map(Math.abs));
        for (const [i, value] of found[name].entries()) {
          expect(Math.abs(value - (wanted[name][i] ?? 0))).toBeLessThanOrEqual(1e-6 * largest);
        }
      }
    }
    with_.dispose();
    without.dispose();
  });
});
