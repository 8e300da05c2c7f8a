/**
 * differentiate: `gradient` and `pullback` nodes become the nodes that compute the derivative, by reverse accumulation.
 *
 *   %1: f32[] = mul %0 %0                 %1: f32[] = mul %0 %0        (the loss, if anything else needs it)
 *   %2: f32[] = gradient %1 %0      ->    %3: f32[] = mul 1 %0
 *                                         %4: f32[] = add %3 %3
 *
 * One sweep over ids, upwards: when a gradient node is met, its loss is already free of gradient nodes, so inner
 * derivatives are expanded first and derivatives of derivatives need no further thought. At the first gradient of a loss one
 * reverse sweep (reverse-sweep.ts), downwards from the loss, serves all of them. A gradient is a pullback whose slope is 1.
 *
 * Parameters are tensors and not expressions: one that no state or input is has come here as a node of its own, which no
 * other use of an equal expression reads, and is again an expression like any other when this pass ends.
 */
import { CompilerBug } from "../../src/core/errors.ts";
import { atLine } from "../../src/core/origin.ts";
import { vectorize } from "../../src/graph/batch.ts";
import { applied, bodyOf, everywhere } from "../../src/graph/body.ts";
import { alone, copyOf } from "../../src/graph/copies.ts";
import { isOp } from "../../src/graph/define.ts";
import { type Entry, merged, neededNodes, rebuild } from "../../src/graph/entry.ts";
import type { Batched, Build, Node } from "../../src/graph/node.ts";
import { checkpoint, withSlopes } from "../../src/graph/ops/custom.ts";
import { gradient, isRequest, leadingAxes, pullback, pullbackParts, slopedAs } from "../../src/graph/ops/transform.ts";
import { spreadBatch } from "../../src/graph/ops/view.ts";
import { elementCount } from "../../src/graph/shape.ts";
import { printType } from "../../src/graph/type.ts";
import type { GraphPass, PassContext } from "./pass.ts";
import { type Cotangents, type Seed, Sweeps } from "./reverse-sweep.ts";

export const differentiate: GraphPass = {
  name: "differentiate",
  expands: ["transform"],
  run(entry: Entry, context: PassContext): Entry {
    const sweeps = new Sweeps();
    const expand = (one: Entry): Entry => settled(expanded(one, sweeps, context), sweeps);
    return everywhere(finished)(everywhere(expand)(entry));
  },
};

/** Every request of an entry is what it asks for. */
function expanded(entry: Entry, sweeps: Sweeps, context: PassContext): Entry {
  if (!entry.graph.nodes.some(isRequest)) return entry;
  const requests = new Requests(entry, sweeps, context);
  return rebuild(entry, (node, args, build) => {
    const found = isRequest(node) ? requests.derivative(node, args) : copyOf(node, args, build.graph);
    const made = node.own && !found.own ? alone(found) : found;
    requests.moved.set(node, made);
    return made;
  });
}

/** What supersedes a node stands in its place. */
function settled(entry: Entry, sweeps: Sweeps): Entry {
  if (!sweeps.hasSuperseded(entry.graph.nodes)) return entry;
  return rebuild(entry, (node, args, { graph }) => sweeps.settledCopy(node, args, graph));
}

/** Nobody differentiates any more: nodes of their own, second forms and what is to be computed again have had their use. */
function finished(entry: Entry): Entry {
  const { nodes } = entry.graph;
  const isPlain = nodes.every((node) => !isSloped(node) && !isOp(node, checkpoint));
  const single = isPlain ? entry : rebuild(entry, (node, args, build) => plain(node, args, build));
  return nodes.some(({ own }) => own) ? merged(single, new Set()) : single;
}

function plain(node: Node, args: readonly Node[], build: Build): Node | undefined {
  if (isSloped(node)) return args[0];
  return isOp(node, checkpoint) ? applied(bodyOf(node.attrs.body), args, build).outputs[node.result] : undefined;
}

/** The first operand, and a word about its slope. */
const isSloped = ({ op }: Node): boolean => op === slopedAs || op === withSlopes;

/** What the gradient and pullback nodes of an entry ask for. */
class Requests {
  /** The nodes of the entry as it was -> those of the new graph. */
  readonly moved = new Map<Node, Node>();
  readonly #sweeps: Sweeps;
  readonly #context: PassContext;
  /** The parameters of all requests of a sweep, in the graph as it was. */
  readonly #wanted = new Map<string, Node[]>();
  readonly #done = new Map<string, Cotangents>();

