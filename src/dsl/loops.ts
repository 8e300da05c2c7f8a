/**
 * Loops and branches: a function of the user's becomes the body of one node, whatever the number of iterations.
 */
import { CompilerBug, ShapeError, UserError } from "../core/errors.ts";
import {
  callable,
  checkArguments,
  checkedLater,
  checkOptions,
  checkValue,
  flag,
  type Kind,
  type OptionTable,
  show,
  whole,
} from "../core/options.ts";
import { atLine, here, type Origin } from "../core/origin.ts";
import type { Body } from "../graph/body.ts";
import type { Node } from "../graph/node.ts";
import { cond as condOp, scan as scanOp, whileLoop as whileOp } from "../graph/ops/loop.ts";
import { type Dim, printShape } from "../graph/shape.ts";
import { printType, sameType, type TensorType, tensorType } from "../graph/type.ts";
import { BodyTrace, type Draw, drawOnce, drawRows } from "./body.ts";
import { applyAll } from "./build.ts";
import { checkDimension, checkFunction, checkTensor, refusePromise } from "./check.ts";
import type { ScanLength, ScanRows, StackedOf } from "./loop-types.ts";
import { isTensor, Tensor, tensorLeaf } from "./tensor.ts";
import { leavesOf, mapTree, type NamedLeaf, type Tree } from "./tree.ts";

/** How many rows, where nothing stacked says it, and from which end. */
export interface ScanOptions<L extends Dim = Dim> {
  /** Iterations; the leading size of `xs` by default. */
  readonly length?: L;
  /** From the last row to the first: outputs stand at the rows that their iterations read. False by default. */
  readonly reverse?: boolean;
}

/** What the function of a scan gives: the carried values anew, and what is stacked. */
export interface ScanStep<C, R> {
  readonly carry: C;
  readonly output?: R;
}

const scanned: Kind<(carry: Tree<Tensor>, x: Tree<Tensor>) => unknown> = callable();
const scanTable: OptionTable<ScanOptions> = { length: checkedLater(), reverse: flag };
const stepTable: OptionTable<ScanStep<unknown, unknown>> = { carry: checkedLater(), output: checkedLater() };

/**
 * Carries values over the rows of stacked tensors: `f(carry, x)` is given row t of every tensor of `xs` and what it gave for the
 * row before, `init` at first. Gives the carried values in the end, and the outputs of all rows, stacked along a new first axis.
 *
 *   const { carry: h, outputs } = scan((h, x) => { const next = tanh(add(matmul(x, w), matmul(h, u))); return { carry: next, output: next }; }, h0, xs);
 *
 * It is one loop, not `length` copies of f: f runs once, to describe it. Carries keep their shapes and dtypes. What f reads from
 * around it is computed once, outside; random numbers are others for each row. For no `xs` give `{}` and a length.
 */
export function scan<C, X, L extends Dim = ScanLength<X>, R = unknown>(
  f: (carry: C, x: ScanRows<X>) => ScanStep<NoInfer<C>, R>,
  init: C,
  xs: X,
  options?: ScanOptions<L>,
): { readonly carry: C; readonly outputs: StackedOf<R, L> };
export function scan(
  step: unknown,
  init: unknown,
  xs: unknown,
  given?: ScanOptions,
): { readonly carry: unknown; readonly outputs: unknown } {
  checkArguments("scan", arguments, 4);
  const origin = here("scan");
  const f = checkValue("scan", "f", step, scanned);
  const options = checkOptions("scan", given, scanTable, { before: "f, init, xs, ", origin });
  const inits = tensorsOf(init, "scan: init");
  const rows = tensorsOf(xs, "scan: xs");
  const length = lengthOf(rows, options.length, origin);
  const { output, ...traced } = inTrace([...inits, ...rows], drawRows(length), origin, (trace) => {
    const carries = inits.map(({ value }) => trace.parameter(value.type, true));
    const slices = rows.map(({ value }) => trace.parameter(rowType(value.type)));
    const step = stepOf(f(filled(init, carries), filled(xs, slices)), origin);
    const output = step.output ?? {};
    const outputs = tensorsOf(output, "scan: the output").map((tensor) => trace.node(tensor));
    return {
      trace,
      parameters: [...carries, ...slices],
      outputs,
      next: carriedBy(step.carry, init, trace, origin),
      output,
    };
  });
  if (traced.next.length + traced.outputs.length === 0) {
    throw new UserError(`scan: f gives no tensor to carry or to stack${atLine(origin)}`);
  }
  const drawn = [...traced.trace.drawn];
  const parameters = [...traced.parameters, ...drawn.map(([parameter]) => parameter)];
  const { operands, bodies } = closed(
    [...inits, ...rows, ...drawn.map(([, tensor]) => tensor)],
    [{ ...traced, parameters }],
  );
  const [body] = bodies;
  const carries = inits.length;
  const attrs = { length, carries, slices: rows.length + drawn.length, reverse: options.reverse === true };
  const results = applyAll(scanOp, operands, { ...attrs, ...(body === undefined ? {} : { body }) }, origin);
  return { carry: filled(init, results), outputs: filled(output, results.slice(carries)) };
}

