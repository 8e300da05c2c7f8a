/**
 * Loops, branches and other ops with bodies, where operands have an axis of examples in front: their bodies have it inside.
 *
 * A carry is different from example to example if it is so at first, or becomes so by what the body makes of it: that is found by
 * going round until nothing changes. A loop whose end depends on the example goes on while any example does, and those that
 * have ended stay as they are.
 */
import { isFloat } from "../core/dtype.ts";
import { CompilerBug } from "../core/errors.ts";
import type { AttrsOf } from "./attrs.ts";
import { vectorize } from "./batch.ts";
import { Body, bodyOf } from "./body.ts";
import { builder } from "./build.ts";
import { createGraph } from "./graph.ts";
import type { Batched, Build, CondSchema, LoopOp, Node, ScanSchema, WhileSchema } from "./node.ts";
import { input, state } from "./ops/source.ts";
import { spreadBatch } from "./ops/view.ts";
import type { Dim } from "./shape.ts";

/** A body whose results are not closed yet. */
interface Opened {
  readonly build: Build;
  readonly next: readonly Batched[];
  readonly outputs: readonly Batched[];
  /** By the number of the operand. */
  readonly parameters: ReadonlyMap<number, Batched>;
}

/** A body on parameters some of which have an axis of examples. */
export function openBody(body: Body, isBatched: (operand: number) => boolean, size: Dim): Opened {
  const graph = createGraph();
  const build = builder(graph);
  const given = new Map<Node, Batched>();
  const parameters = new Map<number, Batched>();
  for (const [number, parameter] of body.parameters) {
    const batched = isBatched(number);
    const { op, attrs, type, origins } = parameter;
    const shape = batched ? [size, ...type.shape] : type.shape;
    const one = { node: graph.node(op, [], { ...attrs, shape }, origins), batched };
    given.set(parameter, one);
    parameters.set(number, one);
  }
  const made = vectorize(graph, [...body.next, ...body.outputs], given, size);
  return { build, parameters, next: made.slice(0, body.next.length), outputs: made.slice(body.next.length) };
}

/** The body of these results. */
export function closeBody(like: Body, outputs: readonly Node[], next: readonly Node[] = []): Body {
  const graph = (outputs[0] ?? next[0])?.graph ?? createGraph();
  const named = (node: Node, i: number) => ({ name: String(i), node });
  return new Body({ name: like.entry.name, graph, outputs: outputs.map(named), next: next.map(named) });
}

/** Which carries have an axis of examples, when all has gone round. */
function carriesBatched(
  body: Body,
  given: readonly Batched[],
  carries: number,
  size: Dim,
): (operand: number) => boolean {
  const found = given.map(({ batched }) => batched);
  for (let isNew = true; isNew; ) {
    isNew = false;
    openBody(body, (i) => found[i] ?? false, size).next.forEach(({ batched }, i) => {
      if (i >= carries || !batched || found[i] === true) return;
      found[i] = true;
      isNew = true;
    });
  }
  return (operand) => found[operand] ?? false;
}

export function batchScan(
  op: LoopOp<ScanSchema, "many">,
  args: readonly Batched[],
  attrs: AttrsOf<ScanSchema>,
  size: Dim,
  b: Build,
): readonly Batched[] {
  const { carries, slices } = attrs;
  const body = bodyOf(attrs.body);
  const isBatched = carriesBatched(body, args, carries, size);
  const { build, next, outputs } = openBody(body, isBatched, size);
  const after = next.map((one, i) => (isBatched(i) ? spreadBatch(one, size, build) : one.node));
  const made = closeBody(
    body,
    outputs.map(({ node }) => node),
    after,
  );
  const operands = args.map((arg, i) => {
    if (i < carries && isBatched(i)) return spreadBatch(arg, size, b);
    const isRows = i >= carries && i < carries + slices && arg.batched;
    return isRows ? exchanged(arg.node, b) : arg.node; // rows first, then examples
  });
  const { results } = b.node(op, operands, { ...attrs, body: made });
  return results.map((result, i) => {
    if (i < carries) return { node: result, batched: isBatched(i) };
    const batched = outputs[i - carries]?.batched ?? false;
    return { node: batched ? exchanged(result, b) : result, batched };
  });
}

/** The first two axes in each other's place. */
function exchanged(x: Node, b: Build): Node {
  return b.permute(
    x,
    x.type.shape.map((_, axis) => (axis < 2 ? 1 - axis : axis)),
  );
}

