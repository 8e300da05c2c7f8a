/**
 * Bodies: what a loop runs, as an attribute of its op.
 *
 * A body is an entry, so every pass that rewrites entries rewrites bodies. It is closed: what it reads are its parameters,
 * sources named by the number of the operand that they stand for. Carries are `state` nodes, and their new values are
 * `next`, one for each; everything else is an `input` node. A parameter that nothing reads is not there. What a body gives
 * besides are its outputs, in order.
 *
 *   carries "0", "1" ... of a scan, slices of its stacked operands, what it captures; and `iteration` (i32), where it counts
 */
import { CompilerBug } from "../core/errors.ts";
import { type Attrs, type Closed, isClosed } from "./attrs.ts";
import { copiedInto } from "./copies.ts";
import { type Entry, neededNodes, type Result, rebuild, resultNodes } from "./entry.ts";
import { createGraph, resultOf } from "./graph.ts";
import type { Build, Node } from "./node.ts";
import type { NodeNames } from "./node-names.ts";
import { input, state } from "./ops/source.ts";
import { printEntry } from "./print.ts";

/** The parameter that counts the iterations of a scan. */
export const iterationName = "iteration";

export class Body implements Closed {
  readonly entry: Entry;
  /** By the number of the operand. */
  readonly parameters: ReadonlyMap<number, Node>;
  /** The number of the iteration, where something reads it. */
  readonly iteration: Node | undefined;
  #key: string | undefined;
  #text: string | undefined;

  constructor(entry: Entry) {
    this.entry = entry;
    const sources = neededNodes(entry).filter(({ op }) => op === input || op === state);
    this.iteration = sources.find(isIteration);
    this.parameters = new Map(
      sources.filter((node) => !isIteration(node)).map((node) => [Number(node.attrs.name), node]),
    );
  }

  get outputs(): readonly Node[] {
    return this.entry.outputs.map(({ node }) => node);
  }

  /** The new value of each carry. */
  get next(): readonly Node[] {
    return this.entry.next.map(({ node }) => node);
  }

  get key(): string {
    this.#key ??= keyOf(this.entry);
    return this.#key;
  }

  get text(): string {
    this.#text ??= printEntry(this.entry);
    return this.#text;
  }

  print(names: NodeNames | undefined): string {
    return names === undefined ? this.text : printEntry(this.entry, names);
  }

  /** For tools: its lines. */
  toJSON(): readonly string[] {
    return this.text.split("\n");
  }
}

function isIteration({ attrs }: Node): boolean {
  return attrs.name === iterationName;
}

/** Node by node, numbered in order, as operands of which ids say nothing. */
function keyOf(entry: Entry): string {
  const numbers = new Map<Node, number>();
  const lines = neededNodes(entry).map((node) => {
    numbers.set(node, numbers.size);
    const args = node.args.map((arg) => numbers.get(arg));
    const { op, key, result, own } = node;
    return `${op.kind} ${op.name} ${args}${key} ${result}${own ? " own" : ""}`;
  });
  const results = resultNodes(entry).map((node) => numbers.get(node));
  return `{${lines.join("\n")}\n${entry.outputs.length} ${results}}`;
}

/**
 * The results, closed over what stands for parameters, which need be no sources: those become sources, named by the number of
 * the operand that each stands for, or as the iteration.
 */
export function closeBody(
  parameters: ReadonlyMap<string, Node>,
  outputs: readonly Node[],
  next: readonly Node[],
  carries: number,
): Body {
  const graph = createGraph();
  const moved = new Map<Node, Node>();
  for (const [name, node] of parameters) {
    const { dtype, shape } = node.type;
    moved.set(node, graph.node(Number(name) < carries ? state : input, [], { name, dtype, shape }, node.origins));
  }
  const results = copiedInto(graph, [...next, ...outputs], moved);
  const named = (node: Node, i: number): Result => ({ name: String(i), node });
  return new Body({
    name: "scan",
    graph,
    next: results.slice(0, next.length).map(named),
    outputs: results.slice(next.length).map(named),
  });
}

