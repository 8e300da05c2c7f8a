/**
 * rnn(): a cell, or several one on top of the other, carried over the steps of a sequence.
 *
 *   rnn([lstmCell(64, { recurrentDropout: 0.2 }), gruCell(32)], { returnSequences: true })
 *
 * Cells that are stacked go through each step together, in one loop. States are those of the first, then those of the next.
 */
import { CompilerBug, UserError } from "../../../core/errors.ts";
import { atLine, here, type Origin } from "../../../core/origin.ts";
import { codeConfig } from "../../config.ts";
import { type OptionsOf, required, type Stored } from "../../schema.ts";
import { isLayer, type Layer, type SampleShape } from "../layer.ts";
import { constraintsOf, keyed, type Member, regularizersOf, subtree } from "../members.ts";
import { checkLayer, type LayerOptions, layerSchema } from "../schema.ts";
import type { ShapeRule } from "../shape-rule.ts";
import { type Cell, type CellParts, cellOf, isCell, type RunningCell, type Values } from "./cell.ts";
import { type RecurrentLayer, type Returns, type ReturnsRule, recurrentLayer, recurrentOptions, refuseStateful } from "./recurrent.ts"; // biome-ignore format: names

/** More cells than this are not read from a file: nobody has them. */
const maxCells = 1000;

const wanted = "a cell, lstmCell(64) say, or a list of cells";
const isOneCell = (value: unknown): value is Cell => isLayer(value) && isCell(value);
const areCells = (value: unknown): value is readonly Cell[] => Array.isArray(value) && value.every(isOneCell);
const configOf = ({ config, name }: Layer) => config ?? codeConfig(name);

const cellsKind: Stored<readonly Cell[]> = {
  wanted: "a list of cells: [lstmCell(64), gruCell(32)]",
  accepts: areCells,
  write: (cells) => cells.map(configOf),
  read: (config, nested) =>
    config.list(maxCells).map((one) => {
      const cell = nested.layer(one);
      if (isCell(cell)) return cell;
      throw one.error("a cell", JSON.stringify(cell.name));
    }),
};

const cellKind: Stored<Cell | readonly Cell[]> = {
  wanted,
  accepts: (value): value is Cell | readonly Cell[] => isOneCell(value) || areCells(value),
  write: (cell) => (areCells(cell) ? cellsKind.write(cell) : configOf(cell)),
  read(config, nested) {
    if (!config.isRecord) return cellsKind.read(config, nested);
    const cell = nested.layer(config);
    if (isCell(cell)) return cell;
    throw config.error("a cell", JSON.stringify(cell.name));
  },
};

/** Options of `rnn`. */
export interface RnnOptions extends LayerOptions, OptionsOf<typeof recurrentOptions> {}

export const stackedRnnCellsSchema = layerSchema({
  name: "stackedRnnCells",
  given: { cells: required(cellsKind) },
  options: {},
  example: "cells",
  hasMembers: true,
  make: ({ cells }, options) => stackedRnnCells(cells, options),
});

export const rnnSchema = layerSchema({
  name: "rnn",
  given: { cell: required(cellKind) },
  options: recurrentOptions,
  example: "cell",
  hasMembers: true,
  make: ({ cell }, options) => rnn(cell, options),
});

/** What comes out of a cell, or of the last of several. */
export type CellRule<C> =
  C extends Cell<infer R> ? R : C extends readonly [...unknown[], Cell<infer R>] ? R : ShapeRule;

/** Several cells as one: each is given what the one before it gives. Their parameters stand under their names: lstmCell1, gruCell1. */
export function stackedRnnCells<const C extends readonly Cell[]>(
  cells: C,
  options: LayerOptions = {},
): Cell<CellRule<C>> {
  const values = checkLayer(stackedRnnCellsSchema, { cells }, options, arguments);
  const origin = here("stackedRnnCells");
  return cellOf(stackedRnnCellsSchema, values, stacked<CellRule<C>>("stackedRnnCells", cells, origin), origin);
}

/**
 * A layer that carries a cell over the steps of samples [steps, ...]: `rnn(lstmCell(64))` is `lstm(64)`. Of several it is
 * `rnn(stackedRnnCells(cells))`.
 */
export function rnn<
  const C extends Cell | readonly Cell[],
  const S extends boolean = false,
  const T extends boolean = false,
>(cell: C, options: RnnOptions & Returns<S, T> = {}): RecurrentLayer<ReturnsRule<CellRule<C>, S>> {
  refuseStateful("rnn", options);
  const values = checkLayer(rnnSchema, { cell }, options, arguments);
  const origin = here("rnn");
  const parts: CellParts = areCells(cell) ? stacked("rnn", cell, origin) : (cell as Cell).cell;
  return recurrentLayer(rnnSchema, values, parts, origin);
}

function stacked<R extends ShapeRule>(what: string, cells: readonly Cell[], origin: Origin): CellParts<R> {
  const [first, last] = [cells[0]?.cell, cells.at(-1)?.cell];
  if (first === undefined || last === undefined) throw new UserError(`${what}: there is no cell${atLine(origin)}`);
  const members = keyed(what, [...cells]);
  return {
    axes: first.axes,
    count: members.reduce((count, { layer }) => count + layer.cell.count, 0),
    isOutputApart: members.length > 1 || first.isOutputApart === true,
    rule: last.rule as R, // the last cell's, as the type says
    regularizers: regularizersOf(members),
    constraints: constraintsOf(members),
    params: (step) => Object.fromEntries(through(members, step).map(([{ key, layer }, at]) => [key, layer.params(at)])),
    outputShape: (step) => members.reduce((at, { layer }) => layer.outputShape(at), step),
    states: (step) => through(members, step).flatMap(([{ layer }, at]) => layer.cell.states(at)),
    start(params, batch, step, mode) {
      const running = through(members, step).map(([{ key, layer }, at]) => ({
        count: layer.cell.count,
        cell: layer.cell.start(subtree(params, key), batch, at, mode),
      }));
      return {
        project: (x) => running[0]?.cell.project(x) ?? x,
        step: (projected, states) => stepThrough(running, projected, states),
      };
    },
  };
}

/** Each cell with the shape of the step that it is given. */
function through(
  members: readonly Member<Cell>[],
  step: SampleShape,
): readonly (readonly [Member<Cell>, SampleShape])[] {
  let at = step;
  return members.map((member) => {
    const pair = [member, at] as const;
    at = member.layer.outputShape(at);
    return pair;
  });
}

function stepThrough(
  running: readonly { readonly count: number; readonly cell: RunningCell }[],
  projected: Values,
  states: readonly Values[],
): readonly [Values, ...Values[]] {
  const made: Values[] = [];
  let output: Values | undefined;
  for (const { count, cell } of running) {
    const given = states.slice(made.length, made.length + count);
    const [next, ...after] = cell.step(output === undefined ? projected : cell.project(output), given);
    made.push(...after);
    output = next;
  }
  if (output === undefined) throw new CompilerBug("a stack without cells");
  return [output, ...made];
}
