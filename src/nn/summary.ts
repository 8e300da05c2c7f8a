/**
 * summary(): a model as a table of its layers, in the order in which they are applied.
 *
 *   console.log(summary(layer, { input: [784] }).text)
 *   console.log(net.summary().text)
 *
 * The model is traced once, on tensors without numbers. A layer that is applied again is there once; one inside another is indented.
 */
import { byteWidth } from "../core/dtype.ts";
import { UserError } from "../core/errors.ts";
import { checkArguments, checkOptions, count, type Kind, type OptionTable, show } from "../core/options.ts";
import { atLine, here, withLine } from "../core/origin.ts";
import { program } from "../dsl/program.ts";
import { InputSpec, type StateSpec, stateLeaf } from "../dsl/spec.ts";
import type { Tensor } from "../dsl/tensor.ts";
import { leavesOf, type NamedLeaf, splitPath } from "../dsl/tree.ts";
import { bodiesOf } from "../graph/body.ts";
import { flopsOf } from "../graph/flops.ts";
import type { Node } from "../graph/node.ts";
import { bindDim, fixedShape, type Shape, sizeOf } from "../graph/shape.ts";
import { isLayer, isSampleShape, type Layer, type SampleShape, sampleFrom } from "./layers/layer.ts";
import { modelOfLayer } from "./model.ts";
import type { Model } from "./model-contract.ts";
import { type LayerSummary, type Summary, summaryText } from "./summary-text.ts";

export interface SummaryOptions {
  /** Columns of the text; 80 by default. */
  readonly width?: number;
}

export interface LayerSummaryOptions extends SummaryOptions {
  /** The shape of one sample, without the batch. */
  readonly input: SampleShape;
}

const sample: Kind<SampleShape> = { wanted: "the shape of one sample: [784]", accepts: isSampleShape };
const table: OptionTable<SummaryOptions> = { width: count };
const layerTable: OptionTable<LayerSummaryOptions> = { ...table, input: sample };

/** A table of a layer's layers, for samples of a shape. Of a trainer: `net.summary()`. */
export function summary(layer: Layer, options: LayerSummaryOptions): Summary {
  checkArguments("summary", arguments, 2);
  if (!isLayer(layer))
    throw new UserError(
      `summary takes a layer, not ${show(layer)}; of a trainer: net.summary()${atLine(here("summary"))}`,
    );
  const { input, width } = checkOptions("summary", options, layerTable, { before: "layer, " });
  if (input === undefined)
    throw new UserError(
      `summary: input is missing: the shape of one sample, without the batch: [784]${atLine(here("summary"))}`,
    );
  try {
    return summaryOf(modelOfLayer(layer, input), width === undefined ? {} : { width });
  } catch (error) {
    throw withLine(error, "summary");
  }
}

/** What of a trainer is not the model's. */
interface Training {
  readonly frozen: ReadonlySet<string>;
  readonly states: readonly NamedLeaf<StateSpec>[];
}

export function summaryOf(
  model: Model,
  options: SummaryOptions,
  { frozen, states }: Training = { frozen: new Set(), states: [] },
): Summary {
  const { width = 80 } = checkOptions("summary", options, table);
  const weights = leavesOf(model.params, stateLeaf, "summary");
  const sizes = weights.map(({ path, leaf }) => {
    const size = sizeOf(fixedShape(leaf.shape));
    return { path, size, trained: leaf.trainable && !frozen.has(path) ? size : 0, bytes: size * byteWidth(leaf.dtype) };
  });
  const sum = (numbers: readonly number[]): number => numbers.reduce((all, one) => all + one, 0);
  const { calls, flops } = applied(model);
  const layers = rowsOf(calls).map((row): LayerSummary => {
    const inside = row.path === "" ? sizes : sizes.filter(({ path }) => path.startsWith(`${row.path}.`));
    return {
      ...row,
      parameters: sum(inside.map(({ size }) => size)),
      trainable: sum(inside.map(({ trained }) => trained)),
    };
  });
  const optimizer = states.filter(({ path }) => path.startsWith("opt."));
  const leaves = layers.filter(({ path }) => !layers.some((other) => other.path.startsWith(`${path}.`)));
  const found = {
    layers,
    parameters: sum(sizes.map(({ size }) => size)),
    trainable: sum(sizes.map(({ trained }) => trained)),
    optimizer: sum(optimizer.map(({ leaf }) => sizeOf(fixedShape(leaf.shape)))),
    bytes: sum(sizes.map(({ bytes }) => bytes)),
    flops,
    outputBytes: sum(leaves.map(({ output, calls }) => 4 * sizeOf(output) * calls)),
  };
  const text = summaryText(found, width);
  return { ...found, text, toString: () => text };
}

