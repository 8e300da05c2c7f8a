/**
 * Transposes that a contraction reads become a choice of axes.
 *
 *   contract(x, permute(w))   ->   contract(x, w) with the axes renumbered
 *
 * Before `differentiate`, so that the gradient of `w` is a contraction in the layout of `w`, which the optimizer's update can
 * join; otherwise it would be a transposed copy. Exact: the same products in the same order.
 *
 * Images with their channels first are windowed, convolved and pooled by way of transposes (window-transposes.ts): those move
 * towards the result until one meets its reverse, or a contraction.
 */
import { everywhere } from "../../src/graph/body.ts";
import { isContract, isOp } from "../../src/graph/define.ts";
import { rebuild } from "../../src/graph/entry.ts";
import type { Build, Node } from "../../src/graph/node.ts";
import { freeAxes } from "../../src/graph/ops/contract.ts";
import { permute } from "../../src/graph/ops/view.ts";
import { window } from "../../src/graph/ops/window.ts";
import type { GraphPass } from "./pass.ts";
import { sinking } from "./window-transposes.ts";

interface Side {
  readonly operand: Node;
  readonly batch: readonly number[];
  readonly sum: readonly number[];
}

export const foldTransposes: GraphPass = {
  name: "foldTransposes",
  run: everywhere((entry) => {
    if (!entry.graph.nodes.some(({ op }) => op === permute)) return entry;
    const sunk = entry.graph.nodes.some(({ op }) => op === window) ? sinking() : null;
    return rebuild(entry, (node, args, build) => folded(node, args, build) ?? sunk?.(node, args, build));
  }),
};

function folded(node: Node, args: readonly Node[], build: Build): Node | undefined {
  const [a, b] = args;
  if (!isContract(node) || a === undefined || b === undefined) return undefined;
  const { batchLeft, batchRight, sumLeft, sumRight } = node.attrs;
  const left = seenThrough({ operand: a, batch: batchLeft, sum: sumLeft });
  const right = seenThrough({ operand: b, batch: batchRight, sum: sumRight });
  if (left.operand === a && right.operand === b) return undefined;
  return build.contract(left.operand, right.operand, {
    batchLeft: left.batch,
    batchRight: right.batch,
    sumLeft: left.sum,
    sumRight: right.sum,
  });
}

/**
 * The operand under a permute, where its free axes keep their order (else the result's axes would change). What a gradient is
 * taken by is not seen through: its only use would be lost.
 */
function seenThrough(side: Side): Side {
  let { operand, batch, sum } = side;
  while (isOp(operand, permute) && !operand.own) {
    const { order } = operand.attrs;
    const [source] = operand.args;
    const under = (axes: readonly number[]): number[] => axes.map((axis) => order[axis] ?? 0);
    const free = under(freeAxes(operand.type.shape.length, batch, sum));
    if (free.some((axis, i) => i > 0 && axis < (free[i - 1] ?? 0))) break;
    [operand, batch, sum] = [source, under(batch), under(sum)];
  }
  return { operand, batch, sum };
}
