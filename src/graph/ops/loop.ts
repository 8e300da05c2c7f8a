/**
 * Loops and branches over bodies (body.ts): `scan` carries values over the rows of stacked operands, `whileLoop` as long as a
 * test says so, `cond` runs one of two bodies.
 *
 *   scan       inits.., xs.., captures..   ->  carries in the end.., outputs stacked in front..
 *   whileLoop  inits.., captures..         ->  carries in the end..
 *   cond       flag, captures..            ->  the outputs of one body..
 *
 * Operand i is parameter i of each body; row t of an x is what iteration t reads. The oracle runs bodies by itself: nothing
 * is unrolled.
 */
import { CompilerBug, ShapeError, UserError } from "../../core/errors.ts";
import { atLine } from "../../core/origin.ts";
import { batchCond, batchScan, batchWhile } from "../batch-body.ts";
import { type Body, bodyOf, iterationName } from "../body.ts";
import { evaluateGraph } from "../evaluate.ts";
import { type NdArray, ndarray } from "../ndarray.ts";
import type { CondSchema, LoopOp, Node, ScanSchema, WhileSchema } from "../node.ts";
import { bindDim, type Dim, sizeOf } from "../shape.ts";
import { printType, sameType, type TensorType, tensorType } from "../type.ts";
import { condSlopes, scanSlopes } from "./loop-gradients.ts";

export const scan: LoopOp<ScanSchema, "many"> = {
  name: "scan",
  kind: "loop",
  arity: "many",
  schema: { body: "body", length: "dim", carries: "number", slices: "number", reverse: "flag" },
  infer(args, { body: closed, length, carries, slices }) {
    const body = bodyOf(closed);
    if (args.length < carries + slices) throw new ShapeError(`takes ${carries + slices} operands and what it captures`);
    const given = args.map((type, i) => (i < carries || i >= carries + slices ? type : rowType(type, length)));
    checkParameters(body, given);
    checkCarries(body, args.slice(0, carries));
    const stacks = body.outputs.map(({ type: { dtype, shape } }) => tensorType(dtype, [length, ...shape]));
    return [...args.slice(0, carries), ...stacks];
  },
  vjp: (node, slopes, build) => scanSlopes(scan, node, slopes, build),
  batch: (args, attrs, size, build) => batchScan(scan, args, attrs, size, build),
  evaluate(args, attrs, types) {
    const body = bodyOf(attrs.body);
    const length = bindDim(attrs.length, {});
    const stacks = types.slice(attrs.carries).map(({ dtype, shape }) => {
      return ndarray(dtype, shape.map(Number), new Float64Array(sizeOf(shape.map(Number))));
    });
    let carried = args.slice(0, attrs.carries);
    for (let step = 0; step < length; step += 1) {
      const row = attrs.reverse ? length - 1 - step : step;
      const given = args.map((arg, i) => carried[i] ?? (i < attrs.carries + attrs.slices ? rowOf(arg, row) : arg));
      const { next, outputs } = evaluateBody(body, given, row);
      carried = [...next];
      outputs.forEach((output, i) => {
        stacks[i]?.data.set(output.data, row * output.data.length);
      });
    }
    return [...carried, ...stacks];
  },
};

export const whileLoop: LoopOp<WhileSchema, "many"> = {
  name: "whileLoop",
  kind: "loop",
  arity: "many",
  schema: { test: "body", body: "body", carries: "number", most: "number" },
  infer(args, { test: closedTest, body: closedBody, carries }) {
    const [test, body] = [bodyOf(closedTest), bodyOf(closedBody)];
    if (args.length < carries) throw new ShapeError(`takes ${carries} operands and what it captures`);
    checkParameters(test, args);
    checkParameters(body, args);
    checkCarries(body, args.slice(0, carries));
    const [flag, ...others] = test.outputs;
    if (flag === undefined || others.length > 0 || !isFlag(flag.type)) {
      const found = test.outputs.map(({ type }) => printType(type)).join(", ");
      throw new ShapeError(`the condition must give a bool without axes, not ${found}`);
    }
    return args.slice(0, carries);
  },
  batch: (args, attrs, size, build) => batchWhile(whileLoop, args, attrs, size, build),
  vjp({ origins }) {
    throw new UserError(
      `whileLoop has no gradient, as nobody knows how often it runs: use scan, or stopGradient on what it gives${atLine(origins[0])}`,
    );
  },
  evaluate(args, attrs) {
    const [test, body] = [bodyOf(attrs.test), bodyOf(attrs.body)];
    let carried = args.slice(0, attrs.carries);
    for (let step = 0; step < attrs.most; step += 1) {
      const given = args.map((arg, i) => carried[i] ?? arg);
      if (evaluateBody(test, given).outputs[0]?.data[0] !== 1) break;
      carried = [...evaluateBody(body, given).next];
    }
    return carried;
  },
};

