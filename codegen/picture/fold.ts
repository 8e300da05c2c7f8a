/**
 * A large graph as a few boxes: nodes that come from one call in the user's code are one box, and a call that is made again
 * and again (a block in a loop) is one box with the number of times.
 *
 *   train: logits(x) -> embed(x), block(h) in a loop of 12, head(h)      ->   frame logits: [embed] -> [block x 12] -> [head]
 *
 * The largest calls are opened, and drawn as frames around the calls inside them, until there are as many boxes as fit a
 * screen. A derivative belongs to the call that it is the derivative of, in a box of its own; updates are one box. Where the
 * calls are not the user's (layers of a trainer), states tell: what reads `model.dense.w`, and what follows, is `model.dense`.
 */

import { userCalls } from "../../src/core/origin.ts";
import { type Entry, neededNodes, resultNodes } from "../../src/graph/entry.ts";
import type { Node } from "../../src/graph/node.ts";
import { input, state } from "../../src/graph/ops/source.ts";
import { isFolded } from "./label.ts";
import { type Role, rolesOf } from "./roles.ts";

/** One call of a path from the entry inwards. */
export interface Step {
  readonly name: string;
  /** Where it is called, for the tooltip; calls at different places are different. */
  readonly place: string;
}

export interface FoldedBox {
  readonly kind: "box";
  readonly id: string;
  readonly name: string;
  readonly place: string;
  readonly role: Role;
  /** How often it is repeated in the frame around it, and in all. */
  readonly times: number;
  readonly made: number;
  readonly nodes: readonly Node[];
  /** Parameters and other states that it reads. */
  readonly states: readonly string[];
  readonly results: readonly string[];
}

export interface FoldedFrame {
  readonly kind: "frame";
  readonly id: string;
  readonly name: string;
  readonly place: string;
  readonly role: Role;
  readonly times: number;
  readonly parts: readonly FoldedPart[];
}

export type FoldedPart = FoldedBox | FoldedFrame;

export interface FoldedLine {
  readonly from: string;
  readonly to: string;
  /** From one repetition to the next. */
  readonly isAgain: boolean;
  /** From the forward to the backward pass: a value that was kept. */
  readonly isKept: boolean;
}

export interface Folding {
  readonly entry: Entry;
  readonly inputs: readonly Node[];
  readonly parts: readonly FoldedPart[];
  readonly boxes: readonly FoldedBox[];
  readonly lines: readonly FoldedLine[];
}

/** Boxes that fit a screen beside each other and can be read. */
const mostBoxes = 24;
/** Nodes that each call inside must have on average, once: boxes of a node each say no more than the closed one. */
const worthOpening = 2;

export function foldEntry(entry: Entry): Folding {
  const results = resultNames(entry);
  const isKept = (node: Node): boolean => results.has(node);
  const needed = neededNodes(entry);
  const closed = madeFromNothing(needed);
  const isDrawn = (node: Node): boolean => isKept(node) || (!closed.has(node) && !isFolded(node, isKept));
  const nodes = needed.filter((node) => !isExternal(node) && isDrawn(node));
  const called = new Map(nodes.map((node) => [node, callsOf(node)]));
  const root = treeOf(nodes, rolesOf(entry), called);
  const drawing: Drawing = { opened: openLargest(root, called), boxes: [], results, called };
  const parts = [...root.parts.values()].flatMap((part) => partsOf(part, 1, drawing));
  const { boxes } = drawing;
  return { entry, inputs: needed.filter(({ op }) => op === input), parts, boxes, lines: linesOf(boxes) };
}

/**
 * Constants, sizes, and what is computed of them alone. They are drawn as part of their readers: two calls that divide by the same
 * count, or look through the same mask, have one node in common, and nothing flows from one to the other.
 */
function madeFromNothing(nodes: readonly Node[]): ReadonlySet<Node> {
  const closed = new Set<Node>();
  for (const node of nodes) if (!isExternal(node) && node.args.every((arg) => closed.has(arg))) closed.add(node);
  return closed;
}

function isExternal({ op }: Node): boolean {
  return op === input || op === state;
}

function resultNames(entry: Entry): ReadonlyMap<Node, readonly string[]> {
  const names = new Map<Node, string[]>(resultNodes(entry).map((node) => [node, []]));
  for (const { name, node } of entry.outputs) names.get(node)?.push(name);
  for (const { name, node } of entry.next) names.get(node)?.push(`next ${name}`);
  return names;
}

// ---- the tree of calls ---------------------------------------------------------------------------------------------

/** The calls of the user's, or else the layer, that each node of an entry belongs to, from outside in. */
export function callPaths(entry: Entry, roles: ReadonlyMap<Node, Role>): (node: Node) => readonly Step[] {
  const nodes = neededNodes(entry).filter((node) => !isExternal(node));
  return pathsOf(nodes, roles, new Map(nodes.map((node) => [node, callsOf(node)])));
}

