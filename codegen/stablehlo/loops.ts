/** Loops and branches: bodies become regions, which read what they capture where it stands. */

import { type Body, bodyOf } from "../../src/graph/body.ts";
import { attrsOf } from "../../src/graph/define.ts";
import type { Node } from "../../src/graph/node.ts";
import { cond, scan, whileLoop } from "../../src/graph/ops/loop.ts";
import { bindDim } from "../../src/graph/shape.ts";
import { type Hlo, range, type Value } from "./builder.ts";
import { type OpWords, type Results, type Scope, typeOf, valueFor } from "./scope.ts";

/** What a body gives on these operands, written by `hlo`. */
function applied(scope: Scope, body: Body, hlo: Hlo, operand: (place: number) => Value, iteration?: Value): Results {
  const given = new Map<Node, Value>([...body.parameters].map(([place, node]) => [node, operand(place)]));
  if (body.iteration !== undefined && iteration !== undefined) given.set(body.iteration, iteration);
  return scope.body(body.entry, hlo, given);
}

/** `stablehlo.while`: what is carried, with a counter in front. */
function loop(
  hlo: Hlo,
  carried: readonly Value[],
  test: (inner: Hlo, count: Value, given: readonly Value[]) => Value,
  step: (inner: Hlo, count: Value, given: readonly Value[]) => readonly Value[],
): readonly Value[] {
  const start = hlo.constant("i32", 0);
  const all = [start, ...carried];
  const tested = hlo.region(all, (inner, [count = start, ...given]) => [test(inner, count, given)]);
  const stepped = hlo.region(all, (inner, [count = start, ...given]) => [
    inner.binary("add", count, inner.constant("i32", 1)),
    ...step(inner, count, given),
  ]);
  const [, ...last] = hlo.generic("while", all, all, { regions: [tested, stepped] });
  return last;
}

export const scanWords: OpWords = (scope, node) => {
  const { builder: hlo } = scope;
  const { body: closed, length: dim, carries, slices, reverse } = attrsOf(node, scan);
  const body = bodyOf(closed);
  const length = bindDim(dim, {});
  const args = node.args.map((arg) => valueFor(scope, arg));
  const stacks = node.results.slice(carries).map((result) => {
    const { dtype, shape } = typeOf(result);
    return hlo.constant(dtype, 0, shape);
  });
  const started = [...args.slice(0, carries), ...stacks];
  if (length === 0) return started;
  return loop(
    hlo,
    started,
    (inner, count) => inner.compare("LT", count, inner.constant("i32", length)),
    (inner, count, given) => {
      const row = reverse ? inner.binary("subtract", inner.constant("i32", length - 1), count) : count;
      const operand = (place: number): Value => {
        const value = (place < carries ? given[place] : args[place]) ?? count;
        return place >= carries && place < carries + slices ? rowOf(inner, value, row) : value;
      };
      const { next, outputs } = applied(scope, body, inner, operand, row);
      const stacked = outputs.map((output, i) => withRow(inner, given[carries + i] ?? output, output, row));
      return [...next, ...stacked];
    },
  );
};

/** Where a row of something stacked begins. */
function startsOf(hlo: Hlo, { shape }: Value, row: Value): readonly Value[] {
  return shape.map((_, axis) => (axis === 0 ? row : hlo.constant("i32", 0)));
}

function rowOf(hlo: Hlo, stack: Value, row: Value): Value {
  const [, ...rest] = stack.shape;
  return hlo.reshape(hlo.dynamicSlice(stack, startsOf(hlo, stack, row), [1, ...rest]), rest);
}

function withRow(hlo: Hlo, stack: Value, value: Value, row: Value): Value {
  return hlo.dynamicUpdate(stack, hlo.reshape(value, [1, ...value.shape]), startsOf(hlo, stack, row));
}

export const whileWords: OpWords = (scope, node) => {
  const { builder: hlo } = scope;
  const { test: closedTest, body: closedBody, carries, most } = attrsOf(node, whileLoop);
  const [test, body] = [bodyOf(closedTest), bodyOf(closedBody)];
  const args = node.args.map((arg) => valueFor(scope, arg));
  const operand =
    (given: readonly Value[], count: Value) =>
    (place: number): Value =>
      (place < carries ? given[place] : args[place]) ?? count;
  return loop(
    hlo,
    args.slice(0, carries),
    (inner, count, given) => {
      const [goesOn = count] = applied(scope, test, inner, operand(given, count)).outputs;
      return inner.binary("and", inner.compare("LT", count, inner.constant("i32", most)), goesOn);
    },
    (inner, count, given) => applied(scope, body, inner, operand(given, count)).next,
  );
};

export const condWords: OpWords = (scope, node) => {
  const { builder: hlo } = scope;
  const { yes, no } = attrsOf(node, cond);
  const args = node.args.map((arg) => valueFor(scope, arg));
  const [flag] = args;
  if (flag === undefined) return [];
  const regions = [yes, no].map((closed) =>
    hlo.region([], (inner) => applied(scope, bodyOf(closed), inner, (place) => args[place] ?? flag).outputs),
  );
  return hlo.generic(
    "if",
    [flag],
    range(node.results.length).map((i) => typeOf(node.results[i] ?? node)),
    { regions },
  );
};
