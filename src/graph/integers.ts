/**
 * Where whole numbers come from. Labels that are an input as it was fed are checked before the step; others are data of the
 * program, which only the program can judge.
 */
import { isInteger } from "../core/dtype.ts";
import { isOp } from "./define.ts";
import type { Node } from "./node.ts";
import { cast } from "./ops/map.ts";
import { broadcast, flip, permute, reshape } from "./ops/view.ts";

/** What the same whole numbers come from: under views that keep every element, and casts between integers. */
export function sameIntegers(node: Node): Node {
  let source = node;
  for (let under = underView(source); under !== null; under = underView(source)) source = under;
  return source;
}

function underView(node: Node): Node | null {
  if (isOp(node, cast)) return isInteger(node.args[0].type.dtype) ? node.args[0] : null;
  if (isOp(node, reshape) || isOp(node, permute) || isOp(node, broadcast) || isOp(node, flip)) return node.args[0];
  return null;
}
