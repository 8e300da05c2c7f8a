/** Loops and branches as `Loop` and `If`: bodies are graphs inside, which read what is around them. */
import { CompilerBug } from "../../src/core/errors.ts";
import { type Body, bodyOf } from "../../src/graph/body.ts";
import { attrsOf } from "../../src/graph/define.ts";
import type { Node } from "../../src/graph/node.ts";
import { cond, scan, whileLoop } from "../../src/graph/ops/loop.ts";
import { bindDim } from "../../src/graph/shape.ts";
import type { Onnx, OnnxType, Value } from "./builder.ts";
import { type OpWords, type Results, type Scope, typeOf, valueFor } from "./scope.ts";

const counter: OnnxType = { dtype: "i64", shape: [] };
const flag: OnnxType = { dtype: "bool", shape: [] };

/** What a body gives on these operands, written by `onnx`. */
function applied(scope: Scope, body: Body, onnx: Onnx, operand: (place: number) => Value, iteration?: Value): Results {
  const given = new Map<Node, Value>([...body.parameters].map(([place, node]) => [node, operand(place)]));
  if (body.iteration !== undefined && iteration !== undefined) given.set(body.iteration, iteration);
  return scope.body(body.entry, onnx, given);
}

export const scanWords: OpWords = (scope, node) => {
  const { builder: onnx } = scope;
  const { body: closed, length: dim, carries, slices, reverse } = attrsOf(node, scan);
  const body = bodyOf(closed);
  const length = bindDim(dim, {});
  const args = node.args.map((arg) => onnx.whole(valueFor(scope, arg)));
  const started = args.slice(0, carries);
  const stacks = node.results.slice(carries).map(typeOf);
  if (length === 0) return [...started, ...stacks.map(({ dtype, shape }) => onnx.constant(dtype, 0, shape))];
  const graph = onnx.inside("scan", [counter, flag, ...started], (inner, [count, goesOn, ...given]) => {
    if (count === undefined || goesOn === undefined) return [];
    const row = reverse ? inner.each("Sub", [inner.constant("i64", length - 1), count]) : count;
    const operand = (place: number): Value => {
      const value = (place < carries ? given[place] : args[place]) ?? count;
      return place >= carries && place < carries + slices ? rowOf(inner, value, row) : value;
    };
    const { next, outputs } = applied(scope, body, inner, operand, inner.cast(row, "i32"));
    return [goesOn, ...next, ...outputs];
  });
  const always = onnx.constant("bool", 1);
  const given = [onnx.constant("i64", length), always, ...started];
  const made = onnx.several("Loop", given, [...started, ...stacks], { body: graph });
  // rows are stacked as they come
  return made.map((value, i) => (reverse && i >= carries ? onnx.flip(value, [0]) : value));
};

function rowOf(onnx: Onnx, stack: Value, row: Value): Value {
  const [, ...shape] = stack.shape;
  return onnx.one("Gather", [stack, row], { dtype: stack.dtype, shape }, { axis: 0 });
}

export const whileWords: OpWords = (scope, node) => {
  const { builder: onnx } = scope;
  const { test: closedTest, body: closedBody, carries, most } = attrsOf(node, whileLoop);
  const [test, body] = [bodyOf(closedTest), bodyOf(closedBody)];
  const args = node.args.map((arg) => onnx.whole(valueFor(scope, arg)));
  const started = args.slice(0, carries);
  const tested = (inner: Onnx, given: readonly Value[]): readonly Value[] =>
    applied(scope, test, inner, (place) => (place < carries ? given[place] : args[place]) ?? never(place)).outputs;
  const graph = onnx.inside("while", [counter, flag, ...started], (inner, [, , ...given]) => {
    const { next } = applied(
      scope,
      body,
      inner,
      (place) => (place < carries ? given[place] : args[place]) ?? never(place),
    );
    return [...tested(inner, next), ...next];
  });
  const given = [onnx.constant("i64", most), ...tested(onnx, started), ...started];
  return onnx.several("Loop", given, started, { body: graph });
};

export const condWords: OpWords = (scope, node) => {
  const { builder: onnx } = scope;
  const { yes, no } = attrsOf(node, cond);
  const args = node.args.map((arg) => onnx.whole(valueFor(scope, arg)));
  const [isTrue] = args;
  if (isTrue === undefined) return [];
  const [then, otherwise] = [yes, no].map((closed, i) =>
    onnx.inside(i === 0 ? "then" : "else", [], (inner) => {
      return applied(scope, bodyOf(closed), inner, (place) => args[place] ?? never(place)).outputs;
    }),
  );
  if (then === undefined || otherwise === undefined) return [];
  const attributes = { then_branch: then, else_branch: otherwise };
  return onnx.several("If", [isTrue], node.results.map(typeOf), attributes);
};

function never(place: number): never {
  throw new CompilerBug(`a body has no operand ${place}`);
}
