/**
 * The store of the graph language: immutable, interned, typed nodes whose ids are a topological order.
 *
 * `Graph.node` is the only way a node comes to exist: it infers the types and returns the known node when op, operands and
 * attributes are the same, so common subexpressions never exist twice. Operands exist before their users, so
 * a pass is a plain loop over `nodes`: no recursion, no visited sets, and 2,000 layers are as safe as two.
 *
 * Two exceptions, both for the sake of gradients, which are taken by one tensor and not by what equals it. While a user's
 * function runs, nobody knows by what it will differentiate: a trace makes a new node at each call, and `merged` in entry.ts
 * interns it at the end. And a node made by `own` is found by no later call.
 *
 * A body is traced inside the trace of what it stands in, and those that are open lie in each other: the outermost keeps the
 * list, as nothing else knows of all of them. What a body reads of a graph around it becomes a parameter (`reach`). So what is
 * made of tensors from outside alone is made outside, once.
 *
 * Sources without operands (constants, iota, random) may be made before there is a graph: a `Literal` is such a closed
 * expression, and a graph adopts it the first time it is used there.
 */
import { CompilerBug } from "../core/errors.ts";
import type { Origin } from "../core/origin.ts";
import { areTypedAs, checkOperands, resultTypes, typesOf } from "./applied.ts";
import { type Attrs, attrsKey } from "./attrs.ts";
import { moment, refuseElsewhere, refuseMisplaced } from "./draws.ts";
import type { Graph, Literal, Node, OpDef } from "./node.ts";
import { Places } from "./places.ts";
import type { TensorType } from "./type.ts";

export function createGraph(): Graph {
  return new NodeStore(true);
}

/** A graph that makes a new node at each call. */
export function createTrace(): Graph {
  return new NodeStore(false);
}

/** A body that is being traced. */
export interface Trace {
  readonly graph: Graph;
  /** By the nodes around that they stand for: parameters, in the order of their first use. */
  readonly captures: ReadonlyMap<Node, Node>;
  /** Its function has returned, or failed: no node comes to it any more. */
  close(): void;
}

/**
 * Opens a trace inside the innermost one that is open around `around`. Without a graph it finds its place by the first node from
 * outside that it meets.
 */
export function openTrace(around: Graph | undefined, parameters: Parameters): Trace {
  const graph = new NodeStore(false, { ...parameters, captures: new Map(), sources: new Map() });
  if (around instanceof NodeStore) graph.enter(around);
  return {
    graph,
    captures: graph.captures,
    close: () => graph.close(),
  };
}

/** How what a body reads from outside becomes its parameters. */
export interface Parameters {
  /** Whose function is traced. */
  readonly call: string;
  /** A new parameter for a node around. */
  readonly capture: (graph: Graph, outer: Node) => Node;
  /** Its function stands for many, each with random numbers of its own. */
  readonly repeats: boolean;
  /** What stands for random numbers that its function makes, and for those that were made before. */
  readonly draw: (literal: Literal) => Node;
  readonly share: (literal: Literal) => Node;
}

interface Inner extends Parameters {
  readonly captures: Map<Node, Node>;
  /** The same the other way round: what parameters stand for, however far out. */
  readonly sources: Map<Node, Node>;
}

/** What is applied to operands. */
type Applied = Pick<Node, "op" | "attrs" | "key" | "origins">;

class NodeStore implements Graph {
  readonly #interns: boolean;
  readonly #nodes: Node[] = [];
  readonly #known = new Map<string, Node>();
  readonly #origins: Places[] = [];
  readonly #numbers = new Map<OpDef, number>();
  readonly #adopted = new Map<Literal, Node>();
  #streams = 0;
  readonly #inner: Inner | undefined;
  #parent: NodeStore | null = null;
  /** What stands in this graph for random numbers, and when those were made. */
  readonly #drawn = new Map<Node, number>();
  readonly #opened = moment();
  /** Of an outermost graph: literals that a function draws anew for each row or example, and what calls it. */
  readonly repeated = new Map<Literal, string>();
  /** Of a trace that found its place late: how many nodes the graphs around had by then. */
  #before: ReadonlyMap<Graph, number> | undefined;
  /** Of an outermost graph: the bodies that are being traced, each inside the one before. */
  readonly #open: NodeStore[] = [];
  #isClosed = false;

  constructor(interns: boolean, inner?: Inner) {
    this.#interns = interns;
    this.#inner = inner;
  }

