/**
 * lowerBranches: for a target that always runs all of its launches.
 *
 *   cond(flag, yes, no)           ->    both, and select by the flag
 *   whileLoop, 100 at most        ->    scan of 100 iterations that keeps its carries where the test fails
 *
 * A test that fails fails again, as the carries stay as they are.
 */
import { CompilerBug } from "../../src/core/errors.ts";
import { applied, Body, bodyOf, everywhere } from "../../src/graph/body.ts";
import { builder } from "../../src/graph/build.ts";
import { attrsOf, isOp } from "../../src/graph/define.ts";
import { type Entry, rebuild } from "../../src/graph/entry.ts";
import { createGraph, resultOf } from "../../src/graph/graph.ts";
import type { Build, Node } from "../../src/graph/node.ts";
import { cond, scan, whileLoop } from "../../src/graph/ops/loop.ts";
import { input, state } from "../../src/graph/ops/source.ts";

export function lowerBranches(entry: Entry): Entry {
  const lowered = everywhere((one) =>
    rebuild(one, (node, args, build) => {
      if (isOp(node, cond)) return selected(node, args, build);
      if (isOp(node, whileLoop)) return resultOf(counted(node, args, build), node.result);
      return undefined;
    }),
  );
  return entry.graph.nodes.some(({ op }) => op.kind === "loop") ? lowered(entry) : entry;
}

function selected(node: Node, args: readonly Node[], build: Build): Node {
  const { yes, no } = attrsOf(node, cond);
  const branch = (body: Body): Node => at(applied(body, args, build).outputs, node.result);
  return either(at(args, 0), branch(bodyOf(yes)), branch(bodyOf(no)), build);
}

function counted(node: Node, args: readonly Node[], build: Build): Node {
  const { test, body, carries, most } = attrsOf(node, whileLoop);
  const inner = builder(createGraph(), node.origins);
  const given = args.map(({ type: { dtype, shape } }, i) =>
    inner.graph.node(i < carries ? state : input, [], { name: String(i), dtype, shape }),
  );
  const flag = at(applied(bodyOf(test), given, inner).outputs, 0);
  const next = applied(bodyOf(body), given, inner).next.map((value, i) => ({
    name: String(i),
    node: either(flag, value, at(given, i), inner),
  }));
  const loop = new Body({ name: "whileLoop", graph: inner.graph, outputs: [], next });
  return build.node(scan, args, { body: loop, length: most, carries, slices: 0, reverse: false });
}

function either(flag: Node, left: Node, right: Node, build: Build): Node {
  return left === right ? left : build.map("select", build.broadcast(flag, left.type.shape, []), left, right);
}

function at(nodes: readonly Node[], i: number): Node {
  const found = nodes[i];
  if (found === undefined) throw new CompilerBug(`there is no node ${i} where a branch is lowered`);
  return found;
}