/** The user's calls that each node comes from. */
type Calls = ReadonlyMap<Node, readonly Step[]>;

interface Part {
  readonly key: string;
  readonly name: string;
  readonly place: string;
  readonly role: Role;
  readonly parts: Map<string, Part>;
  /** Of all calls inside too. */
  readonly nodes: Node[];
}

function newPart(key: string, { name, place }: Step, role: Role): Part {
  return { key, name, place, role, parts: new Map(), nodes: [] };
}

/** Forward, backward and update side by side; the same call has the same key in each but for its beginning. */
function treeOf(nodes: readonly Node[], roles: ReadonlyMap<Node, Role>, called: Calls): Part {
  const root = newPart("", { name: "", place: "" }, "forward");
  const pathOf = pathsOf(nodes, roles, called);
  for (const node of nodes) {
    const role = roles.get(node) ?? "forward";
    let part = root;
    for (const step of pathOf(node)) {
      const key = `${part === root ? role : part.key}\n${step.name} ${step.place}`;
      const inner = part.parts.get(key) ?? newPart(key, step, role);
      part.parts.set(key, inner);
      inner.nodes.push(node);
      part = inner;
    }
  }
  return root;
}

function pathsOf(
  nodes: readonly Node[],
  roles: ReadonlyMap<Node, Role>,
  called: Calls,
): (node: Node) => readonly Step[] {
  const layers = layersOf(nodes, called);
  return (node) => {
    const path = called.get(node) ?? [];
    if (roles.get(node) === "update" && (path.length === 0 || path[0]?.name === "update")) return [updates];
    return path.length > 0 ? path : [layers(node)];
  };
}

const updates: Step = { name: "update", place: "" };

function callsOf({ origins }: Node): readonly Step[] {
  const [origin] = origins;
  if (origin === undefined) return [];
  const calls = userCalls(origin);
  const isLast = (i: number): boolean => i === calls.length - 1; // a call of something of ours, whose name is known
  return calls.map(({ name, place }, i) => ({ name: name ?? (isLast(i) ? origin.call : lineOf(place)), place }));
}

function lineOf(place: string): string {
  return `line ${/(\d+):\d+$/.exec(place)?.[1] ?? "?"}`;
}

/** For nodes without calls of the user's: the layer by the states that it reads, or whose results it goes on with. */
function layersOf(nodes: readonly Node[], called: Calls): (node: Node) => Step {
  const layers = new Map<Node, Step>();
  const traces = new Map<unknown, Step>(); // a derivative has the trace of what it is the derivative of
  const fed = new Map<Node, ReadonlySet<Node>>();
  const feeding = new Set<Node>();
  for (const node of nodes) {
    const inputs = new Set(node.args.flatMap((arg) => (arg.op === input ? [arg] : [...(fed.get(arg) ?? [])])));
    fed.set(node, inputs);
    if (called.get(node)?.length !== 0 || node.origins.every(({ derived }) => derived === true)) continue;
    const read = node.args.map(throughViews).find(({ op }) => op === state);
    const before = node.args.findLast((arg) => layers.has(arg));
    const own = read === undefined ? undefined : String(read.attrs.name).split(".").slice(0, -1).join(".");
    if (own !== undefined) for (const each of inputs) feeding.add(each);
    const isLoss = [...inputs].some((each) => !feeding.has(each));
    const layer =
      own !== undefined && !isLoss
        ? { name: own, place: "" }
        : isLoss || before === undefined
          ? { name: isLoss ? "loss and metrics" : "inputs", place: "" }
          : (layers.get(before) as Step);
    layers.set(node, layer);
    for (const { trace } of node.origins) traces.set(trace, layer);
  }
  const other: Step = { name: "others", place: "" };
  return (node) => layers.get(node) ?? traces.get(node.origins[0]?.trace) ?? other;
}

function throughViews(node: Node): Node {
  let seen = node;
  while (seen.op.kind === "view" && seen.args[0] !== undefined) seen = seen.args[0];
  return seen;
}

// ---- what is opened ------------------------------------------------------------------------------------------------

/** Keys of calls that are drawn as frames: the largest first, forward and backward alike, while all boxes fit. */
function openLargest(root: Part, called: Calls): ReadonlySet<string> {
  const opened = new Set<string>();
  let closed = [...root.parts.values()];
  for (;;) {
    const byCall = groupBy(closed, ({ key }) => key.replace(/^\w+/, ""));
    const rest = mostBoxes - closed.length;
    const size = (parts: readonly Part[]): number => parts.reduce((sum, { nodes }) => sum + nodes.length, 0);
    const sizeOnce = (parts: readonly Part[]): number =>
      parts.reduce((sum, part) => sum + part.nodes.length / leafRepetitions(part, called), 0);
    const fitting = [...byCall.values()].filter((parts) => {
      const inside = parts.reduce((sum, { parts: inner }) => sum + inner.size, 0);
      return inside > 0 && inside - parts.length <= rest && sizeOnce(parts) >= worthOpening * inside;
    });
    const [largest] = fitting.toSorted((a, b) => size(b) - size(a));
    if (largest === undefined) return opened;
    for (const { key } of largest) opened.add(key);
    closed = closed.flatMap((part) =>
      largest.includes(part) && part.parts.size > 0 ? [...part.parts.values()] : [part],
    );
  }
}