/** One application of a layer. */
interface Call {
  readonly path: string;
  readonly kind: string;
  readonly output: SampleShape;
  /** Of what was made since the call before, which may be of a layer inside it. */
  readonly flops: number;
}

/** Every application of every layer, those inside a layer before it. */
function applied(model: Model): { readonly calls: readonly Call[]; readonly flops: number } {
  const calls: Call[] = [];
  let all = 0;
  program({
    inputs: { x: model.inputs.map((shape, name) => new InputSpec(["batch", ...shape], model.takes.get(name))).tree() },
    state: { model: model.params },
    step({ x }, { model: params }) {
      let done = 0;
      const since = (node: Node): number => {
        const made = node.graph.nodes.slice(done, node.id + 1);
        done = Math.max(done, node.id + 1);
        return made.reduce((total, one) => total + flopsOfOne(one), 0);
      };
      const note = (path: string, output: Tensor, kind: string): void => {
        const { value } = output;
        const flops = "graph" in value ? since(value) : 0;
        all += flops;
        calls.push({ path, kind, output: output.shape.slice(1).map((dim) => bindDim(dim, oneSample)), flops });
      };
      const xs = model.inputs.match(x, "summary").map((it) => sampleFrom("an input", it));
      const outputs = model.apply(params, xs, {
        onOutput: (path, output, { name }) => note(path, output, name),
      });
      if (calls.length === 0) for (const { logits } of outputs.values) note("", logits, "");
      return { outputs: {} };
    },
  });
  return { calls, flops: all };
}

const oneSample = { batch: 1 };

/** Of a node whose shape has a batch, for one sample; a loop's body counts for each iteration. */
function flopsOfOne(node: Node): number {
  if (node.op.kind === "source" || node.op.kind === "view" || node.result > 0) return 0;
  if (node.op.kind === "loop") {
    const { length } = node.attrs;
    const times = typeof length === "number" || typeof length === "string" ? bindDim(length, oneSample) : 1;
    const bodies = bodiesOf(node).map(([, { entry }]) =>
      entry.graph.nodes.reduce((all, one) => all + flopsOfOne(one), 0),
    );
    return times * bodies.reduce((all, one) => all + one, 0);
  }
  const bound = ({ type }: Node): Pick<Node, "type"> => ({ type: { ...type, shape: boundShape(type.shape) } });
  return flopsOf({ ...node, ...bound(node), args: node.args.map((arg) => ({ ...arg, ...bound(arg) })) });
}

function boundShape(shape: Shape): Shape {
  return shape.map((dim) => bindDim(dim, oneSample));
}

type Row = Omit<LayerSummary, "parameters" | "trainable">;

/** A row for each layer, a container before what is in it. */
function rowsOf(calls: readonly Call[]): readonly Row[] {
  const rows: Row[] = [];
  for (const { path, kind, output, flops } of calls) {
    const known = rows.findIndex((row) => row.path === path);
    const row = rows[known];
    if (row !== undefined) rows[known] = { ...row, flops: row.flops + flops, calls: row.calls + 1 };
    else {
      const first = rows.findIndex((inside) => inside.path.startsWith(`${path}.`));
      rows.splice(first < 0 ? rows.length : first, 0, {
        path,
        kind,
        depth: splitPath(path).length - 1,
        output,
        flops,
        calls: 1,
      });
    }
  }
  return rows.map((row) => {
    const inside = rows.filter(({ path }) => path.startsWith(`${row.path}.`) && row.path !== "");
    return { ...row, flops: inside.reduce((all, one) => all + one.flops, row.flops) };
  });
}
