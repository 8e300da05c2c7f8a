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
import { byteWidth } from "../../src/core/dtype.ts";
import { CompilerBug } from "../../src/core/errors.ts";
import type { Result } from "../../src/graph/entry.ts";
import type { Node } from "../../src/graph/node.ts";
import { state } from "../../src/graph/ops/source.ts";
import { sizeOf } from "../../src/graph/shape.ts";
import type { LoopVar } from "../../src/kernel/kernel.ts";
import type { Buffer, Buffers } from "../../src/program/buffer.ts";
import { shapeOf } from "../fuse/access.ts";
import { type Cluster, type Fused, isExternal } from "../fuse/cluster.ts";
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
  /** Whether a result lies where it does without more ado: the new row of a kept carry, and what is stacked of it. */
  isKept(result: Result): boolean;
}

/**
 * A carry that is also stacked lies in its stack, which has a row more: each iteration reads a row and writes the next one, and nothing
 * is copied.
 *
 *   rows 0..T-1   what the iterations read      rows 1..T   what they give      row T   the last        backwards the other way round
 */
export interface Kept {
  readonly buffer: Buffer;
  /** Elements of a row. */
  readonly count: number;
  /** Which outputs of the body are the carry as it was, and which as it becomes. */
  readonly before: readonly number[];
  readonly after: readonly number[];
}

/** The kept carries of a loop, by their numbers; `make` makes the buffers. */
export function keptCarries(
  node: Node,
  [fused]: readonly Fused[],
  make: (node: Node, rows: number) => Buffer,
): ReadonlyMap<number, Kept> {
  const kept = new Map<number, Kept>();
  const extent = Number(node.attrs.length);
  if (fused === undefined || !("length" in node.attrs) || extent === 0) return kept;
  const { outputs, next } = fused.entry;
  const taken = new Set<Node>();
  for (const [carry, { node: value }] of next.entries()) {
    // A row of narrow elements is no whole number of words, which is what a GPU copies.
    if (isExternal(value) || byteWidth(value.type.dtype) < 4 || taken.has(value)) continue;
    const placesOf = (isOne: (output: Node) => boolean): readonly number[] =>
      outputs.flatMap((output, i) => (isOne(output.node) ? [i] : []));
    const before = placesOf((output) => isExternal(output) && output.op === state && numberOf(output) === carry);
    const after = placesOf((output) => output === value);
    if (before.length + after.length === 0) continue;
    taken.add(value);
    kept.set(carry, { buffer: make(resultAt(node, carry), extent + 1), count: sizeOf(shapeOf(value)), before, after });
  }
  return kept;
}

/** Where the results of a loop lie that are parts of what it keeps. */
export function keptPlaces(node: Node, kept: ReadonlyMap<number, Kept>): readonly (readonly [Node, Place])[] {
  const [carries, extent] = [Number(node.attrs.carries), Number(node.attrs.length)];
  const isReversed = node.attrs.reverse === true;
  return [...kept].flatMap(([carry, { buffer, count, before, after }]) => {
    const fixed = (offset: number, rows: number): Place => ({
      buffer,
      row: { count: rows * count, offset: offset * count, strides: [] },
    });
    const stacked = (outputs: readonly number[], first: number) =>
      outputs.map((output) => [resultAt(node, carries + output), fixed(first, extent)] as const);
    const last = [resultAt(node, carry), fixed(isReversed ? 0 : extent, 1)] as const;
    return [last, ...stacked(before, isReversed ? 1 : 0), ...stacked(after, isReversed ? 0 : 1)];
  });
}

/** The row that an iteration reads, or that it writes. */
function keptRow({ buffer, count }: Kept, loop: LoopVar, isReversed: boolean, isNew: boolean): Place {
  const forwards = isNew ? 1 : 0;
  const first = isReversed ? loop.extent - forwards : forwards;
  return { buffer, row: { count, offset: first * count, strides: [{ loop, by: isReversed ? -count : count }] } };
}

/** What is asked of the order that a loop stands in. */
interface Around {
  readonly shared: Shared;
  placeOf(node: Node): Place;
  countOf(node: Node): Count | undefined;
  keptOf(node: Node): ReadonlyMap<number, Kept>;
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
  const kept = around.keptOf(node);
  const steps = copiesOfInits(node, carries, around, (carry) => {
    const { buffer, count } = kept.get(carry) ?? {};
    if (buffer === undefined || count === undefined) return undefined;
    return { buffer, row: { count, offset: isReversed ? extent * count : 0, strides: [] } };
  });
  if (extent === 0) return steps;
  const loop: LoopVar = { name: loopName(shared), extent };
  const keptOutputs = new Set([...kept.values()].flatMap(({ before, after }) => [...before, ...after]));
  const id = nextId(shared);
  const body = around.order(fused, {
    sourceOf(source) {
      const at = numberOf(source);
      if (at === null) return { loop, isReversed };
      const own = kept.get(at);
      if (own !== undefined) return keptRow(own, loop, isReversed, false);
      if (at < carries) return around.placeOf(resultAt(node, at));
      const arg = operandAt(node, at);
      const given = around.countOf(arg) ?? around.placeOf(arg);
      return "loop" in given || at >= carries + slices ? given : rowAt(given, loop, isReversed);
    },
    placeOf(result) {
      const next = fused.entry.next.indexOf(result);
      const own = kept.get(next);
      if (own !== undefined) return keptRow(own, loop, isReversed, true);
      if (next >= 0) return around.placeOf(resultAt(node, next));
      const output = fused.entry.outputs.indexOf(result);
      return rowAt(around.placeOf(resultAt(node, carries + output)), loop, isReversed);
    },
    isKept(result) {
      return kept.has(fused.entry.next.indexOf(result)) || keptOutputs.has(fused.entry.outputs.indexOf(result));
    },
  });
  return [
    ...steps,
    { kind: "loop", id, name: `scan %${node.id}`, loop, body, carried: carriedBy(node, carries, around), node },
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
    isKept: () => false,
  });
  return [
    ...steps,
    {
      kind: "while",
      id,
      name: `while %${node.id}`,
      test: around.order(test, given(test)),
      flag,
      most: Number(node.attrs.most),
      body: around.order(body, given(body)),
      carried: carriedBy(node, carries, around),
      node,
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
    isKept: () => false,
  });
  const [first, second] = [around.order(yes, given(yes)), around.order(no, given(no))];
  return [...steps, { kind: "if", id, name: `cond %${node.id}`, flag, yes: first, no: second, node }];
}

/** `placeOf`: of the first value of a carry, where that is not where its last one lies. */
function copiesOfInits(
  node: Node,
  carries: number,
  around: Around,
  placeOf: (carry: number) => Place | undefined = () => undefined,
): readonly OrderedStep[] {
  const steps: OrderedStep[] = [];
  for (let i = 0; i < carries; i += 1) {
    const work = copyBetween(around.placeOf(operandAt(node, i)), placeOf(i) ?? around.placeOf(resultAt(node, i)));
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