interface Drawing {
  readonly opened: ReadonlySet<string>;
  readonly boxes: FoldedBox[];
  readonly results: ReadonlyMap<Node, readonly string[]>;
  readonly called: Calls;
}

/** A part as a box, or as a frame of its parts; `around`: how often what it lies in is repeated. */
function partsOf(part: Part, around: number, drawing: Drawing): FoldedPart[] {
  const { opened, boxes, results, called } = drawing;
  const times = Math.max(1, Math.round(repetitions(part, called) / around));
  const { name, place } = part;
  if (opened.has(part.key) && part.parts.size > 0) {
    const parts = [...part.parts.values()].flatMap((inner) => partsOf(inner, around * times, drawing));
    if (part.parts.size === 1 && times === 1) return parts; // a frame would tell nothing
    return [{ kind: "frame", id: `f${boxes.length}_${part.nodes[0]?.id}`, name, place, role: part.role, times, parts }];
  }
  const box: FoldedBox = {
    kind: "box",
    id: `b${boxes.length}`,
    name,
    place,
    role: part.role,
    times,
    made: times * around,
    nodes: part.nodes,
    states: statesOf(part.nodes),
    results: part.nodes.flatMap((node) => results.get(node) ?? []),
  };
  boxes.push(box);
  return [box];
}

/**
 * How often a call is made: as often as most of the calls inside it; those without any as often as most of their nodes have
 * others with the same calls and operation. A call with a single one inside leaves it to that to tell.
 */
function repetitions(part: Part, called: Calls): number {
  if (part.parts.size === 1) return 1;
  if (part.parts.size > 1) return usual([...part.parts.values()].map((inner) => leafRepetitions(inner, called)));
  return leafRepetitions(part, called);
}

function leafRepetitions({ nodes, role }: Part, called: Calls): number {
  if (role === "update") return 1;
  const alike = groupBy(nodes, (node) => {
    const places = (called.get(node) ?? []).map(({ place }) => place);
    return [node.op.name, JSON.stringify(node.attrs), node.origins[0]?.call, ...places].join("\n");
  });
  return usual([...alike.values()].map(({ length }) => length));
}

/** The commonest number, the smaller of two as common. */
function usual(numbers: readonly number[]): number {
  const [found] = [...groupBy(numbers, (number) => number)].toSorted(([m, a], [n, b]) => b.length - a.length || m - n);
  return found?.[0] ?? 1;
}

function statesOf(nodes: readonly Node[]): readonly string[] {
  const read = nodes.flatMap(({ args }) => args.map(throughViews)).filter(({ op }) => op === state);
  return [...new Set(read.map(({ attrs }) => String(attrs.name)))];
}

// ---- lines ---------------------------------------------------------------------------------------------------------

function linesOf(boxes: readonly FoldedBox[]): readonly FoldedLine[] {
  const boxOf = new Map(boxes.flatMap((box) => box.nodes.map((node) => [node, box] as const)));
  const orderOf = new Map(boxes.map((box) => [box, box.nodes[0]?.id ?? 0]));
  const lines = new Map<string, FoldedLine>();
  for (const box of boxes) {
    const seen = new Set<Node>();
    const waiting = box.nodes.flatMap(({ args }) => args);
    for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
      if (seen.has(node)) continue;
      seen.add(node);
      const from = boxOf.get(node);
      const source = from?.id ?? (node.op === input ? inputId(node) : undefined);
      if (source === undefined)
        waiting.push(...node.args); // drawn as part of its reader
      else if (from !== box) {
        const isAgain = from !== undefined && (orderOf.get(from) ?? 0) > (orderOf.get(box) ?? 0);
        const isKept = from !== undefined && from.role === "forward" && box.role === "backward";
        lines.set(`${source} ${box.id}`, { from: source, to: box.id, isAgain, isKept });
      }
    }
  }
  return [...lines.values()];
}

export function inputId({ id }: Node): string {
  return `i${id}`;
}

function groupBy<T, K>(values: Iterable<T>, keyOf: (value: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const value of values) {
    const key = keyOf(value);
    const known = groups.get(key);
    if (known === undefined) groups.set(key, [value]);
    else known.push(value);
  }
  return groups;
}
