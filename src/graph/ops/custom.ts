/**
 * Requests with bodies (body.ts): what a user says of the gradient of a function, beyond its value. `differentiate` needs them, and
 * nobody after it.
 */
import { isFloat } from "../../core/dtype.ts";
import { CompilerBug, ShapeError } from "../../core/errors.ts";
import type { AttrsOf } from "../attrs.ts";
import { closeBody, openBody } from "../batch-body.ts";
import { applied, type Body, bodiesOf, bodyOf } from "../body.ts";
import { alone } from "../copies.ts";
import { transformOp } from "../define.ts";
import { evaluateGraph } from "../evaluate.ts";
import { neededBy } from "../graph.ts";
import type { Batched, Build, Node, TransformOp } from "../node.ts";
import type { Dim } from "../shape.ts";
import { printType, sameType, type TensorType } from "../type.ts";
import { barrier } from "./barrier.ts";
import { spreadBatch } from "./view.ts";

type WithSlopesSchema = {
  /** Of these operands, and the slope behind them: slopes of those operands that are floats, in order. */
  readonly body: "body";
  /** How many operands behind the value have slopes; what follows them is captured. */
  readonly count: "number";
};

/** withSlopes(value, x.., captured..): the value, whose slope flows to the x alone, as the body says. */
export const withSlopes = transformOp<WithSlopesSchema, "many">({
  name: "withSlopes",
  arity: "many",
  schema: { body: "body", count: "number" },
  infer(args, { body, count }) {
    const [value] = args;
    if (value === undefined || args.length <= count) throw new ShapeError("takes a value and what its slope flows to");
    const flowing = args.slice(1, count + 1).filter(({ dtype }) => isFloat(dtype));
    const slopes = bodyOf(body).outputs.map(({ type }) => type);
    const fits = slopes.length === flowing.length && slopes.every((type, i) => sameType(type, flowing[i] ?? type));
    if (!fits) {
      const listed = (types: readonly TensorType[]): string => types.map(printType).join(", ");
      throw new ShapeError(`the slopes must be ${listed(flowing)}, not ${listed(slopes)}`);
    }
    return value;
  },
  vjp(node, slope, b) {
    const { body, count } = node.attrs;
    const { outputs } = applied(bodyOf(body), [...node.args, slope], b);
    let next = 0;
    return node.args.map((arg, i) =>
      i >= 1 && i <= count && isFloat(arg.type.dtype) ? (outputs[next++] ?? null) : null,
    );
  },
  batch: (args, attrs, size, b) => [{ node: slopesOfEach(args, attrs, size, b), batched: true }],
  evaluate([value]) {
    if (value === undefined) throw new CompilerBug("withSlopes has no value");
    return value;
  },
});

/** A value and what its slope flows to are there for each example; what is captured may be the same for all. */
function slopesOfEach(args: readonly Batched[], attrs: AttrsOf<WithSlopesSchema>, size: Dim, b: Build): Node {
  const { count } = attrs;
  const body = bodyOf(attrs.body);
  const isBatched = (operand: number): boolean =>
    operand <= count || operand === args.length || (args[operand]?.batched ?? false);
  const { outputs, build } = openBody(body, isBatched, size);
  const operands = args.map((arg, i) => (i <= count ? spreadBatch(arg, size, b) : arg.node));
  const made = closeBody(
    body,
    outputs.map((output) => spreadBatch(output, size, build)),
  );
  return b.node(withSlopes, operands, { body: made, count });
}

/**
 * Operands of a body such that whatever it computes depends on one of them: behind barriers, they make all of it another value than
 * it was. The others may stay what they are: weights are then read as they lie.
 */
function madeAgainFrom({ parameters, next, outputs }: Body): ReadonlySet<number> {
  const sources = new Map<Node, ReadonlySet<number>>();
  for (const [place, node] of parameters) sources.set(node, new Set([place]));
  const chosen = new Set<number>();
  const sourcesOf = (nodes: readonly Node[]): number[] => nodes.flatMap((node) => [...(sources.get(node) ?? [])]);
  const choose = (found: Iterable<number>): void => {
    const places = [...found];
    if (places.length > 0 && !places.some((place) => chosen.has(place))) chosen.add(Math.min(...places));
  };
  for (const node of neededBy([...next, ...outputs])) {
    if (sources.has(node)) continue;
    const found = new Set(sourcesOf(node.args));
    sources.set(node, found);
    if (node.op.kind !== "view") choose(found);
    if (node.op.kind !== "loop" && node.op !== checkpoint) continue;
    // and so for what is computed in it: their parameters are operands by number
    for (const [, body] of bodiesOf(node)) {
      for (const place of madeAgainFrom(body)) choose(sourcesOf(node.args.slice(place, place + 1)));
    }
  }
  return chosen;
}

/** checkpoint(x.., captured..): what the body gives. Its gradient runs the body again, when the slope is there. */
export const checkpoint: TransformOp<{ readonly body: "body" }, "many"> = {
  name: "checkpoint",
  kind: "transform",
  arity: "many",
  schema: { body: "body" },
  infer: (_, { body }) => bodyOf(body).outputs.map(({ type }) => type),
  vjp(node, slopes, b) {
    const token = slopes.find((slope) => slope !== null && slope !== undefined);
    if (token === null || token === undefined) return [];
    const body = bodyOf(node.attrs.body);
    const waiting = madeAgainFrom(body);
    const again = node.args.map((arg, i) => (waiting.has(i) ? b.node(barrier, [arg, token], {}) : alone(arg)));
    const { outputs } = applied(body, again, b);
    // An operand that is given twice is one node here: its slope is of all its uses, and belongs to one of the two places.
    return b.pullback(outputs, slopes, again).map((own, i) => (again.indexOf(again[i] ?? node) === i ? own : null));
  },
  batch(args, attrs, size, b) {
    const body = bodyOf(attrs.body);
    const { outputs } = openBody(body, (operand) => args[operand]?.batched ?? false, size);
    const made = closeBody(
      body,
      outputs.map(({ node }) => node),
    );
    const { results } = b.node(
      checkpoint,
      args.map(({ node }) => node),
      { body: made },
    );
    return results.map((node, i) => ({ node, batched: outputs[i]?.batched ?? false }));
  },
  evaluate(args, { body }) {
    const environment = new Map(args.map((arg, i) => [String(i), arg]));
    return evaluateGraph(bodyOf(body).outputs, environment);
  },
};