/** What stops a loop that its condition does not. */
export interface WhileOptions {
  /** No more iterations than these, though the condition may hold still. A GPU cannot branch, and always runs as many. */
  readonly most: number;
}

const whileTable: OptionTable<WhileOptions> = { most: whole({ from: 0, to: 2 ** 31 - 1 }) };

/**
 * Runs `body` again and again on what it gave before, `init` at first, as long as `condition` of that is true. Gives the last
 * values. Both functions run once, to describe the loop. It has no gradient: its length is known only when it runs.
 *
 *   const root = whileLoop((x) => greater(abs(f(x)), 1e-6), (x) => sub(x, div(f(x), slope(x))), start, { most: 50 });
 *
 * A condition that never fails would run for ever, so how often it may go on must be said.
 */
export function whileLoop<C>(
  condition: (carry: C) => Tensor<readonly [], "bool">,
  body: (carry: C) => NoInfer<C>,
  init: C,
  options: WhileOptions,
): C;
export function whileLoop(
  condition: (carry: Tree<Tensor>) => unknown,
  body: (carry: Tree<Tensor>) => unknown,
  init: unknown,
  given: WhileOptions,
): Tree<Tensor> {
  checkArguments("whileLoop", arguments, 4);
  const origin = here("whileLoop");
  checkFunction("whileLoop", condition, "the condition");
  checkFunction("whileLoop", body, "the body");
  const { most } = checkOptions("whileLoop", given, whileTable, { before: "condition, body, init, ", origin });
  if (most === undefined) {
    const say = "say how many iterations there may be, as a condition may never fail";
    throw new UserError(`whileLoop: ${say}: { most: 1000 }${atLine(origin)}`);
  }
  const inits = tensorsOf(init, "whileLoop: init");
  if (inits.length === 0) throw new UserError(`whileLoop: there is nothing to carry${atLine(origin)}`);
  const traced = (finish: (trace: BodyTrace, carried: Tree<Tensor>) => Pick<Traced, "outputs" | "next">): Traced =>
    inTrace(inits, refuseDraws(origin), origin, (trace) => {
      const parameters = inits.map(({ value }) => trace.parameter(value.type, true));
      return { trace, parameters, ...finish(trace, filled(init, parameters)) };
    });
  const tested = traced((trace, carried) => {
    const flag = condition(carried);
    refusePromise("whileLoop: the condition", flag, origin);
    return { outputs: [trace.node(checkTensor("whileLoop", flag, "what the condition gives"))], next: [] };
  });
  const stepped = traced((trace, carried) => ({ outputs: [], next: carriedBy(body(carried), init, trace, origin) }));
  const { operands, bodies } = closed(inits, [tested, stepped]);
  const [test, step] = bodies;
  if (test === undefined || step === undefined) throw new CompilerBug("a loop without bodies");
  const attrs = { test, body: step, carries: inits.length, most };
  return filled(init, applyAll(whileOp, operands, attrs, origin));
}

