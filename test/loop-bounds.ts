/**
 * How far a target may be from the oracle in what a loop or a branch gives: its bodies' bounds, iteration by iteration, with the
 * bounds of what is carried handed on.
 */
import { type Body, bodyOf, iterationName } from "../src/graph/body.ts";
import { attrsOf, isOp } from "../src/graph/define.ts";
import { ndarray } from "../src/graph/ndarray.ts";
import type { Node } from "../src/graph/node.ts";
import { cond, scan, whileLoop } from "../src/graph/ops/loop.ts";
import type { Bounded } from "./error-bound.ts";

/** Bounds of nodes of a body from those of its parameters, by name. */
type BoundsOf = (wanted: readonly Node[], given: ReadonlyMap<string, Bounded>) => readonly Bounded[];

/** Bounds of all results of the application that a node belongs to. A flag is taken to be what the oracle has. */
export function loopBounds(node: Node, args: readonly Bounded[], boundsOf: BoundsOf): readonly Bounded[] {
  const run = (body: Body, given: readonly Bounded[], iteration = 0) => {
    const count = { value: ndarray("i32", [], [iteration]), bound: new Float64Array(1) };
    const named = new Map([[iterationName, count], ...given.map((arg, i) => [String(i), arg] as const)]);
    const found = boundsOf([...body.next, ...body.outputs], named);
    return { next: found.slice(0, body.next.length), outputs: found.slice(body.next.length) };
  };
  if (isOp(node, cond)) {
    const { yes, no } = attrsOf(node, cond);
    return run(bodyOf(args[0]?.value.data[0] === 1 ? yes : no), args).outputs;
  }
  if (isOp(node, whileLoop)) {
    const { test, body, carries, most } = attrsOf(node, whileLoop);
    let carried = args.slice(0, carries);
    for (let step = 0; step < most; step += 1) {
      const given = args.map((arg, i) => carried[i] ?? arg);
      if (run(bodyOf(test), given).outputs[0]?.value.data[0] !== 1) break;
      carried = [...run(bodyOf(body), given).next];
    }
    return carried;
  }
  const { body, length, carries, slices, reverse } = attrsOf(node, scan);
  const count = Number(length);
  let carried = args.slice(0, carries);
  const rows: (readonly Bounded[])[] = [];
  for (let step = 0; step < count; step += 1) {
    const row = reverse ? count - 1 - step : step;
    const given = args.map((arg, i) => carried[i] ?? (i < carries + slices ? rowOf(arg, row) : arg));
    const { next, outputs } = run(bodyOf(body), given, row);
    carried = [...next];
    rows[row] = outputs;
  }
  const stacks = node.results.slice(carries).map(({ type: { dtype, shape } }, i): Bounded => {
    const all = (pick: (one: Bounded) => ArrayLike<number>): number[] =>
      rows.flatMap((row) => Array.from(pick(row[i] as Bounded)));
    return {
      value: ndarray(
        dtype,
        shape.map(Number),
        all(({ value }) => value.data),
      ),
      bound: Float64Array.from(all(({ bound }) => bound)),
    };
  });
  return [...carried, ...stacks];
}

function rowOf({ value: { dtype, shape, data }, bound }: Bounded, row: number): Bounded {
  const rest = shape.slice(1);
  const size = rest.reduce((product, extent) => product * extent, 1);
  const [from, to] = [row * size, (row + 1) * size];
  return { value: { dtype, shape: rest, data: data.slice(from, to) }, bound: bound.slice(from, to) };
}
