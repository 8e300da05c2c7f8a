/**
 * Which nodes of two versions of an entry are the same node.
 *
 *   same      equal expressions of equal inputs and states, whatever their numbers
 *   upwards   the same op on operands that are matched already: what follows a change of shapes
 *   down      the same op, read at the same place by nodes that are matched already, or of the same result
 *   name      the same variable of the user's source
 *   place     any op, where operands and a reader are matched: another activation
 *
 * In this order, and again until nothing is found; each node is matched once. Constants and what only spreads them are no nodes here, but
 * part of their readers, as in pictures. Bodies of loops are matched where their loops are.
 */

import { isFolded, type Operand, operandsOf } from "../../../codegen/picture/label.ts";
import { bodiesOf } from "../../graph/body.ts";
import { type Entry, neededNodes, resultNodes } from "../../graph/entry.ts";
import type { Node } from "../../graph/node.ts";
import type { NodeNames } from "../../graph/node-names.ts";
import { input, state } from "../../graph/ops/source.ts";
import { printType } from "../../graph/type.ts";

/** One version: its nodes, and those in the bodies of matched loops. */
export interface Version {
  readonly entry: Entry;
  readonly names: NodeNames | undefined;
}

export interface Matched {
  /** All nodes that count, in order; those in bodies behind their loop. */
  readonly before: readonly Node[];
  readonly after: readonly Node[];
  readonly afterOf: ReadonlyMap<Node, Node>;
  readonly beforeOf: ReadonlyMap<Node, Node>;
  /** Of the matched ones, those that are equal in all that leads to them. */
  readonly equal: ReadonlySet<Node>;
  operands(node: Node): readonly Operand[];
}

export function matchEntries(before: Version, after: Version): Matched {
  const found = new Matches();
  new Scope(before, after, found).match();
  return found;
}

class Matches implements Matched {
  readonly before: Node[] = [];
  readonly after: Node[] = [];
  readonly afterOf = new Map<Node, Node>();
  readonly beforeOf = new Map<Node, Node>();
  readonly equal = new Set<Node>();
  readonly known = new Map<Node, readonly Operand[]>();
  readonly signatures = new Map<string, number>();

  operands(node: Node): readonly Operand[] {
    return this.known.get(node) ?? [];
  }
}

/** Two entries, or two bodies of matched loops. */
class Scope {
  readonly #before: Side;
  readonly #after: Side;
  readonly #found: Matches;

  constructor(before: Version, after: Version, found: Matches) {
    this.#found = found;
    this.#before = new Side(before, found);
    this.#after = new Side(after, found);
  }

