/**
 * The float64 evaluator of the graph: the oracle that every target and every pass is held to.
 *
 * Slow and plain on purpose. Nodes are computed in id order, only those the wanted outputs need; dimensions must be bound.
 */
import { CompilerBug } from "../core/errors.ts";
import type { NdArray } from "./ndarray.ts";
import type { Node, Region } from "./node.ts";
import { call, pick } from "./ops/region.ts";
import { input, state } from "./ops/source.ts";
import { typeOf } from "./type.ts";

type Value = NdArray | readonly NdArray[];

/** Values of inputs and states by name. */
export type Environment = ReadonlyMap<string, NdArray>;

/** The value of each wanted node, in order. */
export function evaluateGraph(wanted: readonly Node[], environment: Environment): NdArray[] {
  return evaluateNodes(wanted, (node) => {
    if (node.op !== input && node.op !== state) return undefined;
    const value = environment.get(String(node.attrs.name));
    if (value === undefined) throw new CompilerBug(`evaluate: no value for ${node.op.name} "${node.attrs.name}"`);
    return value;
  });
}

function evaluateNodes(wanted: readonly Node[], given: (node: Node) => NdArray | undefined): NdArray[] {
  const values = new Map<Node, Value>();
  for (const node of neededBy(wanted)) {
    values.set(node, given(node) ?? evaluateNode(node, values));
  }
  return wanted.map((node) => tensorValue(values, node));
}

function evaluateNode(node: Node, values: ReadonlyMap<Node, Value>): Value {
  const args = (): NdArray[] => node.args.map((arg) => tensorValue(values, arg));
  if (node.op === call) return evaluateRegion(node.regions[0] as Region, args());
  if (node.op === pick) {
    const tuple = values.get(node.args[0] as Node);
    const element = Array.isArray(tuple) ? tuple[Number(node.attrs.index)] : undefined;
    if (element === undefined) throw new CompilerBug("pick from a node without results");
    return element;
  }
  return node.op.evaluate(args(), node.attrs, typeOf(node), node.regions);
}

/** The outputs of a region for the given operands. */
export function evaluateRegion(region: Region, operands: readonly NdArray[]): NdArray[] {
  const given = new Map(region.inputs.map((parameter, i) => [parameter, operands[i]]));
  return evaluateNodes(region.outputs, (node) => given.get(node));
}

function tensorValue(values: ReadonlyMap<Node, Value>, node: Node): NdArray {
  const value = values.get(node);
  if (value === undefined || Array.isArray(value)) throw new CompilerBug(`node %${node.id} has no tensor value`);
  return value as NdArray;
}

/** The nodes that `wanted` depend on, themselves included, in id order. */
export function neededBy(wanted: readonly Node[]): Node[] {
  const graph = wanted[0]?.graph;
  if (graph === undefined) return [];
  const needed = new Set<Node>(wanted);
  for (let id = graph.nodes.length - 1; id >= 0; id--) {
    const node = graph.nodes[id] as Node;
    if (needed.has(node)) for (const arg of node.args) needed.add(arg);
  }
  return graph.nodes.filter((node) => needed.has(node));
}