export function batchCond(
  op: LoopOp<CondSchema, "many">,
  args: readonly Batched[],
  attrs: AttrsOf<CondSchema>,
  size: Dim,
  b: Build,
): readonly Batched[] {
  const [flag, ...others] = args;
  if (flag === undefined) throw new CompilerBug("cond has no condition");
  const bodies = { yes: bodyOf(attrs.yes), no: bodyOf(attrs.no) };
  if (flag.batched) {
    // some examples take the one, some the other
    const [yes, no] = [bodies.yes, bodies.no].map((body) => {
      const given = others.map((arg) => slopedWhere(flag.node, body === bodies.yes, arg, size, b));
      return appliedEach(body, [flag, ...given], size, b);
    });
    return (yes ?? []).map((one, i) => ({
      node: chosen(flag.node, spreadBatch(one, size, b), spreadBatch(no?.[i] ?? one, size, b), b),
      batched: true,
    }));
  }
  const isBatched = (operand: number): boolean => args[operand]?.batched ?? false;
  const [yes, no] = [openBody(bodies.yes, isBatched, size), openBody(bodies.no, isBatched, size)];
  const each = yes.outputs.map(({ batched }, i) => batched || (no.outputs[i]?.batched ?? false));
  const closed = ({ outputs, build }: Opened, like: Body): Body =>
    closeBody(
      like,
      outputs.map((one, i) => (each[i] === true ? spreadBatch(one, size, build) : one.node)),
    );
  const made = { yes: closed(yes, bodies.yes), no: closed(no, bodies.no) };
  const { results } = b.node(
    op,
    args.map(({ node }) => node),
    made,
  );
  return results.map((result, i) => ({ node: result, batched: each[i] ?? false }));
}

/** What a body gives on these operands, in the graph of `b`. */
function appliedEach(body: Body, args: readonly Batched[], size: Dim, b: Build): readonly Batched[] {
  const given = new Map<Node, Batched>();
  for (const [number, parameter] of body.parameters) {
    const arg = args[number];
    if (arg === undefined) throw new CompilerBug(`a body reads the operand ${number}, which is not there`);
    given.set(parameter, arg);
  }
  return vectorize(b.graph, body.outputs, given, size);
}

/** Of each example what its flag says. */
function chosen(flags: Node, yes: Node, no: Node, b: Build): Node {
  return b.map("select", b.broadcast(flags, yes.type.shape, [0]), yes, no);
}

/**
 * The operand of a branch, with the slopes of those examples alone that take it: of the others, whose results nobody reads, they
 * may be 0 times infinity.
 */
function slopedWhere(flags: Node, taken: boolean, arg: Batched, size: Dim, b: Build): Batched {
  if (!isFloat(arg.node.type.dtype)) return arg;
  const node = spreadBatch(arg, size, b);
  const [same, still] = [node, b.map("stopGradient", node)];
  return { node: taken ? chosen(flags, same, still, b) : chosen(flags, still, same, b), batched: true };
}

export function batchWhile(
  op: LoopOp<WhileSchema, "many">,
  args: readonly Batched[],
  attrs: AttrsOf<WhileSchema>,
  size: Dim,
  b: Build,
): readonly Batched[] {
  const { carries } = attrs;
  const [test, body] = [bodyOf(attrs.test), bodyOf(attrs.body)];
  const alone = carriesBatched(body, args, carries, size);
  const endsApart = openBody(test, alone, size).outputs[0]?.batched ?? false;
  const isBatched = (operand: number): boolean => (endsApart && operand < carries) || alone(operand);
  const tested = openBody(test, isBatched, size);
  const stepped = openBody(body, isBatched, size);
  const flag = tested.outputs[0];
  if (flag === undefined) throw new CompilerBug("a loop without a condition");
  const operands = args.map((arg, i) => (i < carries && isBatched(i) ? spreadBatch(arg, size, b) : arg.node));
  const goesOn = endsApart ? anyOf(flag.node, tested.build) : flag.node;
  let after = stepped.next.map((one, i) => (isBatched(i) ? spreadBatch(one, size, stepped.build) : one.node));
  if (endsApart) {
    // where an example has ended, its carries stay
    const { graph } = stepped.build;
    const own = operands.map(({ type: { dtype, shape } }, i) =>
      graph.node(i < carries ? state : input, [], { name: String(i), dtype, shape }),
    );
    const given = own.map((node, i) => ({ node, batched: isBatched(i) }));
    const [each] = appliedEach(test, given, size, stepped.build);
    after = after.map((next, i) => chosen(each?.node ?? next, next, own[i] ?? next, stepped.build));
  }
  const made = { test: closeBody(test, [goesOn]), body: closeBody(body, [], after) };
  const { results } = b.node(op, operands, { ...attrs, ...made });
  return results.map((result, i) => ({ node: result, batched: isBatched(i) }));
}

/** Whether one of the flags is set. */
function anyOf(flags: Node, b: Build): Node {
  const most = b.reduce("max", b.cast(flags, "i32"), [0]);
  return b.map("gt", most, b.fill(most, 0));
}
