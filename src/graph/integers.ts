/**
 * Where whole numbers come from. Labels that are an input as it was fed are checked before the step; others are data of the
 * program, which only the program can judge.
 */
import { isInteger } from "../core/dtype.ts";
import type { Node } from "./node.ts";
import { cast } from "./ops/map.ts";
import { broadcast, flip, permute, reshape } from "./ops/view.ts";
import { typeOf } from "./type.ts";

/** What the same whole numbers come from: under views that keep every element, and casts between integers. */
export function sameIntegers(node: Node): Node {
  let source = node;
  while (keepsIntegers(source)) source = source.args[0] as Node;
  return source;
}

function keepsIntegers({ op, args }: Node): boolean {
  if (op === cast) return isInteger(typeOf(args[0] as Node).dtype);
  return op === reshape || op === permute || op === broadcast || op === flip;
}
