/**
 * Loops and branches in a sequence: where what their bodies read and give lies, and which steps that makes.
 *
 *   scan      copy the first carries to where they are carried; loop t < T { the body }
 *   while     copies alike; test { the condition }; while flag { the body }
 *   cond      if flag { one body } else { the other }
 *
 * A carry lies in one buffer, that of its last value, and the body changes it as an entry changes a state. An operand that is read
 * row by row is read where it lies, and what is stacked is written there: only indexes move.
 */
import { CompilerBug } from "../../src/core/errors.ts";
import type { Result } from "../../src/graph/entry.ts";
import type { Node } from "../../src/graph/node.ts";
import type { LoopVar } from "../../src/kernel/kernel.ts";
import type { Buffer, Buffers } from "../../src/program/buffer.ts";
import type { Cluster, Fused } from "../fuse/cluster.ts";
import type { Ordered, OrderedStep } from "./ordered.ts";
import { type Count, copyBetween, type Place, rowAt, wholeOf } from "./place.ts";

/** What bodies have in common with the entry that they are in. */
export interface Shared {
  readonly buffers: Buffers;
  /** How many steps have an id. */
  steps: number;
  /** How many loops have a name. */
  loops: number;
}

/** Where the parameters and results of a body lie. */
export interface Given {
  sourceOf(node: Node): Place | Count;
  placeOf(result: Result): Place;
}

/** What is asked of the order that a loop stands in. */
interface Around {
  readonly shared: Shared;
  placeOf(node: Node): Place;
  countOf(node: Node): Count | undefined;
  order(body: Fused, given: Given): Ordered;
}

/** The steps of a loop, with copies before it. */
export function outerSteps(clusters: readonly Cluster[], { loops }: Fused, around: Around): readonly OrderedStep[] {
  const node = clusters[0]?.nodes[0];
  const bodies = node === undefined ? undefined : loops.get(node.results);
  if (node === undefined || bodies === undefined) throw new CompilerBug("order: a loop without a body");
  const [first, second] = bodies;
  if (first !== undefined && "length" in node.attrs) return scanSteps(node, first, around);
  if (first !== undefined && second !== undefined) {
    return "test" in node.attrs ? whileSteps(node, first, second, around) : branchSteps(node, first, second, around);
  }
  throw new CompilerBug(`order: %${node.id} ${node.op.name} has ${bodies.length} bodies`);
}

function scanSteps(node: Node, fused: Fused, around: Around): readonly OrderedStep[] {
  const { shared } = around;
  const [carries, slices, extent] = [Number(node.attrs.carries), Number(node.attrs.slices), Number(node.attrs.length)];
  const isReversed = node.attrs.reverse === true;
  const steps = copiesOfInits(node, carries, around);
  if (extent === 0) return steps;
  const loop: LoopVar = { name: loopName(shared), extent };
  const id = nextId(shared);
  const body = around.order(fused, {
    sourceOf(source) {
      const at = numberOf(source);
      if (at === null) return { loop, isReversed };
      if (at < carries) return around.placeOf(resultAt(node, at));
      const arg = operandAt(node, at);
      const given = around.countOf(arg) ?? around.placeOf(arg);
      return "loop" in given || at >= carries + slices ? given : rowAt(given, loop, isReversed);
    },
    placeOf(result) {
      const next = fused.entry.next.indexOf(result);
      if (next >= 0) return around.placeOf(resultAt(node, next));
      const output = fused.entry.outputs.indexOf(result);
      return rowAt(around.placeOf(resultAt(node, carries + output)), loop, isReversed);
    },
  });
  return [
    ...steps,
    { kind: "loop", id, name: `scan %${node.id}`, loop, body, carried: carriedBy(node, carries, around) },
  ];
}

function whileSteps(node: Node, test: Fused, body: Fused, around: Around): readonly OrderedStep[] {
  const { shared } = around;
  const carries = Number(node.attrs.carries);
  const steps = copiesOfInits(node, carries, around);
  const id = nextId(shared);
  const flag = shared.buffers.scratch(`flag of %${node.id}`, { dtype: "bool", shape: [] });
  const given = (fused: Fused): Given => ({
    sourceOf(source) {
      const at = numberOf(source) ?? 0;
      if (at < carries) return around.placeOf(resultAt(node, at));
      const arg = operandAt(node, at);
      return around.countOf(arg) ?? around.placeOf(arg);
    },
    placeOf(result) {
      const next = fused.entry.next.indexOf(result);
      return next >= 0 ? around.placeOf(resultAt(node, next)) : wholeOf(flag);
    },
  });
  return [
    ...steps,
    {
      kind: "while",
      id,
      name: `while %${node.id}`,
      test: around.order(test, given(test)),
      flag,
      most: node.attrs.most === undefined ? null : Number(node.attrs.most),
      body: around.order(body, given(body)),
      carried: carriedBy(node, carries, around),
    },
  ];
}

function branchSteps(node: Node, yes: Fused, no: Fused, around: Around): readonly OrderedStep[] {
  const { shared } = around;
  const steps: OrderedStep[] = [];
  const place = around.placeOf(operandAt(node, 0));
  let flag = place.buffer;
  if (place.row !== null) {
    flag = shared.buffers.scratch(`flag of %${node.id}`, { dtype: "bool", shape: [] });
    steps.push({ ...copyBetween(place, wholeOf(flag)), id: nextId(shared) });
  }
  const id = nextId(shared);
  const given = (fused: Fused): Given => ({
    sourceOf(source) {
      const arg = operandAt(node, numberOf(source) ?? 0);
      return around.countOf(arg) ?? around.placeOf(arg);
    },
    placeOf: (result) => around.placeOf(resultAt(node, fused.entry.outputs.indexOf(result))),
  });
  const [first, second] = [around.order(yes, given(yes)), around.order(no, given(no))];
  return [...steps, { kind: "if", id, name: `cond %${node.id}`, flag, yes: first, no: second }];
}

function copiesOfInits(node: Node, carries: number, around: Around): readonly OrderedStep[] {
  const steps: OrderedStep[] = [];
  for (let i = 0; i < carries; i += 1) {
    const work = copyBetween(around.placeOf(operandAt(node, i)), around.placeOf(resultAt(node, i)));
    steps.push({ ...work, id: nextId(around.shared) });
  }
  return steps;
}

function carriedBy(node: Node, carries: number, around: Around): readonly Buffer[] {
  return [...new Set(node.results.slice(0, carries).map((result) => around.placeOf(result).buffer))];
}

/** Which operand a parameter of a body is; null of the number of the iteration. */
function numberOf({ attrs }: Node): number | null {
  const number = Number(attrs.name);
  return Number.isInteger(number) ? number : null;
}

function operandAt({ id, args }: Node, at: number): Node {
  const arg = args[at];
  if (arg === undefined) throw new CompilerBug(`order: %${id} has no operand ${at}`);
  return arg;
}

function resultAt({ id, results }: Node, at: number): Node {
  const result = results[at];
  if (result === undefined) throw new CompilerBug(`order: %${id} has no result ${at}`);
  return result;
}

function nextId(shared: Shared): number {
  const id = shared.steps;
  shared.steps += 1;
  return id;
}

function loopName(shared: Shared): string {
  shared.loops += 1;
  return shared.loops === 1 ? "t" : `t${shared.loops}`;
}
