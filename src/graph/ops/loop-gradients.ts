/**
 * Gradients of loops that run a known number of times, and of branches.
 *
 * The gradient of a scan is a scan the other way round. Its carries are the slopes of the carries, and sums: the slopes of what
 * is captured, over all rows. It reads, row by row, what the forward loop had there: its rows, the carries before the step, and
 * what is too dear to compute again. So the forward loop keeps these: a wider one takes its place, with more stacks behind.
 *
 *   h' = f(h, x, w)      dh, dx, dw of a step = pullback of f at (h, x, w) of dh'
 *                        scan reversed, carrying (dh, sum of dw), over rows of h, x and whatever else of f it reads
 */
import { isFloat } from "../../core/dtype.ts";
import { CompilerBug } from "../../core/errors.ts";
import { applied, Body, bodyOf, closeBody, iterationName } from "../body.ts";
import { attrsOf } from "../define.ts";
import { createGraph, neededBy, resultOf } from "../graph.ts";
import type { Build, CondSchema, Graph, LoopOp, Node, NodeOf, ScanSchema } from "../node.ts";
import { type TensorType, tensorType } from "../type.ts";
import { input } from "./source.ts";

/** Operations that the backward loop does again for an element rather than have it kept. */
const cheap = 6;

type Slopes = readonly (Node | null)[];

export function scanSlopes(
  op: LoopOp<ScanSchema, "many">,
  node: NodeOf<ScanSchema, "many">,
  slopes: Slopes,
  b: Build,
): Slopes {
  const forward = b.latest(node);
  const attrs = attrsOf(forward, op);
  const { carries, slices } = attrs;
  const body = bodyOf(attrs.body);
  const flowing = flowingCarries(body, slopes, carries);
  const step = backwardStep(body, node.args, slopes, { carries, slices, flowing }, b);
  if (step.flows.size === 0) return [];

  const stacks = keptStacks(op, node, step, b);
  // the operands of the backward loop, each beside its parameter
  const carried: (readonly [Node | undefined, Node])[] = [];
  const next: Node[] = [];
  const outputs: Node[] = [];
  const places = new Map<number, { readonly stacked: boolean; readonly place: number }>();
  for (const [i, flow] of step.flows) {
    const operand = operandAt(node, i);
    const isRow = i >= carries && i < carries + slices;
    places.set(i, { stacked: isRow, place: isRow ? outputs.length : next.length });
    if (isRow) outputs.push(flow);
    else {
      next.push(flow);
      carried.push([step.parameters.get(slopeName(i)), (i < carries ? slopes[i] : null) ?? b.fill(operand, 0)]);
    }
  }
  const { rows, captured } = readsOf(node, step, stacks, slopes);
  const numbered = new Map<string, Node>();
  [...carried, ...rows, ...captured].forEach(([parameter], i) => {
    if (parameter !== undefined) numbered.set(String(i), parameter);
  });
  const iteration = step.parameters.get(iterationName);
  if (iteration !== undefined) numbered.set(iterationName, iteration);
  const backward = b.node(
    op,
    [...carried, ...rows, ...captured].map(([, operand]) => operand),
    {
      body: closeBody(numbered, outputs, next, carried.length),
      length: attrs.length,
      carries: carried.length,
      slices: rows.length,
      reverse: !attrs.reverse,
    },
  );
  return node.args.map((_, i) => {
    const found = places.get(i);
    return found === undefined ? null : resultOf(backward, found.place + (found.stacked ? carried.length : 0));
  });
}

/** What the forward loop keeps for the backward one: results of a wider loop, behind those that it has, by what is stacked. */
function keptStacks(
  op: LoopOp<ScanSchema, "many">,
  node: NodeOf<ScanSchema, "many">,
  step: BackwardStep,
  b: Build,
): ReadonlyMap<Node, Node> {
  const stacks = new Map<Node, Node>();
  const attrs = attrsOf(b.latest(node), op);
  const { carries } = attrs;
  const kept = [...step.parameters].filter(([name, parameter]) => step.read.has(parameter) && Number(name) < carries);
  const extra = [...kept.map(([, parameter]) => parameter), ...step.residuals];
  if (extra.length === 0) return stacks;
  const numbered = new Map(
    [...step.parameters].filter(([name]) => name === iterationName || Number(name) < node.args.length),
  );
  const wider = closeBody(numbered, [...step.outputs, ...extra], step.next, carries);
  // it is the forward loop still, and no derivative
  const wide = node.graph.node(op, node.args, { ...attrs, body: wider }, node.origins);
  b.supersede(node, wide);
  extra.forEach((stack, i) => {
    stacks.set(stack, resultOf(wide, carries + step.outputs.length + i));
  });
  return stacks;
}

