/**
 * Recurrent layers: a cell that is carried over the steps of samples [steps, features].
 *
 * It is one loop, whatever the number of steps. What an input is to a step (its product with the kernel) is made of all steps at once
 * before it, so that the loop has nothing but the product with the states.
 *
 * A mask says which steps count. The others leave the states as they are, and repeat the last output that counts, zeros where none has;
 * with `zeroOutputForMask` they are zeros in a sequence.
 */
import { ShapeError, UserError } from "../../../core/errors.ts";
import { flag } from "../../../core/options.ts";
import { atLine, here, type Origin } from "../../../core/origin.ts";
import { flip, full, permute, reshape, scan, where } from "../../../dsl/ops.ts";
import type { Mask } from "../../../dsl/tensor.ts";
import { type Dim, fixedShape, printShape, sameShape } from "../../../graph/shape.ts";
import type { Regularizer } from "../../regularizers/regularizer.ts";
import { option, type ValuesOf } from "../../schema.ts";
import type { Layer, ParamTensors, SampleShape } from "../layer.ts";
import type { LayerMode } from "../own.ts";
import { type AnyLayerSchema, built } from "../schema.ts";
import type { ShapeRule } from "../shape-rule.ts";
import { activityOption } from "../weights.ts";
import { type CellParts, checkAxes, statesOf, type Values } from "./cell.ts";

export const recurrentOptions = {
  /** The output of every step, [batch, steps, units], and not of the last alone. False by default. */
  returnSequences: option(flag, false),
  /** The last states behind the output, for `all` in a model: `const [y, h, c] = memory.all(x)`. False by default. */
  returnState: option(flag, false),
  /** From the last step to the first; the sequence that comes out then begins with the last. False by default. */
  goBackwards: option(flag, false),
  /** Zeros at the steps of a sequence that its mask hides, and not the last output that counts. False by default. */
  zeroOutputForMask: option(flag, false),
  ...activityOption,
};

/** What the types of a recurrent layer follow from. */
export interface Returns<S extends boolean, T extends boolean> {
  readonly returnSequences?: S;
  readonly returnState?: T;
}

/** [batch, steps, features] -> [batch, steps, units] or [batch, units]. */
export type ReturnsRule<R extends ShapeRule, S extends boolean> = S extends true
  ? R
  : R extends number
    ? readonly ["flatten", R]
    : "any";

/** All that comes of a pass: a sequence in the order of x. */
export interface Pass {
  /** Where it was asked for. */
  readonly sequence?: Values;
  readonly last: Values;
  readonly states: readonly Values[];
  readonly mask?: Mask | undefined;
}

/** How a pass goes. */
export interface Course {
  readonly returnSequences: boolean;
  readonly goBackwards: boolean;
  readonly zeroOutputForMask: boolean;
}

/** What `bidirectional` asks of a layer. */
export interface Recurrent extends Course {
  readonly cell: CellParts;
  readonly returnState: boolean;
  readonly activityRegularizer: Regularizer | undefined;
  pass(params: ParamTensors, xs: readonly Values[], mode: LayerMode, course: Course): Pass;
}

/** A layer that carries a cell over steps. */
export interface RecurrentLayer<R extends ShapeRule = ShapeRule, M extends number = number> extends Layer<R, M> {
  readonly recurrent: Recurrent;
}

export function isRecurrent(layer: Layer): layer is RecurrentLayer {
  return "recurrent" in layer;
}

type Options = ValuesOf<typeof recurrentOptions> & { readonly name: string | undefined };

/** The layer that carries this cell. Its parameters are the cell's. */
export function recurrentLayer<R extends ShapeRule, M extends number>(
  schema: Omit<AnyLayerSchema, "from">,
  values: Options,
  cell: CellParts,
  origin: Origin,
): RecurrentLayer<R, M> {
  const { name } = schema;
  const { returnSequences, returnState } = values;
  const stepOf = (sample: SampleShape): SampleShape => checkAxes(name, sample, cell.axes + 1, origin).slice(1);
  const pass: Recurrent["pass"] = (params, xs, mode, course) => passOf(name, cell, params, xs, mode, course, origin);
  const outputShape = (sample: SampleShape): SampleShape => {
    const output = cell.outputShape(stepOf(sample));
    return returnSequences ? [...sample.slice(0, 1), ...output] : output;
  };
  const run = (params: ParamTensors, xs: readonly Values[], mode: LayerMode): readonly [Values, ...Values[]] => {
    const { sequence, last, states, mask } = pass(params, xs, mode, values);
    const output = sequence === undefined ? last : inOrder(sequence, values.goBackwards);
    if (sequence !== undefined && mask !== undefined) mode.masks?.give(output, inOrder(mask, values.goBackwards));
    return returnState ? [output, ...states] : [output];
  };
  const made = built(schema, values, {
    rule: ruleOf(cell.rule, returnSequences) as R, // of its options' types
    more: (returnState ? cell.count : 0) as M,
    masking: "own",
    regularizers: cell.regularizers,
    constraints: cell.constraints,
    outputShape,
    params: (sample) => cell.params(stepOf(sample)),
    several: { outputShape: ([sample = []]) => outputShape(sample), apply: run },
    apply: (params, x, mode) => run(params, [x], mode)[0],
  });
  return { ...made, recurrent: { ...values, cell, pass } };
}

