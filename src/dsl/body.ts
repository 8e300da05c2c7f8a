/**
 * A user's function as a body: it runs once, in a trace inside the one around, on tensors that are the body's parameters. What
 * it reads from outside becomes a parameter as well, and random numbers that it draws are drawn outside, as otherwise each
 * run of the body would draw the same.
 */
import type { Origin } from "../core/origin.ts";
import { Body } from "../graph/body.ts";
import { merged, type Result } from "../graph/entry.ts";
import { openTrace, type Trace } from "../graph/graph.ts";
import type { Literal, Node } from "../graph/node.ts";
import { input, state } from "../graph/ops/source.ts";
import { isRequest } from "../graph/ops/transform.ts";
import type { Dim } from "../graph/shape.ts";
import { type TensorType, tensorType } from "../graph/type.ts";
import { madeInside } from "./made-inside.ts";
import { givenNode, graphOf, Tensor } from "./tensor.ts";

/** What is drawn outside for a random source of a body. */
export type Draw = (literal: Literal) => Tensor;

export class BodyTrace {
  /** What is drawn outside: a parameter for each, in order. */
  readonly drawn = new Map<Node, Tensor>();
  readonly #shared = new Map<Node, Tensor>();
  readonly #trace: Trace;
  readonly #origin: Origin;

  /** Opens a trace for a function that is given parameters for these tensors; `close` must follow. */
  constructor(given: readonly Tensor[], draw: Draw, origin: Origin) {
    this.#origin = origin;
    this.#trace = openTrace(graphOf(given), {
      call: origin.call,
      capture: (graph, { type: { dtype, shape }, origins }) =>
        graph.node(input, [], { name: "captured", dtype, shape }, origins),
      repeats: draw !== drawOnce,
      draw: (literal) => this.#standIn(literal, draw(literal), this.drawn),
      share: (literal) => this.#standIn(literal, new Tensor(literal), this.#shared),
    });
  }

  /** A parameter for random numbers that the body reads. */
  #standIn({ type }: Literal, outside: Tensor, among: Map<Node, Tensor>): Node {
    const parameter = this.parameter(type);
    among.set(parameter, outside);
    return parameter;
  }

  /** A parameter of the body; `carried` from one run to the next, or given anew. */
  parameter({ dtype, shape }: TensorType, carried = false): Node {
    const name = carried ? "carried" : "given";
    return this.#trace.graph.node(carried ? state : input, [], { name, dtype, shape }, [this.#origin]);
  }

  /** The node of a tensor that the function gave. */
  node(tensor: Tensor): Node {
    return givenNode(this.#trace.graph, tensor, `${this.#origin.call}: its function`);
  }

  /** All that the function gave, in the end: with what gradients in it flow through, which may have been made outside. */
  settled(results: readonly Node[]): readonly Node[] {
    return madeInside(this.#trace.graph, results);
  }

  /** What it reads from outside, by parameter. */
  get captured(): ReadonlyMap<Node, Tensor> {
    const captures = [...this.#trace.captures].map(([outer, parameter]) => [parameter, new Tensor(outer)] as const);
    return new Map([...this.#shared, ...captures]);
  }

  /** What the function has made. */
  get nodes(): readonly Node[] {
    return this.#trace.graph.nodes;
  }

  close(): void {
    this.#trace.close();
  }

  /** The body, closed. `numbers`: for each parameter the number of the operand that it stands for. */
  body(numbers: ReadonlyMap<Node, number>, outputs: readonly Node[], next: readonly Node[]): Body {
    const { graph } = this.#trace;
    const named = (node: Node, i: number): Result => ({ name: String(i), node });
    const entry = { name: this.#origin.call, graph, outputs: outputs.map(named), next: next.map(named) };
    const names = new Map([...numbers].map(([node, number]) => [node, String(number)]));
    return new Body(merged(entry, differentiatedBy(graph.nodes), names));
  }
}

/** What runs once at most draws what is drawn outside. */
export const drawOnce: Draw = (literal) => new Tensor(literal);

/** Every row, or example, draws its own. */
export function drawRows(length: Dim): Draw {
  return (literal) => {
    const { dtype, shape } = literal.type;
    const type = tensorType(dtype, [length, ...shape]);
    return new Tensor({ ...literal, type, attrs: { ...literal.attrs, shape: type.shape } });
  };
}

/** What gradients are taken by, besides states and inputs, which no other expression equals. */
export function differentiatedBy(nodes: readonly Node[]): ReadonlySet<Node> {
  const parameters = nodes.flatMap((node) => (isRequest(node) ? node.args.slice(-1) : []));
  return new Set(parameters.filter(({ op }) => op !== input && op !== state));
}
