/**
 * The store of the graph language: immutable, interned, typed nodes whose ids are a topological order.
 *
 * `Graph.node` is the only way a node comes to exist: it infers the type and returns the known node when op, operands,
 * attributes and regions are the same, so common subexpressions never exist twice. Operands exist before their users, so
 * a pass is a plain loop over `nodes`: no recursion, no visited sets, and 2,000 layers are as safe as two.
 *
 * Two exceptions, both for the sake of gradients, which are taken by one tensor and not by what equals it. While a user's
 * function runs, nobody knows by what it will differentiate: a trace makes a new node at each call, and `merged` in entry.ts
 * interns it at the end. And a node made by `own` is found by no later call.
 *
 * Sources without operands (constants, iota, random) may be made before there is a graph: a `Literal` is such a closed
 * expression, and a graph adopts it the first time it is used there.
 */
import { ShapeError, UserError } from "../core/errors.ts";
import { atLine, inCall, type Origin } from "../core/origin.ts";
import type { Attrs, AttrValue, Graph, Literal, Node, OpDef, Region } from "./node.ts";
import { type NodeType, printType } from "./type.ts";

export function createGraph(): Graph {
  return new NodeStore(true);
}

/** A graph that makes a new node at each call. */
export function createTrace(): Graph {
  return new NodeStore(false);
}

class NodeStore implements Graph {
  readonly #interns: boolean;
  readonly #nodes: Node[] = [];
  readonly #known = new Map<string, Node>();
  readonly #origins: Places[] = [];
  readonly #numbers = new Map<OpDef | Region, number>();
  readonly #adopted = new Map<Literal, Node>();
  #streams = 0;

  constructor(interns: boolean) {
    this.#interns = interns;
  }

  get nodes(): readonly Node[] {
    return this.#nodes;
  }

  node(
    op: OpDef,
    args: readonly Node[],
    attrs: Attrs = {},
    origins: readonly Origin[] = [],
    regions: readonly Region[] = [],
  ): Node {
    checkOperands(this, op, args, origins[0]);
    if (!this.#interns) return this.#add(op, args, attrs, origins, regions, false);
    const bodies = regions.map((region) => this.#numberOf(region));
    const key = `${this.#numberOf(op)}|${args.map((a) => a.id)}|${attrsKey(attrs)}|${bodies}`;
    const known = this.#known.get(key);
    if (known !== undefined) {
      this.#origins[known.id]?.add(origins);
      return known;
    }
    const made = this.#add(op, args, attrs, origins, regions, false);
    this.#known.set(key, made);
    return made;
  }

  own(
    op: OpDef,
    args: readonly Node[],
    attrs: Attrs = {},
    origins: readonly Origin[] = [],
    regions: readonly Region[] = [],
  ): Node {
    checkOperands(this, op, args, origins[0]);
    return this.#add(op, args, attrs, origins, regions, true);
  }

  #add(
    op: OpDef,
    args: readonly Node[],
    attrs: Attrs,
    origins: readonly Origin[],
    regions: readonly Region[],
    own: boolean,
  ): Node {
    const type = inferType(
      op,
      args.map((a) => a.type),
      attrs,
      regions,
      origins[0],
    );
    const places = new Places(origins);
    const node: Node = {
      id: this.#nodes.length,
      graph: this,
      op,
      args,
      attrs,
      regions,
      type,
      origins: places.list,
      own,
    };
    this.#nodes.push(node);
    this.#origins.push(places);
    return node;
  }

  /** The node of a literal in this graph, the same at every use. Without recursion: literals can be deep. */
  adopt(literal: Literal): Node {
    const pending: Literal[] = [literal];
    while (pending.length > 0) {
      const next = pending[pending.length - 1] as Literal;
      const missing = next.args.filter((arg) => !this.#adopted.has(arg));
      if (missing.length > 0) pending.push(...missing);
      else {
        pending.pop();
        if (!this.#adopted.has(next)) this.#adopted.set(next, this.#place(next));
      }
    }
    return this.#adopted.get(literal) as Node;
  }

  #place(literal: Literal): Node {
    const args = literal.args.map((arg) => this.#adopted.get(arg) as Node);
    if (literal.op.settle === undefined) return this.node(literal.op, args, literal.attrs, [literal.origin]);
    const settled = literal.op.settle(this, literal.attrs, this.#streams++);
    return this.node(literal.op, settled.args, settled.attrs, [literal.origin]);
  }

  /** Ops and regions are told apart by identity: `max` of two operands and `max` over axes share a name only. */
  #numberOf(object: OpDef | Region): number {
    const known = this.#numbers.get(object);
    if (known !== undefined) return known;
    this.#numbers.set(object, this.#numbers.size);
    return this.#numbers.size - 1;
  }
}

/** The origins of one node, each once: a constant of a large program is met at thousands of places, over and over. */
class Places {
  readonly list: Origin[] = [];
  #seen: Set<Origin> | undefined;

  constructor(origins: readonly Origin[]) {
    this.add(origins);
  }

  add(origins: readonly Origin[]): void {
    for (const origin of origins) {
      if (this.#has(origin)) continue;
      this.list.push(origin);
      this.#seen?.add(origin);
    }
  }

  #has(origin: Origin): boolean {
    if (this.list.length < 8) return this.list.includes(origin);
    this.#seen ??= new Set(this.list);
    return this.#seen.has(origin);
  }
}

function checkOperands(graph: Graph, op: OpDef, args: readonly Node[], origin: Origin | undefined): void {
  for (const arg of args) {
    if (arg.graph === graph) continue;
    throw new UserError(
      `${op.name}: an operand (${arg.op.name} ${printType(arg.type)}) belongs to another entry or program: ` +
        `inside an entry use only what it is given, and constants${atLine(origin)}`,
    );
  }
}

/** Type rule of an op, with the culprit's operands and line added to its complaint. */
export function inferType(
  op: OpDef,
  args: readonly NodeType[],
  attrs: Attrs,
  regions: readonly Region[],
  origin: Origin | undefined,
): NodeType {
  try {
    return op.infer(args, attrs, regions);
  } catch (error) {
    if (!(error instanceof ShapeError)) throw error;
    const call = origin === undefined ? op.name : inCall(origin);
    throw new ShapeError(`${call}(${args.map(printType).join(", ")}): ${error.message}${atLine(origin)}`);
  }
}

/** A canonical spelling: equal exactly when the attributes are (0 and -0 differ, NaN equals itself). */
export function attrsKey(attrs: Attrs): string {
  const names = Object.keys(attrs);
  if (names.length > 1) names.sort();
  return names.map((name) => `${name}=${valueKey(attrs[name])}`).join(",");
}

function valueKey(value: AttrValue | undefined): string {
  if (Array.isArray(value)) return `[${value.map(valueKey).join(",")}]`;
  if (typeof value === "number") return Object.is(value, -0) ? "-0" : String(value);
  return JSON.stringify(value) ?? "undefined";
}
