/**
 * expand: composed ops become the ops they are written in, now that dimensions are numbers.
 *
 *   %1: f32[4], %2: i32[4] = sort %0     ->     %2: f32[4], %3: i32[4] = mergeRuns %0 %1 run=1     (%1 counts 0, 1, 2, 3)
 *                                               %4: f32[4], %5: i32[4] = mergeRuns %2 %3 run=2
 *
 * What an op is written in may be composed again, so it is done until none is left. Before that, what is computed of short floats becomes
 * what is computed of f32 (widen.ts).
 */
import { CompilerBug } from "../../src/core/errors.ts";
import { everywhere } from "../../src/graph/body.ts";
import { rebuild } from "../../src/graph/entry.ts";
import type { Build, Node } from "../../src/graph/node.ts";
import type { GraphPass } from "./pass.ts";
import { widen } from "./widen.ts";

export const expand: GraphPass = {
  name: "expand",
  expands: ["composed"],
  run: everywhere((entry) => {
    let current = widen(entry);
    while (current.graph.nodes.some(({ op }) => op.kind === "composed")) current = rebuild(current, expanded);
    return current;
  }),
};

function expanded({ op, attrs, result }: Node, args: readonly Node[], build: Build): Node | undefined {
  if (op.kind !== "composed") return undefined;
  const made = op.expand(args, attrs, build)[result];
  if (made === undefined) throw new CompilerBug(`${op.name} does not say what its result ${result} is`);
  return made;
}