  match(): void {
    const { before, after } = this.#found;
    this.#same();
    for (let last = -1; last !== this.#found.afterOf.size; ) {
      last = this.#found.afterOf.size;
      this.#sources();
      this.#upwards(hasSameOp);
      this.#down();
      this.#upwards(hasSameOp);
      if (this.#found.afterOf.size === last) this.#named();
      if (this.#found.afterOf.size === last) this.#upwards((a, b) => this.#haveReaderInCommon(a, b));
    }
    before.push(...this.#before.nodes);
    after.push(...this.#after.nodes);
    const loops = new Set<Node["results"]>();
    for (const node of this.#before.nodes) {
      const twin = this.#found.afterOf.get(node);
      if (twin === undefined || loops.has(node.results) || this.#found.equal.has(node)) continue;
      loops.add(node.results);
      const bodies = bodiesOf(twin);
      for (const [i, [, body]] of bodiesOf(node).entries()) {
        const other = bodies[i]?.[1];
        if (other === undefined) continue;
        const version = (entry: Entry, { names }: Side): Version => ({ entry, names });
        new Scope(version(body.entry, this.#before), version(other.entry, this.#after), this.#found).match();
      }
    }
  }

  #pair(a: Node | undefined, b: Node | undefined): boolean {
    const { afterOf, beforeOf } = this.#found;
    if (a === undefined || b === undefined || afterOf.has(a) || beforeOf.has(b)) return false;
    afterOf.set(a, b);
    beforeOf.set(b, a);
    return true;
  }

  #same(): void {
    const waiting = grouped(this.#after.nodes, (node) => this.#after.signature(node));
    for (const node of this.#before.nodes) {
      if (this.#pair(node, waiting.get(this.#before.signature(node))?.shift())) this.#found.equal.add(node);
    }
  }

  /** Inputs and states by their paths, whatever has become of their types. */
  #sources(): void {
    const spelled = (node: Node): string => `${node.op.name} ${node.attrs.name}`;
    const waiting = grouped(this.#after.nodes.filter(isSource), spelled);
    for (const node of this.#before.nodes) if (isSource(node)) this.#pair(node, waiting.get(spelled(node))?.[0]);
  }

  #upwards(fits: (a: Node, b: Node) => boolean): void {
    const { afterOf, beforeOf } = this.#found;
    for (const a of this.#before.nodes) {
      const read = this.#before.read(a);
      if (afterOf.has(a) || read.length === 0) continue;
      const wanted = read.map((node) => afterOf.get(node));
      const [first] = wanted;
      if (first === undefined) continue;
      const fitting = this.#after.readers(first).filter((b) => !beforeOf.has(b) && areSame(this.#after.read(b), wanted) && fits(a, b)); // biome-ignore format: one line
      this.#pair(a, fitting.find((b) => keyOf(b) === keyOf(a)) ?? fitting[0]);
    }
  }

  #down(): void {
    const { afterOf } = this.#found;
    const tryPair = (a: Node | undefined, b: Node | undefined): void => {
      if (a !== undefined && b !== undefined && !isSource(a) && hasSameOp(a, b)) this.#pair(a, b);
    };
    for (const [name, node] of this.#before.results) tryPair(node, this.#after.results.get(name));
    for (const a of this.#before.nodes.toReversed()) {
      const b = afterOf.get(a);
      if (b === undefined) continue;
      const [reads, others] = [this.#before.read(a), this.#after.read(b)];
      if (reads.length === others.length) for (const [i, read] of reads.entries()) tryPair(read, others[i]);
    }
  }

  #named(): void {
    const nameIn = ({ names }: Side, node: Node): string | undefined => (isSource(node) ? undefined : names?.get(node));
    const waiting = grouped(this.#after.nodes, (node) => nameIn(this.#after, node) ?? "");
    for (const node of this.#before.nodes) {
      const name = nameIn(this.#before, node);
      if (name !== undefined) this.#pair(node, waiting.get(name)?.[0]);
    }
  }

  #haveReaderInCommon(a: Node, b: Node): boolean {
    const readers = new Set(this.#after.readers(b));
    return this.#before.readers(a).some((reader) => readers.has(this.#found.afterOf.get(reader) ?? reader));
  }
}

class Side {
  readonly names: NodeNames | undefined;
  readonly nodes: readonly Node[];
  readonly results: ReadonlyMap<string, Node>;
  readonly #signature = new Map<Node, number>();
  readonly #readers = new Map<Node, Node[]>();
  readonly #found: Matches;

  constructor({ entry, names }: Version, found: Matches) {
    this.names = names;
    this.#found = found;
    const kept = new Set(resultNodes(entry));
    const isKept = (node: Node): boolean => kept.has(node);
    const needed = neededNodes(entry);
    this.nodes = needed.filter((node) => !isFolded(node, isKept));
    const named = (kind: string, results: Entry["next"]) => results.map(({ name, node }) => [`${kind} ${name}`, node] as const); // biome-ignore format: one line
    this.results = new Map([...named("output", entry.outputs), ...named("next", entry.next)]);
    for (const node of needed) {
      const operands = node.args.map((arg) => this.#signature.get(arg));
      const text = `${keyOf(node)} ${node.result} ${printType(node.type)} ${operands.join(" ")}`;
      const known = found.signatures.get(text) ?? found.signatures.size;
      found.signatures.set(text, known);
      this.#signature.set(node, known);
    }
    for (const node of this.nodes) {
      found.known.set(node, operandsOf(node, isKept));
      for (const read of new Set(this.read(node))) {
        const readers = this.#readers.get(read);
        if (readers === undefined) this.#readers.set(read, [node]);
        else readers.push(node);
      }
    }
  }

  signature(node: Node): number {
    return this.#signature.get(node) ?? -1;
  }

  /** The nodes that it reads, constants left out. */
  read(node: Node): readonly Node[] {
    return this.#found.operands(node).flatMap((operand) => (operand.kind === "line" ? [operand.node] : []));
  }

  readers(node: Node): readonly Node[] {
    return this.#readers.get(node) ?? [];
  }
}

function keyOf(node: Node): string {
  return `${node.op.name} ${node.key}`;
}

function hasSameOp(a: Node, b: Node): boolean {
  return a.op === b.op && a.result === b.result;
}

function areSame(a: readonly Node[], b: readonly (Node | undefined)[]): boolean {
  return a.length === b.length && a.every((node, i) => node === b[i]);
}

function isSource({ op }: Node): boolean {
  return op === input || op === state;
}

function grouped(nodes: readonly Node[], keyed: (node: Node) => string | number): Map<string | number, Node[]> {
  const groups = new Map<string | number, Node[]>();
  for (const node of nodes) {
    const known = groups.get(keyed(node));
    if (known === undefined) groups.set(keyed(node), [node]);
    else known.push(node);
  }
  return groups;
}