  constructor(entry: Entry, sweeps: Sweeps, context: PassContext) {
    this.#sweeps = sweeps;
    this.#context = context;
    for (const node of neededNodes(entry)) {
      if (!isRequest(node)) continue;
      const { by } = asked(node, node.args);
      const known = this.#wanted.get(sweepOf(node));
      if (known === undefined) this.#wanted.set(sweepOf(node), [by]);
      else known.push(by);
    }
  }

  /** The node that computes what this one asks for; `args` are its operands in the new graph. */
  derivative(node: Node, args: readonly Node[]): Node {
    const key = sweepOf(node);
    const { values, slopes, by } = asked(node, args);
    const cotangents = this.#done.get(key) ?? this.#sweep(values, slopes, this.#parameters(key));
    this.#done.set(key, cotangents);
    const found = cotangents.get(by);
    if (found !== undefined) return found;
    if (node.attrs.silent !== true) this.#warn(node, by);
    const build = this.#sweeps.derivedFrom({ graph: by.graph, origins: node.origins });
    return build.broadcast(build.constant(node.type.dtype, 0), node.type.shape, []);
  }

  /**
   * Cotangents for each set of slopes. Several are one sweep with stand-ins for slopes; what depends on those then gets an axis of
   * sets in front, and what the forward pass has computed does not.
   */
  #sweep(values: readonly Node[], slopes: readonly Node[], parameters: readonly Node[]): Cotangents {
    const leading = leadingAxes(
      values.map(({ type }) => type),
      slopes.map(({ type }) => type),
    );
    if (leading.length === 0) return this.#sweeps.sweep(this.#seeds(values, slopes), parameters);
    const size = elementCount(leading);
    const given = new Map<Node, Batched>();
    const seeds = this.#seeds(values, slopes).map(([value, slope]): Seed => {
      const build = this.#sweeps.derivedFrom(value);
      const standIn = alone(build.fill(value, 0));
      given.set(standIn, { node: build.reshape(slope, [size, ...value.type.shape]), batched: true });
      return [value, standIn];
    });
    const found = [...this.#sweeps.sweep(seeds, parameters)].filter(([node]) => parameters.includes(node));
    const [first] = found;
    if (first === undefined) return new Map();
    const all = vectorize(
      first[0].graph,
      found.map(([, cotangent]) => cotangent),
      given,
      size,
    );
    return new Map(
      found.map(([node], i) => {
        const build = this.#sweeps.derivedFrom(node);
        const cotangent = spreadBatch(all[i] ?? { node, batched: false }, size, build);
        return [node, build.reshape(cotangent, [...leading, ...node.type.shape])];
      }),
    );
  }

  #seeds(values: readonly Node[], slopes: readonly Node[]): Seed[] {
    return values.map((value, i) => [
      value,
      slopes[i] ?? this.#sweeps.derivedFrom(value).constant(value.type.dtype, 1),
    ]);
  }

  /** The parameters of a sweep in the new graph. One that is not there yet comes after the values: no path. */
  #parameters(key: string): readonly Node[] {
    const parameters = this.#wanted.get(key) ?? [];
    return parameters.map((parameter) => this.moved.get(parameter)).filter((parameter) => parameter !== undefined);
  }

  #warn(node: Node, by: Node): void {
    const value = node.op === gradient ? "loss" : "value";
    const hint = hasEqual(by)
      ? ` (an expression that equals it is another tensor: keep the one that the ${value} uses in a variable)`
      : "";
    this.#context.warn(
      `the ${value} does not depend on ${describe(by)}: its gradient is zero${hint}${atLine(node.origins[0])}`,
    );
  }
}

/** What a request is about. No slopes: 1. */
function asked(node: Node, args: readonly Node[]): ReturnType<typeof pullbackParts<Node>> {
  if (node.op === pullback) return pullbackParts(args);
  const [loss, by] = args;
  if (loss === undefined || by === undefined) throw new CompilerBug("gradient takes a loss and a parameter");
  return { values: [loss], slopes: [], by };
}

/** Requests that differ in what they are taken by alone have one sweep. */
function sweepOf({ op, args }: Node): string {
  return [op.name, ...args.slice(0, -1).map(({ id }) => id)].join();
}

/** Whether the same operation on the same operands stands elsewhere: what the user may have meant. */
function hasEqual(parameter: Node): boolean {
  const { graph, op, args, key } = parameter;
  return graph.nodes.some(
    (node) =>
      node !== parameter &&
      node.op === op &&
      node.args.length === args.length &&
      node.args.every((arg, i) => arg === args[i]) &&
      node.key === key,
  );
}

function describe(parameter: Node): string {
  const { name } = parameter.attrs;
  if (parameter.op.kind === "source" && typeof name === "string") return `${parameter.op.name} "${name}"`;
  return `a value of ${parameter.op.name} ${printType(parameter.type)}`;
}