/** What the backward loop reads, row by row and as it is: each parameter beside its operand. */
function readsOf(
  node: NodeOf<ScanSchema, "many">,
  step: BackwardStep,
  stacks: ReadonlyMap<Node, Node>,
  slopes: Slopes,
): Readonly<Record<"rows" | "captured", readonly (readonly [Node, Node])[]>> {
  const { carries, slices } = node.attrs;
  const rows: (readonly [Node, Node])[] = [];
  const captured: (readonly [Node, Node])[] = [];
  for (const [name, parameter] of step.parameters) {
    if (!step.read.has(parameter)) continue;
    const number = Number(name);
    const stack = stacks.get(parameter);
    if (stack !== undefined) rows.push([parameter, stack]);
    else if (name.startsWith(stackPrefix))
      rows.push([parameter, slopeAt(slopes, carries + Number(name.slice(stackPrefix.length)))]);
    else if (number >= carries && number < carries + slices) rows.push([parameter, operandAt(node, number)]);
    else if (number >= carries + slices) captured.push([parameter, operandAt(node, number)]);
  }
  for (const residual of step.residuals) {
    const stack = stacks.get(residual);
    if (stack !== undefined) rows.push([residual, stack]);
  }
  return { rows, captured };
}

/** One step of the backward loop, in a graph of its own. */
interface BackwardStep {
  /** By name: the number of an operand of the forward loop, `slopeName` of one, `stackPrefix` and the number of an output, the iteration. */
  readonly parameters: ReadonlyMap<string, Node>;
  /** New values of the forward loop, and its outputs. */
  readonly next: readonly Node[];
  readonly outputs: readonly Node[];
  /** By the number of an operand: its slope, for a captured one added to those of the rows before. */
  readonly flows: ReadonlyMap<number, Node>;
  /** Values of the forward step that are to be kept for this one. */
  readonly residuals: readonly Node[];
  /** What the flows depend on, no further down than to residuals. */
  readonly read: ReadonlySet<Node>;
}

const slopePrefix = "slope ";
const slopeName = (operand: number): string => `${slopePrefix}${operand}`;
const stackPrefix = "stack ";

function backwardStep(
  body: Body,
  args: readonly Node[],
  slopes: Slopes,
  {
    carries,
    slices,
    flowing,
  }: { readonly carries: number; readonly slices: number; readonly flowing: ReadonlySet<number> },
  b: Build,
): BackwardStep {
  const inner = b.within(createGraph());
  const isRow = (i: number): boolean => i >= carries && i < carries + slices;
  const given = args.map(({ type }, i) => source(inner.graph, String(i), isRow(i) ? rowType(type) : type));
  const iteration = source(inner.graph, iterationName, tensorType("i32", []));
  const { next, outputs } = applied(body, given, inner, iteration);
  const seeds = [
    ...next.map(({ type }, i) => (flowing.has(i) ? source(inner.graph, slopeName(i), type) : null)),
    ...outputs.map(({ type }, i) =>
      (slopes[carries + i] ?? null) === null ? null : source(inner.graph, `${stackPrefix}${i}`, type),
    ),
  ];
  const wanted = args.flatMap(({ type }, i) => (isFloat(type.dtype) && (i >= carries || flowing.has(i)) ? [i] : []));
  const found = inner.pullback(
    [...next, ...outputs],
    seeds,
    wanted.map((i) => at(given, i)),
  );
  const flows = wanted.flatMap((i, k): [number, Node][] => {
    const flow = found[k] ?? null;
    if (i < carries) return [[i, flow ?? inner.fill(at(given, i), 0)]];
    if (flow === null || isRow(i)) return flow === null ? [] : [[i, flow]];
    return [[i, inner.addSlopes(source(inner.graph, slopeName(i), flow.type), flow)]];
  });
  if (flows.length === 0)
    return { parameters: new Map(), next, outputs, flows: new Map(), residuals: [], read: new Set() };

  const settled = b.settled([...flows.map(([, flow]) => flow), ...next, ...outputs]);
  const settledFlows = settled.slice(0, flows.length);
  const parameters = new Map(
    neededBy(settled).flatMap((node) => (node.op === input ? [[String(node.attrs.name), node] as const] : [])),
  );
  const residuals = residualsOf(
    settledFlows,
    parameters,
    (name) => Number(name) < carries + slices || name === iterationName,
  );
  return {
    parameters,
    next: settled.slice(flows.length, flows.length + next.length),
    outputs: settled.slice(flows.length + next.length),
    flows: new Map(flows.map(([i], k) => [i, at(settledFlows, k)])),
    residuals,
    read: new Set(neededBy(settledFlows, new Map(residuals.map((node) => [node, node])))),
  };
}

/**
 * The values of the forward step that something with a slope reads, and that are too dear to compute again. Not what follows from
 * captured operands alone: it is the same for all rows.
 */