/** Keras's `stateful`: layers store nothing here, and slots do not know how large a batch is. */
export function refuseStateful(what: string, options: object | undefined): void {
  if (typeof options !== "object" || !Object.hasOwn(options, "stateful")) return;
  throw new UserError(
    `${what}: there is no option "stateful", as layers store nothing: returnState: true gives the last states, which the next batch ` +
      `is given behind x${atLine(here(what))}`,
  );
}

function ruleOf(rule: ShapeRule, returnSequences: boolean): ShapeRule {
  if (returnSequences) return rule;
  return typeof rule === "number" ? ["flatten", rule] : "any";
}

/** The steps of a sequence, or of its mask, from the last to the first where it goes backwards. */
export function inOrder<T extends Values | Mask>(x: T, goBackwards: boolean): T {
  return (goBackwards ? flip(x, [1]) : x) as T;
}

function passOf(
  what: string,
  cell: CellParts,
  params: ParamTensors,
  [x, ...given]: readonly Values[],
  mode: LayerMode,
  course: Course,
  origin: Origin,
): Pass {
  if (x === undefined) throw new UserError(`${what}: there is no tensor${atLine(origin)}`);
  const [batch = 1, steps = 1, ...rest] = x.shape;
  const step = checkAxes(what, fixedShape([steps, ...rest]), cell.axes + 1, origin).slice(1);
  const mask = maskOf(what, x, mode, origin);
  const running = cell.start(params, batch, step, mode);
  const rows = running.project(swapped(x));
  const states = statesOf(what, cell, batch, step, given, origin);
  const shape = [batch, ...cell.outputShape(step)];
  const found =
    mask === undefined
      ? looped(cell, running, rows, states, shape, course)
      : masked(running, rows, swapped(mask), states, shape, course);
  const { sequence, ...others } = found;
  return { ...others, mask, ...(sequence === undefined ? {} : { sequence: swapped(sequence) }) };
}

/** Which steps count: as the call says it, or as x has it. */
function maskOf(what: string, x: Values, { mask: given, masks }: LayerMode, origin: Origin): Mask | undefined {
  const mask = given ?? masks?.of(x);
  if (mask === undefined || sameShape(mask.shape, x.shape.slice(0, 2))) return mask;
  const wanted = printShape(x.shape.slice(0, 2));
  throw new ShapeError(
    `${what}: the mask must be ${wanted}, a value for each step, not ${printShape(mask.shape)}${atLine(origin)}`,
  );
}

/** Batch and steps the other way round: a loop goes over the first axis. */
function swapped<T extends Values | Mask>(x: T): T {
  return permute(
    x,
    [1, 0, ...x.shape.keys()].filter((axis, i) => i < 2 || axis > 1),
  ) as T;
}

type Found = Omit<Pass, "mask">;
type Running = ReturnType<CellParts["start"]>;

function looped(
  { isOutputApart = false }: CellParts,
  running: Running,
  rows: Values,
  states: readonly Values[],
  shape: readonly Dim[],
  { returnSequences, goBackwards }: Course,
): Found {
  // An output that is the first state needs no place of its own in the loop.
  const last: readonly Values[] = isOutputApart ? [full(shape, 0)] : [];
  const { carry, outputs } = scan(
    ({ states }: { states: readonly Values[]; last: readonly Values[] }, row) => {
      const [output, ...next] = running.step(row, states);
      const carry = { states: next, last: isOutputApart ? [output] : [] };
      return { carry, output: returnSequences ? [output] : [] };
    },
    { states, last },
    rows,
    { reverse: goBackwards },
  );
  const [output = full(shape, 0)] = isOutputApart ? carry.last : carry.states;
  return found(output, carry.states, outputs);
}

function masked(
  running: Running,
  rows: Values,
  mask: Mask,
  states: readonly Values[],
  shape: readonly Dim[],
  { returnSequences, goBackwards, zeroOutputForMask }: Course,
): Found {
  const nothing: Values = full(shape, 0);
  const { carry, outputs } = scan(
    (before: { states: readonly Values[]; last: Values }, row) => {
      const [output, ...made] = running.step(row.x, before.states);
      const counts = row.counts;
      const next = made.map((state, i) => kept(counts, state, before.states[i] ?? nothing));
      const last = kept(counts, output, before.last);
      const shown = zeroOutputForMask ? kept(counts, output, nothing) : last;
      return { carry: { states: next, last }, output: returnSequences ? [shown] : [] };
    },
    { states, last: nothing },
    { x: rows, counts: mask },
    { reverse: goBackwards },
  );
  return found(carry.last, carry.states, outputs);
}

/** The new value of the samples whose step counts, the old one of the others. */
function kept(counts: Mask, now: Values, before: Values): Values {
  const [batch = 1, ...rest] = now.shape;
  return where(reshape(counts, [batch, ...rest.map(() => 1)]), now, before);
}

function found(last: Values, states: readonly Values[], [sequence]: readonly Values[]): Found {
  return { last, states, ...(sequence === undefined ? {} : { sequence }) };
}
