/**
 * What is computed of f16 or bf16 is computed in f32 and rounded once, where it is defined: sums and products add up in the target's
 * accumulator.
 *
 *   %2: f16[4] = mul %0 %1     ->     %2: f32[4] = cast %0;  %3: f32[4] = cast %1;  %4: f32[4] = mul %2 %3;  %5: f16[4] = cast %4
 *
 * Values that are only moved, picked or compared stay as they are: of those nothing is rounded. A part of `expand`, before anything
 * is written in other ops: so a running sum of them adds up f32.
 */
import { isShort as isShortType } from "../../src/core/dtype.ts";
import { type Entry, rebuild } from "../../src/graph/entry.ts";
import { resultOf } from "../../src/graph/graph.ts";
import type { Build, Node } from "../../src/graph/node.ts";
import { cast } from "../../src/graph/ops/map.ts";

export function widen(entry: Entry): Entry {
  return entry.graph.nodes.some(isShort) ? rebuild(entry, widened) : entry;
}

const isShort = ({ type }: Node): boolean => isShortType(type.dtype);

/** Sources make numbers of nothing; loops are widened inside. */
const computing: ReadonlySet<string> = new Set(["map", "reduce", "contract", "composed"]);

function widened(node: Node, args: readonly Node[], build: Build): Node | undefined {
  const { op, attrs, type, result, origins } = node;
  if (!args.some(isShort) || !computing.has(op.kind) || op.tolerance === undefined || op === cast) return undefined;
  const wide = args.map((arg) => (isShort(arg) ? build.cast(arg, "f32") : arg));
  return build.cast(resultOf(build.graph.node(op, wide, attrs, origins), result), type.dtype);
}