/**
 * What one of two functions gives: `yes` of x where the condition holds, else `no` of x. Only that one is computed, on a target
 * with branches (`wgsl` computes both). Both run once, to describe it, and give tensors of the same shapes and dtypes. What
 * they read from around them is computed in any case: what is to be computed in one branch alone is made of x there.
 */
export function cond<X, R>(condition: Tensor<readonly [], "bool">, yes: (x: X) => R, no: (x: X) => NoInfer<R>, x: X): R;
export function cond(
  condition: Tensor,
  yes: (x: Tree<Tensor>) => unknown,
  no: (x: Tree<Tensor>) => unknown,
  x: unknown,
): Tree<Tensor> {
  checkArguments("cond", arguments, 4);
  const origin = here("cond");
  checkTensor("cond", condition, "the condition");
  checkFunction("cond", yes, "yes");
  checkFunction("cond", no, "no");
  const given = tensorsOf(x, "cond: x");
  const traced = (f: (x: Tree<Tensor>) => unknown, name: string): Traced & { readonly tree: unknown } =>
    inTrace([condition, ...given], drawOnce, origin, (trace) => {
      const parameters = given.map(({ value }) => trace.parameter(value.type));
      const tree = f(filled(x, parameters));
      refusePromise(`cond: ${name}`, tree, origin);
      const outputs = tensorsOf(tree, `cond: what ${name} gives`).map((tensor) => trace.node(tensor));
      return { trace, parameters, outputs, next: [], tree };
    });
  const branches = [traced(yes, "yes"), traced(no, "no")] as const;
  const [left, right] = branches.map(({ tree }) => leavesOf(tree, tensorLeaf, "cond").map(({ path }) => path));
  if (left === undefined || right === undefined || left.join("\n") !== right.join("\n")) {
    throw new UserError(
      `cond: yes gives ${namesOf(left)} and no gives ${namesOf(right)}: both must give the same${atLine(origin)}`,
    );
  }
  if (left.length === 0) throw new UserError(`cond: the functions give no tensor${atLine(origin)}`);
  const { operands, bodies } = closed([condition, ...given], branches, 1);
  const attrs = Object.fromEntries(bodies.map((body, i) => [i === 0 ? "yes" : "no", body]));
  return filled(branches[0].tree, applyAll(condOp, operands, attrs, origin));
}

// ---- tracing -------------------------------------------------------------------------------------------------------

/** A function that has run in a trace. */
interface Traced {
  readonly trace: BodyTrace;
  /** What it was given, in the order of the operands of its op. */
  readonly parameters: readonly Node[];
  readonly outputs: readonly Node[];
  readonly next: readonly Node[];
}

function inTrace<T extends Traced>(
  given: readonly Tensor[],
  draw: Draw,
  origin: Origin,
  run: (trace: BodyTrace) => T,
): T {
  const trace = new BodyTrace(given, draw, origin);
  try {
    const found = run(trace);
    const results = trace.settled([...found.next, ...found.outputs]);
    return { ...found, next: results.slice(0, found.next.length), outputs: results.slice(found.next.length) };
  } finally {
    trace.close();
  }
}

/**
 * The bodies of one op, and its operands: those that are given, which the parameters stand for from number `first` on, and what
 * the bodies read from outside besides, each once.
 */
function closed(
  given: readonly Tensor[],
  traced: readonly Traced[],
  first = 0,
): { readonly operands: readonly Tensor[]; readonly bodies: readonly Body[] } {
  const operands = [...given];
  const places = new Map<Tensor["value"], number>();
  const placeOf = (tensor: Tensor): number => {
    const place = places.get(tensor.value) ?? operands.push(tensor) - 1;
    places.set(tensor.value, place);
    return place;
  };
  const bodies = traced.map(({ trace, parameters, outputs, next }) => {
    const numbers = new Map(parameters.map((parameter, i) => [parameter, first + i]));
    for (const [parameter, tensor] of [...trace.drawn, ...trace.captured]) {
      if (!numbers.has(parameter)) numbers.set(parameter, placeOf(tensor));
    }
    return trace.body(numbers, outputs, next);
  });
  return { operands, bodies };
}

