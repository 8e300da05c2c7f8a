/**
 * mixedPrecision: what contractions read is rounded to f16; they add up f32, and everything else stays as it is.
 *
 *   %2: f32[4,8] = contract %0 %1     ->     %2: f16[4,3] = cast %0;  %3: f32[4,3] = cast %2
 *                                            %4: f16[3,8] = cast %1;  %5: f32[3,8] = cast %4
 *                                            %6: f32[4,8] = contract %3 %5
 *
 * It is all that `precision: "mixed"` means, on every target: a product of two f16 numbers is exact in f32, so targets differ in the
 * order of sums alone. It stands behind `differentiate`, so that products, convolutions and their gradients are all there, and slopes are
 * not rounded on their way; before `expand`, so that sums which become products with a one-hot keep their f32. An operand that several
 * contractions read is one node, rounded once; it is rounded below the views of it, as windows are many times as large.
 *
 * Linear algebra (`solve`, `cholesky`, ...) is left alone: elimination divides by what remains of differences. Its products bear its names.
 */
import { everywhere } from "../../src/graph/body.ts";
import { copyOf } from "../../src/graph/copies.ts";
import { type Entry, rebuild } from "../../src/graph/entry.ts";
import type { Build, Node, OpDef } from "../../src/graph/node.ts";
import { covering } from "../../src/graph/ops/covering.ts";
import { pad } from "../../src/graph/ops/parts.ts";
import { broadcast, flip, permute, reshape } from "../../src/graph/ops/view.ts";
import { window } from "../../src/graph/ops/window.ts";

/** The calls of src/dsl/linear-algebra.ts that make products. */
const exactCalls: ReadonlySet<string> = new Set(["solveTriangular", "cholesky", "powerIteration"]);

export const mixedPrecision: (entry: Entry) => Entry = everywhere((entry) =>
  entry.graph.nodes.some(isRounded) ? rebuild(entry, rounded) : entry,
);

function isRounded({ op, type, origins }: Node): boolean {
  if (op.kind !== "contract" || type.dtype !== "f32") return false;
  return origins.length === 0 || !origins.every(({ call }) => exactCalls.has(call));
}

function rounded(node: Node, args: readonly Node[], build: Build): Node | undefined {
  if (!isRounded(node)) return undefined;
  const factors = args.map((arg) => roundedBelow(arg, build));
  return copyOf(node, factors, build.graph);
}

/** The operand, of numbers that f16 has. */
function roundedBelow(node: Node, build: Build): Node {
  const [source] = node.args;
  if (source === undefined || !isOnlyMoved(node)) return build.cast(build.cast(node, "f16"), "f32");
  return copyOf(node, [roundedBelow(source, build)], build.graph);
}

const movingOps: ReadonlySet<OpDef> = new Set<OpDef>([reshape, permute, broadcast, flip, window, pad, covering]);

/** Views of all elements; what they put around these is 0. */
function isOnlyMoved({ op, attrs, own }: Node): boolean {
  return !own && movingOps.has(op) && (attrs.value === undefined || attrs.value === 0);
}