/** The body that an attribute is. */
export function bodyOf(closed: Closed): Body {
  if (closed instanceof Body) return closed;
  throw new CompilerBug("an attribute is no body");
}

type NamedBodies = readonly (readonly [name: string, body: Body])[];
const noBodies: NamedBodies = [];

/** The bodies that a node applies, by the names of their attributes. */
export function bodiesOf({ op, attrs }: Node): NamedBodies {
  if (op.kind !== "loop" && op.kind !== "transform") return noBodies;
  return Object.entries(attrs).flatMap(([name, value]) => (isClosed(value) ? [[name, bodyOf(value)] as const] : []));
}

function appliesBodies(node: Node): boolean {
  return bodiesOf(node).length > 0;
}

/** The entry, and every body in it, however deep; each once. */
export function withBodies(entry: Entry): readonly Entry[] {
  if (!entry.graph.nodes.some(appliesBodies)) return [entry];
  const found = new Set([entry]);
  for (const { graph } of found) {
    for (const node of graph.nodes) for (const [, body] of bodiesOf(node)) found.add(body.entry);
  }
  return [...found];
}

/** Rewrites bodies, each once: what is equal before is equal behind. */
export class Bodies {
  readonly #run: (entry: Entry) => Entry;
  readonly #made = new Map<Body, Body>();

  constructor(run: (entry: Entry) => Entry) {
    this.#run = run;
  }

  of(body: Body): Body {
    const known = this.#made.get(body);
    if (known !== undefined) return known;
    const entry = this.#run(body.entry);
    const made = entry === body.entry ? body : new Body(entry);
    this.#made.set(body, made);
    return made;
  }

  /** The attributes of a node with its bodies rewritten: `attrs` where that changes none. */
  within(node: Node, attrs: Attrs = node.attrs): Attrs {
    const bodies = bodiesOf(node);
    if (bodies.length === 0) return attrs;
    let changed = attrs;
    for (const [name, body] of bodies) {
      const made = this.of(body);
      if (made !== body) changed = { ...changed, [name]: made };
    }
    return changed;
  }
}

/**
 * The entry with every body in it rewritten by `run`, innermost first; the entry itself is not. For what leaves the types of
 * parameters and results as they are.
 */
export function mapBodies(entry: Entry, run: (entry: Entry) => Entry): Entry {
  if (!entry.graph.nodes.some(appliesBodies)) return entry;
  const bodies = new Bodies((inner) => run(mapBodies(inner, run)));
  let isChanged = false;
  const made = rebuild(entry, (node, args, { graph }) => {
    const attrs = bodies.within(node);
    if (attrs === node.attrs) return undefined;
    isChanged = true;
    return resultOf(graph.node(node.op, args, attrs, node.origins), node.result);
  });
  return isChanged ? made : entry;
}

/** Rewrites an entry with all bodies in it, these first. */
export function everywhere(run: (entry: Entry) => Entry): (entry: Entry) => Entry {
  return (entry) => run(mapBodies(entry, run));
}

/** What a body gives on these operands, in the graph of `build`. */
export function applied(
  { parameters, iteration, next, outputs }: Body,
  args: readonly Node[],
  build: Build,
  count?: Node,
): { readonly next: readonly Node[]; readonly outputs: readonly Node[] } {
  const from = [...parameters.values()];
  const to = [...parameters.keys()].map((place) => {
    const arg = args[place];
    if (arg === undefined) throw new CompilerBug(`a body reads the operand ${place}, which is not there`);
    return arg;
  });
  if (iteration !== undefined) {
    if (count === undefined) throw new CompilerBug("a body reads its iteration, and is told none");
    from.push(iteration);
    to.push(count);
  }
  const made = build.inline([...next, ...outputs], from, to);
  return { next: made.slice(0, next.length), outputs: made.slice(next.length) };
}