function refuseDraws(origin: Origin): Draw {
  return (literal) => {
    throw new UserError(
      `${literal.origin.call} in whileLoop: each iteration would draw the same numbers: draw outside, as many as may be needed` +
        atLine(origin),
    );
  };
}

// ---- trees ---------------------------------------------------------------------------------------------------------

function tensorsOf(tree: unknown, what: string): readonly Tensor[] {
  return leavesOf(tree, tensorLeaf, what).map(({ leaf }) => leaf);
}

/** The tree with these in place of its tensors, in order. */
function filled(tree: unknown, values: readonly (Node | Tensor)[]): Tree<Tensor> {
  let place = 0;
  return mapTree(tree, tensorLeaf, "scan", (): Tensor => {
    const value = values[place++];
    if (value === undefined) throw new CompilerBug("a loop gives fewer values than it has carries");
    return value instanceof Tensor ? value : new Tensor(value);
  });
}

function namesOf(paths: readonly string[] | undefined): string {
  if (paths === undefined || paths.length === 0) return "nothing";
  return paths.map((path) => (path === "" ? "a tensor" : `"${path}"`)).join(", ");
}

/** What the function of a scan gave, checked. */
function stepOf(given: unknown, origin: Origin): ScanStep<unknown, unknown> {
  refusePromise("scan: f", given, origin);
  if (typeof given !== "object" || given === null || isTensor(given) || !("carry" in given)) {
    throw new UserError(`scan: f must return { carry, output }, not ${show(given)}${atLine(origin)}`);
  }
  checkOptions<ScanStep<unknown, unknown>>("scan: f", given, stepTable, { origin });
  return { carry: given.carry, ...("output" in given ? { output: given.output } : {}) };
}

/** The new values of the carries: the tree of the old ones, each of the type that it had. */
function carriedBy(given: unknown, init: unknown, trace: BodyTrace, origin: Origin): readonly Node[] {
  const { call } = origin;
  refusePromise(`${call}: the function`, given, origin);
  const before = leavesOf(init, tensorLeaf, `${call}: init`);
  const now = leavesOf(given, tensorLeaf, `${call}: the carry`);
  const pathsOf = (leaves: readonly NamedLeaf<Tensor>[]): readonly string[] => leaves.map(({ path }) => path).sort();
  if (pathsOf(before).join("\n") !== pathsOf(now).join("\n")) {
    throw new UserError(
      `${call}: the function is given ${namesOf(pathsOf(before))} to carry, and gives ${namesOf(pathsOf(now))}${atLine(origin)}`,
    );
  }
  const found = new Map(now.map(({ path, leaf }) => [path, leaf]));
  return before.map(({ path, leaf }) => {
    const next = found.get(path) ?? leaf;
    if (sameType(next.value.type, leaf.value.type)) return trace.node(next);
    const changed = `${printType(leaf.value.type)} to ${printType(next.value.type)}`;
    const at = "origin" in next.value ? next.value.origin : next.value.origins[0];
    throw new ShapeError(
      `${call}: the carry${path === "" ? "" : ` "${path}"`} changes from ${changed}${atLine(at ?? origin)}`,
    );
  });
}

function rowType({ dtype, shape }: TensorType): TensorType {
  return tensorType(dtype, shape.slice(1));
}

/** The number of rows that all have in common. */
function lengthOf(rows: readonly Tensor[], given: unknown, origin: Origin): Dim {
  let length = given === undefined ? undefined : checkDimension("scan", given, "the length");
  for (const { shape } of rows) {
    const [leading] = shape;
    if (leading === undefined)
      throw new ShapeError(`scan: xs has a tensor without axes, which has no rows${atLine(origin)}`);
    length ??= leading;
    if (leading !== length) {
      throw new ShapeError(
        `scan: ${printShape(shape)} has ${leading} rows, and there are to be ${length}${atLine(origin)}`,
      );
    }
  }
  if (length !== undefined) return length;
  throw new UserError(`scan: xs has no tensor: say how many iterations, { length: 10 }${atLine(origin)}`);
}