  isInside(outer: Graph): boolean {
    if (this.#inner === undefined || outer === this) return false;
    if (this.#parent === null && !this.#isClosed && outer instanceof NodeStore) this.#enterLate(outer);
    for (let around = this.#parent; around !== null; around = around.#parent) if (around === outer) return true;
    return false;
  }

  homeOf(drawn: number): Graph {
    if (this.#isClosed) return this;
    const open = this.#root().#open.findLast((one) => one.#opened < drawn);
    return open?.isInside(this) === true ? open : this;
  }

  get captures(): ReadonlyMap<Node, Node> {
    return this.#inner?.captures ?? new Map();
  }

  /** Takes its place, with the traces that are open in it, inside the innermost open one that `graph` is around. */
  enter(graph: NodeStore): void {
    const root = graph.#root();
    if (root === this.#root()) return;
    this.#parent = root.#open[root.#open.length - 1] ?? root;
    root.#open.push(this, ...this.#open.splice(0));
    for (const [literal, call] of this.repeated) root.repeated.set(literal, call);
  }

  #enterLate(graph: NodeStore): void {
    this.enter(graph);
    const before = new Map<Graph, number>();
    for (let around = this.#parent; around !== null; around = around.#parent) before.set(around, around.#nodes.length);
    this.#before = before;
  }

  /** Random numbers that the function made before its place was known stand outside, as if drawn there, once. */
  #refuseDraws(node: Node): void {
    const draw = neededBy([node]).find(
      (one) => one.graph instanceof NodeStore && (one.graph.#drawn.get(one) ?? 0) > this.#opened,
    );
    if (draw !== undefined) refuseMisplaced(this.#inner?.call ?? "a function", draw);
  }

  close(): void {
    this.#isClosed = true;
    const open = this.#root().#open;
    const place = open.indexOf(this);
    if (place >= 0) open.splice(place);
  }

  #root(): NodeStore {
    let root: NodeStore = this;
    while (root.#parent !== null) root = root.#parent;
    return root;
  }

  reach(node: Node): Node {
    const { graph } = node;
    if (graph === this || this.#inner === undefined || !(graph instanceof NodeStore)) return node;
    if (this.#parent === null && !this.#isClosed) this.#enterLate(graph);
    if (node.id < (this.#before?.get(graph) ?? 0)) this.#refuseDraws(node);
    const outer = this.#parent?.reach(node) ?? node;
    if (outer.graph !== this.#parent) return node;
    const known = this.#inner.captures.get(outer);
    if (known !== undefined) return known;
    const made = this.#inner.capture(this, outer);
    this.#inner.captures.set(outer, made);
    this.#inner.sources.set(made, outer.graph.outside(outer));
    return made;
  }

  outside(node: Node): Node {
    return this.#inner?.sources.get(node) ?? node;
  }

  get ended(): string | undefined {
    return this.#isClosed ? this.#inner?.call : undefined;
  }

  get nodes(): readonly Node[] {
    return this.#nodes;
  }

  node(op: OpDef, args: readonly Node[], attrs: Attrs = {}, origins: readonly Origin[] = []): Node {
    return this.#find({ op, attrs, key: attrsKey(attrs), origins }, args, null);
  }

  own(op: OpDef, args: readonly Node[], attrs: Attrs = {}, origins: readonly Origin[] = []): Node {
    checkOperands(this, op, args, origins[0]);
    return this.#add(
      { op, attrs, key: attrsKey(attrs), origins },
      args,
      resultTypes(op, args, attrs, origins[0]),
      true,
    );
  }

  copy(node: Node, args: readonly Node[]): Node {
    return this.#find(node, args, node);
  }

  /** The known node or a new one. Of operands typed as those of `like`, the same op with the same attributes has its types. */
  #find(what: Applied, args: readonly Node[], like: Node | null): Node {
    const { op, attrs, origins } = what;
    checkOperands(this, op, args, origins[0]);
    let key = "";
    if (this.#interns) {
      key = `${this.#numberOf(op)}`;
      for (let i = 0; i < args.length; i += 1) key += `,${args[i]?.id}`;
      key += what.key;
      const known = this.#known.get(key);
      if (known !== undefined) {
        for (const { id } of known.results) this.#origins[id]?.add(origins);
        return known;
      }
    }
    const isAlike = like !== null && areTypedAs(args, like.args);
    const types = isAlike ? typesOf(like.results) : resultTypes(op, args, attrs, origins[0]);
    const made = this.#add(what, args, types, false);
    if (this.#interns) this.#known.set(key, made);
    return made;
  }

  /** Adds the results of an application; gives the first. */
  #add({ op, attrs, key, origins }: Applied, args: readonly Node[], types: readonly TensorType[], own: boolean): Node {
    const results = new Array<Node>(types.length);
    for (let result = 0; result < types.length; result += 1) {
      const type = types[result];
      if (type === undefined) break;
      const id = this.#nodes.length;
      const places = new Places(origins);
      const node: Node = { id, graph: this, op, args, attrs, key, type, result, results, origins: places.list, own };
      results[result] = node;
      this.#nodes.push(node);
      this.#origins.push(places);
    }
    const first = results[0];
    if (first === undefined) throw new CompilerBug(`${op.name} has no result`);
    return first;
  }

  /** The node of a literal in this graph, the same at every use. Without recursion: literals can be deep. */
  adopt(literal: Literal): Node {
    const pending: Literal[] = [literal];
    while (pending.length > 0) {
      const next = pending[pending.length - 1] ?? literal;
      const missing = next.args.filter((arg) => !this.#adopted.has(arg));
      if (missing.length > 0) pending.push(...missing);
      else {
        pending.pop();
        if (!this.#adopted.has(next)) this.#adopted.set(next, this.#place(next));
      }
    }
    return this.#placed(literal);
  }

  #placed(literal: Literal): Node {
    const node = this.#adopted.get(literal);
    if (node === undefined) throw new CompilerBug(`${literal.op.name} is adopted before its operands`);
    return node;
  }

  #place(literal: Literal): Node {
    const { op, args, attrs, origin, result } = literal;
    if (op.settle !== undefined && this.#inner !== undefined) {
      if (literal.drawn > this.#opened) return this.#noted(literal, this.#inner.draw(literal));
      return this.#parent === null ? this.#inner.share(literal) : this.reach(this.#parent.adopt(literal));
    }
    const operands = args.map((arg) => this.#placed(arg));
    const settled = op.settle?.(this, attrs, this.#streams++) ?? { args: operands, attrs };
    const node = resultOf(this.node(op, settled.args, settled.attrs, [origin]), result);
    return op.settle === undefined ? node : this.#noted(literal, node);
  }

  /** That these are the numbers of a literal here. In another place they would be others. */
  #noted(literal: Literal, drawn: Node): Node {
    const { repeated } = this.#root();
    const before = repeated.get(literal);
    if (before !== undefined) refuseElsewhere(literal, before);
    if (this.#inner?.repeats === true) repeated.set(literal, this.#inner.call);
    this.#drawn.set(drawn, literal.drawn);
    return drawn;
  }

  /** Ops are told apart by identity: `max` of two operands and `max` over axes share a name only. */
  #numberOf(op: OpDef): number {
    const known = this.#numbers.get(op);
    if (known !== undefined) return known;
    this.#numbers.set(op, this.#numbers.size);
    return this.#numbers.size - 1;
  }
}

/** The result with this number of the application that a node belongs to. */
export function resultOf(node: Node, result: number): Node {
  const found = node.results[result];
  if (found === undefined) throw new CompilerBug(`${node.op.name} has no result ${result}`);
  return found;
}

/**
 * The nodes that `wanted` depend on, themselves included, in id order; not what those depend on that are `given`. Other results
 * of an application are not among them.
 */
export function neededBy(wanted: readonly Node[], given?: ReadonlyMap<Node, unknown>): Node[] {
  const nodes = wanted[0]?.graph.nodes ?? [];
  const needed = new Uint8Array(nodes.length); // by id
  for (const { id } of wanted) needed[id] = 1;
  for (let id = nodes.length - 1; id >= 0; id--) {
    const node = nodes[id];
    if (node === undefined || needed[id] !== 1 || given?.has(node) === true) continue;
    const { args } = node;
    for (let i = 0; i < args.length; i += 1) {
      const arg = args[i];
      if (arg !== undefined) needed[arg.id] = 1;
    }
  }
  const found: Node[] = [];
  for (let id = 0; id < nodes.length; id += 1) {
    const node = nodes[id];
    if (node !== undefined && needed[id] === 1) found.push(node);
  }
  return found;
}
