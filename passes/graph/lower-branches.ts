/**
 * lowerBranches: for a target that always runs all of its launches.
 *
 *   cond(flag, yes, no)           ->    both, and select by the flag
 *   whileLoop, 100 at most        ->    scan of 100 iterations that keeps its carries where the test fails
 *
 * A test that fails fails again, as the carries stay as they are.
 */
import { UserError } from "../../src/core/errors.ts";
import { atLine } from "../../src/core/origin.ts";
import { applied, Body, bodyOf, everywhere } from "../../src/graph/body.ts";
import { builder } from "../../src/graph/build.ts";
import { attrsOf, isOp, operand } from "../../src/graph/define.ts";
import { type Entry, rebuild } from "../../src/graph/entry.ts";
import { createGraph, resultOf } from "../../src/graph/graph.ts";
import type { Build, Node } from "../../src/graph/node.ts";
import { cond, scan, whileLoop } from "../../src/graph/ops/loop.ts";
import { input, state } from "../../src/graph/ops/source.ts";

/** `target` for the message. */
export function lowerBranches(entry: Entry, target: string): Entry {
  return everywhere((one) =>
    rebuild(one, (node, args, build) => {
      if (isOp(node, cond)) return selected(node, args, build);
      if (isOp(node, whileLoop)) return resultOf(counted(node, args, build, target), node.result);
      return undefined;
    }),
  )(entry);
}

function selected(node: Node, args: readonly Node[], build: Build): Node {
  const { yes, no } = attrsOf(node, cond);
  const [flag, left, right] = [
    args[0] ?? operand(node),
    applied(bodyOf(yes), args, build).outputs[node.result] ?? node,
    applied(bodyOf(no), args, build).outputs[node.result] ?? node,
  ];
  return either(flag, left, right, build);
}

function counted(node: Node, args: readonly Node[], build: Build, target: string): Node {
  const { test, body, carries, most } = attrsOf(node, whileLoop);
  if (most === undefined) {
    throw new UserError(
      `whileLoop: ${target} has no branches, so it must know how often at most: { most: 100 }${atLine(node.origins[0])}`,
    );
  }
  const inner = builder(createGraph(), node.origins);
  const given = args.map(({ type: { dtype, shape } }, i) =>
    inner.graph.node(i < carries ? state : input, [], { name: String(i), dtype, shape }),
  );
  const [flag] = applied(bodyOf(test), given, inner).outputs;
  const next = applied(bodyOf(body), given, inner).next.map((value, i) => ({
    name: String(i),
    node: either(flag ?? value, value, given[i] ?? value, inner),
  }));
  const loop = new Body({ name: "whileLoop", graph: inner.graph, outputs: [], next });
  return build.node(scan, args, { body: loop, length: most, carries, slices: 0, reverse: false });
}

function either(flag: Node, left: Node, right: Node, build: Build): Node {
  return left === right ? left : build.map("select", build.broadcast(flag, left.type.shape, []), left, right);
}