function residualsOf(
  flows: readonly Node[],
  parameters: ReadonlyMap<string, Node>,
  moves: (name: string) => boolean,
): readonly Node[] {
  const sloped = new Set<Node>();
  const moving = new Set<Node>();
  for (const [name, node] of parameters) {
    if (name.startsWith(stackPrefix) || name.startsWith(slopePrefix)) sloped.add(node);
    else if (moves(name)) moving.add(node);
  }
  const read = new Set<Node>();
  for (const node of neededBy(flows)) {
    if (node.args.some((arg) => sloped.has(arg))) sloped.add(node);
    if (node.args.some((arg) => moving.has(arg))) moving.add(node);
    if (!sloped.has(node)) continue;
    for (const arg of node.args) if (!sloped.has(arg) && moving.has(arg) && arg.op !== input) read.add(arg);
  }
  const kept = new Map<Node, Node>();
  for (const node of [...read].sort((a, c) => a.id - c.id)) {
    const price = neededBy([node], kept).reduce((sum, one) => sum + (kept.has(one) ? 0 : priceOf(one)), 0);
    if (price > cheap) kept.set(node, node);
  }
  return [...kept.values()];
}

function priceOf({ op }: Node): number {
  if (op.kind === "map") return op.cost;
  return op.kind === "view" || (op.kind === "source" && op.arity === 0) ? 0 : Number.POSITIVE_INFINITY;
}

/** The carries that something with a slope follows from, in some iteration. */
function flowingCarries(body: Body, slopes: Slopes, carries: number): ReadonlySet<number> {
  const readBy = [...body.next, ...body.outputs].map((value) => {
    const needed = new Set(neededBy([value]));
    return [...body.parameters].flatMap(([i, node]) =>
      i < carries && isFloat(node.type.dtype) && needed.has(node) ? [i] : [],
    );
  });
  const flowing = new Set<number>();
  const add = (place: number): void => {
    for (const i of readBy[place] ?? []) {
      if (flowing.has(i)) continue;
      flowing.add(i);
      add(i);
    }
  };
  slopes.forEach((slope, i) => {
    if (slope === null) return;
    if (i < carries) flowing.add(i);
    add(i);
  });
  return flowing;
}

/** A branch's gradient is the branch's again: what it needs of the forward pass is computed there once more. */
export function condSlopes(
  op: LoopOp<CondSchema, "many">,
  node: NodeOf<CondSchema, "many">,
  slopes: Slopes,
  b: Build,
): Slopes {
  const { args } = node;
  const arriving = slopes.flatMap((slope, i) => (slope === null ? [] : [{ i, slope }]));
  const wanted = args.flatMap(({ type }, i) => (isFloat(type.dtype) ? [i] : []));
  const branches = [node.attrs.yes, node.attrs.no].map((closed) => {
    const inner = b.within(createGraph());
    const given = args.map(({ type }, i) => source(inner.graph, String(i), type));
    const { outputs } = applied(bodyOf(closed), given, inner);
    const seeds: (Node | null)[] = outputs.map(() => null);
    arriving.forEach(({ i, slope }, place) => {
      seeds[i] = source(inner.graph, String(args.length + place), slope.type);
    });
    return {
      inner,
      given,
      flows: inner.pullback(
        outputs,
        seeds,
        wanted.map((i) => at(given, i)),
      ),
    };
  });
  const places = wanted.map((_, k) => k).filter((k) => branches.some(({ flows }) => (flows[k] ?? null) !== null));
  if (places.length === 0) return [];
  const [yes, no] = branches.map(({ inner, given, flows }) => {
    const results = b.settled(places.map((k) => flows[k] ?? inner.fill(at(given, at(wanted, k)), 0)));
    const { graph } = at(results, 0);
    return new Body({
      name: "cond",
      graph,
      outputs: results.map((result, i) => ({ name: String(i), node: result })),
      next: [],
    });
  });
  if (yes === undefined || no === undefined) throw new CompilerBug("cond has two branches");
  const backward = b.node(op, [...args, ...arriving.map(({ slope }) => slope)], { yes, no });
  const found = new Map(places.map((k, place) => [at(wanted, k), resultOf(backward, place)]));
  return args.map((_, i) => found.get(i) ?? null);
}

function source(graph: Graph, name: string, { dtype, shape }: TensorType): Node {
  return graph.node(input, [], { name, dtype, shape });
}

function rowType({ dtype, shape }: TensorType): TensorType {
  return tensorType(dtype, shape.slice(1));
}

function operandAt({ args }: Node, i: number): Node {
  return at(args, i);
}

function slopeAt(slopes: Slopes, i: number): Node {
  const slope = slopes[i] ?? null;
  if (slope === null) throw new CompilerBug(`no slope arrives at result ${i}`);
  return slope;
}

function at<T>(list: readonly T[], i: number): T {
  const found = list[i];
  if (found === undefined) throw new CompilerBug(`there is nothing at ${i}`);
  return found;
}
