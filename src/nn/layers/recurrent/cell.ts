/**
 * Cells: what a recurrent layer does in one step. A cell is a layer of one step itself, from states of zeros or, in a model, from those
 * that it is given; and it says what a loop over many steps needs to know (`CellParts`).
 *
 *   rnn([lstmCell(64), gruCell(32)], { returnSequences: true })
 */
import { ShapeError } from "../../../core/errors.ts";
import { atLine, type Origin } from "../../../core/origin.ts";
import { full } from "../../../dsl/ops.ts";
import type { Tensor } from "../../../dsl/tensor.ts";
import { type Dim, fixedShape, printShape, type Shape } from "../../../graph/shape.ts";
import type { Constraint } from "../../constraints/constraint.ts";
import type { Regularizer } from "../../regularizers/regularizer.ts";
import type { Layer, ParamTensors, ParamTree, SampleShape } from "../layer.ts";
import type { LayerMode } from "../own.ts";
import { type AnyLayerSchema, built } from "../schema.ts";
import type { ShapeRule } from "../shape-rule.ts";

export type Values = Tensor<Shape, "f32">;

/** What a step gives: its output, and the states for the next. */
export type StepResults = readonly [output: Values, ...states: Values[]];

/** A cell with its parameters, for all steps of one pass. What holds for all of them is computed when it is made, outside the loop. */
export interface RunningCell {
  /** What becomes of an input before any state comes in: of one step, or of all at once with the steps in front. */
  project(x: Values): Values;
  /** One step, from what `project` gave. */
  step(projected: Values, states: readonly Values[]): StepResults;
}

/** What a loop asks of a cell. A step is the shape of one sample of one step. */
export interface CellParts<R extends ShapeRule = ShapeRule, M extends number = number> {
  /** How many axes a step has. */
  readonly axes: number;
  /** How many states it carries. The first is its output, unless `outputs` says so. */
  readonly count: M;
  /** Its output is no state of the same number. */
  readonly isOutputApart?: boolean;
  readonly rule: R;
  readonly regularizers: ReadonlyMap<string, Regularizer>;
  readonly constraints: ReadonlyMap<string, Constraint>;
  params(step: SampleShape): ParamTree;
  outputShape(step: SampleShape): SampleShape;
  /** The shapes of its states, without the batch. */
  states(step: SampleShape): readonly SampleShape[];
  start(params: ParamTensors, batch: Dim, step: SampleShape, mode: LayerMode): RunningCell;
}

/** A layer of one step that `rnn` can carry over many. */
export interface Cell<R extends ShapeRule = ShapeRule, M extends number = number> extends Layer<R, M> {
  readonly cell: CellParts<R, M>;
}

export function isCell(layer: Layer): layer is Cell {
  return "cell" in layer;
}

/** A cell as a layer. */
export function cellOf<R extends ShapeRule, const M extends number>(
  schema: Omit<AnyLayerSchema, "from">,
  values: { readonly name: string | undefined },
  cell: CellParts<R, M>,
  origin: Origin,
): Cell<R, M> {
  const { name } = schema;
  const stepOf = (sample: SampleShape): SampleShape => checkAxes(name, sample, cell.axes, origin);
  const run = (params: ParamTensors, [x, ...given]: readonly Values[], mode: LayerMode): StepResults => {
    if (x === undefined) throw new ShapeError(`${name}: there is no tensor${atLine(origin)}`);
    const [batch = 1, ...rest] = x.shape;
    const step = stepOf(fixedShape(rest));
    const running = cell.start(params, batch, step, mode);
    return running.step(running.project(x), statesOf(name, cell, batch, step, given, origin));
  };
  const made = built(schema, values, {
    rule: cell.rule,
    more: cell.count,
    regularizers: cell.regularizers,
    constraints: cell.constraints,
    outputShape: (sample) => cell.outputShape(stepOf(sample)),
    params: (sample) => cell.params(stepOf(sample)),
    several: {
      outputShape: ([sample = []]) => cell.outputShape(stepOf(sample)),
      apply: run,
    },
    apply: (params, x, mode) => run(params, [x], mode)[0],
  });
  return { ...made, cell };
}

/** The states that a loop starts with: those that were given, or zeros. */
export function statesOf(
  what: string,
  cell: CellParts,
  batch: Dim,
  step: SampleShape,
  given: readonly Values[],
  origin: Origin,
): readonly Values[] {
  const shapes = cell.states(step).map((shape) => [batch, ...shape]);
  if (given.length === 0) return shapes.map((shape) => full(shape, 0));
  const [found, wanted] = [given.map(({ shape }) => printShape(shape)), shapes.map(printShape)];
  if (found.join() === wanted.join()) return given;
  throw new ShapeError(
    `${what}: behind x come no states or all: ${wanted.join(" and ")}, not ${found.join(" and ")}${atLine(origin)}`,
  );
}

/** The sample, which must have as many axes. */
export function checkAxes(what: string, sample: SampleShape, axes: number, origin: Origin): SampleShape {
  if (sample.length === axes) return sample;
  const wanted = axes === 1 ? "[features]" : axes === 2 ? "[steps, features]" : `of ${axes} axes`;
  const hint = sample.length === 1 ? ": a recurrent layer before it gives all steps with returnSequences: true" : "";
  throw new ShapeError(`${what}: a sample must be ${wanted}, not ${printShape(sample)}${hint}${atLine(origin)}`);
}
