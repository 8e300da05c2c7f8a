/**
 * Where the transposes of images with their channels first end up: behind everything that a window is below, or nowhere. That
 * the numbers are right, the cases of test/conv-cases.ts say on every target.
 */
import { expect, test } from "vitest";
import { foldTransposes } from "../../passes/graph/fold-transposes.ts";
import { neededNodes } from "../../src/graph/entry.ts";
import { add, avgPool, conv, f32, grad, maxPool, mul, permute, program, relu, reshape, sum, type Tensor, tanh, transpose } from "../../src/index.ts"; // biome-ignore format: names
import { runPasses } from "./oracle.ts";

const inputs = { x: f32(2, 3, 8, 8), w: f32(3, 3, 3, 3), b: f32(3) };
const first = { dataFormat: "channelsFirst" } as const;

type Make = (x: Tensor, w: Tensor, b: Tensor) => Tensor;

/** The ops of an entry in order, without sources, broadcasts and reshapes. */
function opsOf(make: Make): string {
  const { entries } = program({ inputs, step: ({ x, w, b }) => ({ outputs: { y: make(x, w, b) } }) });
  const entry = entries.get("step");
  if (entry === undefined) throw new Error("no entry");
  return neededNodes(runPasses(entry, [foldTransposes]))
    .filter(({ op }) => op.kind !== "source" && op.name !== "broadcast" && op.name !== "reshape")
    .map(({ op }) => op.name)
    .join(" ");
}

const biased = (y: Tensor, b: Tensor): Tensor => relu(add(y, reshape(b, [3, 1, 1])));

const rows: readonly (readonly [name: string, make: Make, after: string])[] = [
  ["a convolution and what follows it", (x, w, b) => biased(conv(x, w, first), b), "window contract add max permute"],
  [
    "convolutions and pools, one after the other",
    (x, w, b) => {
      const one = maxPool(biased(conv(x, w, { ...first, padding: "same" }), b), { size: 2, ...first });
      return avgPool(tanh(conv(one, w, first)), { size: 2, ...first });
    },
    "window contract add max window maxWithIndex window contract tanh window sum div permute",
  ],
  ["groups", (x, w) => conv(x, reshape(w, [3, 3, 1, 9]), { ...first, groups: 3 }), "window contract permute"],
  [
    "two that meet",
    (x, w) => add(conv(x, w, first), conv(mul(x, x), w, first)),
    "window contract mul window contract add permute",
  ],
  // left as they are
  ["no windows", (x) => relu(permute(x, [0, 2, 3, 1])), "permute max"],
  [
    "another layout beside it",
    (x, w) => add(conv(x, w, { ...first, padding: "same" }), x),
    "window contract permute add",
  ],
  [
    "what a gradient is taken by",
    (x, w) => {
      const y = conv(x, w, first);
      return grad(sum(mul(relu(y), y)), y);
    },
    "window contract permute max mul sum gradient",
  ],
  ["transposes of matrices", (_x, w) => relu(transpose(reshape(w, [27, 3]))), "permute max"],
];

test.each(rows)("%s", (_name, make, after) => {
  expect(opsOf(make)).toBe(after);
});