export const cond: LoopOp<CondSchema, "many"> = {
  name: "cond",
  kind: "loop",
  arity: "many",
  schema: { yes: "body", no: "body" },
  infer(args, attrs) {
    const [yes, no] = [bodyOf(attrs.yes), bodyOf(attrs.no)];
    const [flag] = args;
    if (flag === undefined || !isFlag(flag)) {
      throw new ShapeError(
        `the condition must be a bool without axes, not ${flag === undefined ? "nothing" : printType(flag)}`,
      );
    }
    checkParameters(yes, args);
    checkParameters(no, args);
    const [left, right] = [yes, no].map(({ outputs }) => outputs.map(({ type }) => type));
    if (
      left === undefined ||
      right === undefined ||
      left.length !== right.length ||
      left.some((type, i) => !sameType(type, right[i] ?? type))
    ) {
      const found = [left, right].map((types) => (types ?? []).map(printType).join(", "));
      throw new ShapeError(`both branches must give the same types, not ${found.join(" and ")}`);
    }
    return left;
  },
  batch: (args, attrs, size, build) => batchCond(cond, args, attrs, size, build),
  vjp: (node, slopes, build) => condSlopes(cond, node, slopes, build),
  evaluate(args, { yes, no }) {
    return evaluateBody(bodyOf(args[0]?.data[0] === 1 ? yes : no), args).outputs;
  },
};

function isFlag({ dtype, shape }: TensorType): boolean {
  return dtype === "bool" && shape.length === 0;
}

/** The type of a row of something stacked. */
function rowType(type: TensorType, length: Dim): TensorType {
  const [leading, ...shape] = type.shape;
  if (leading === length) return tensorType(type.dtype, shape);
  throw new ShapeError(`${printType(type)} has not ${length} rows in front`);
}

function checkParameters({ parameters }: Body, given: readonly TensorType[]): void {
  for (const [place, { type }] of parameters) {
    const found = given[place];
    if (found === undefined) throw new CompilerBug(`a body reads the operand ${place}, and there are ${given.length}`);
    if (!sameType(type, found)) throw new ShapeError(`a body wants ${printType(type)} in place of ${printType(found)}`);
  }
}

function checkCarries({ next }: Body, carried: readonly TensorType[]): void {
  if (next.length !== carried.length) throw new CompilerBug(`${next.length} values for ${carried.length} carries`);
  next.forEach(({ type }, i) => {
    const before = carried[i] ?? type;
    if (!sameType(before, type))
      throw new ShapeError(`the carry changes from ${printType(before)} to ${printType(type)}`);
  });
}

function rowOf({ dtype, shape, data }: NdArray, row: number): NdArray {
  const rest = shape.slice(1);
  const size = sizeOf(rest);
  return { dtype, shape: rest, data: data.subarray(row * size, (row + 1) * size) };
}

interface Given {
  readonly next: readonly NdArray[];
  readonly outputs: readonly NdArray[];
}

/** What a body gives on these operands. */
function evaluateBody(body: Body, args: readonly NdArray[], iteration = 0): Given {
  const environment = new Map([[iterationName, ndarray("i32", [], [iteration])]]);
  args.forEach((arg, i) => {
    environment.set(String(i), arg);
  });
  const wanted: Node[] = [...body.next, ...body.outputs];
  const values = evaluateGraph(wanted, environment);
  return { next: values.slice(0, body.next.length), outputs: values.slice(body.next.length) };
}
