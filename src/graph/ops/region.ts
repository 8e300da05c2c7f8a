/**
 * Ops that carry closed sub-graphs, and `pick`, which takes one result of a node that has several.
 */
import { CompilerBug, ShapeError } from "../../core/errors.ts";
import type { Region, RegionOp } from "../node.ts";
import { type NodeType, printType, sameType, typeOf } from "../type.ts";

function checkRegion(args: readonly NodeType[], region: Region | undefined): Region {
  if (region === undefined) throw new CompilerBug("a region op without its region");
  if (args.length !== region.inputs.length) {
    throw new ShapeError(`the body takes ${region.inputs.length} operands, not ${args.length}`);
  }
  region.inputs.forEach((input, i) => {
    const given = args[i];
    if (given === undefined || !sameType(input.type, given)) {
      throw new ShapeError(`operand ${i + 1} must be ${printType(input.type)}`);
    }
  });
  return region;
}

/** Runs its region on the operands; gives the tuple of the region's outputs. */
export const call: RegionOp = {
  name: "call",
  kind: "region",
  infer: (args, _, [region]) => ({ kind: "tuple", elements: checkRegion(args, region).outputs.map((o) => o.type) }),
  evaluate() {
    throw new CompilerBug("regions are evaluated by the graph evaluator");
  },
};

/** Result number `attrs.index` of a tuple. */
export const pick: RegionOp<{ readonly index: number }> = {
  name: "pick",
  kind: "region",
  infer([tuple], { index }) {
    if (tuple?.kind !== "tuple") throw new ShapeError("pick takes a node with several results");
    const element = tuple.elements[index];
    if (element === undefined) throw new ShapeError(`there is no result ${index} among ${tuple.elements.length}`);
    return typeOf({ type: element });
  },
  evaluate() {
    throw new CompilerBug("tuples are taken apart by the graph evaluator");
  },
};
