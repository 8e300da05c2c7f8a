/**
 * A drawing of an entry: boxes, lines between them, and frames around what one kernel computes. Plain data, the same for
 * every format.
 *
 *   input, state   drawn again near each part that reads it, so that no line crosses the picture
 *   op             what is computed; with kernels, `store` names the buffer it goes to, null means it stays in a register
 *   view           elements in other places: drawn small
 *   buffer         what one kernel reads and another stored
 *   again          a cheap node of no kernel, drawn in every kernel that computes it where it reads it
 *
 * Without recursion over nodes: 2,000 layers can be drawn (whether they can be looked at is another matter).
 */
import { CompilerBug } from "../../src/core/errors.ts";
import { type Entry, neededNodes, resultNodes } from "../../src/graph/entry.ts";
import type { Node, OpDef } from "../../src/graph/node.ts";
import { mapOps } from "../../src/graph/ops/map.ts";
import { input, state } from "../../src/graph/ops/source.ts";
import { printType } from "../../src/graph/type.ts";
import { type Buffer, printBuffer } from "../../src/program/buffer.ts";
import { isFolded, type Operand, operandsOf, titleOf } from "./label.ts";
import { type Role, rolesOf } from "./roles.ts";

/** One step of the sequence, as pictures need it. Clusters are the nodes computed together. */
export type DrawnStep =
  | {
      readonly kind: "launch";
      readonly name: string;
      readonly note: string;
      readonly clusters: readonly (readonly Node[])[];
    }
  | { readonly kind: "copy"; readonly from: Buffer; readonly to: Buffer };

export interface Kernels {
  readonly steps: readonly DrawnStep[];
  /** The buffer of each node that is stored. */
  readonly bufferOf: ReadonlyMap<Node, Buffer>;
}

export interface Box {
  readonly id: string;
  readonly node: Node;
  readonly role: Role;
  readonly look: "input" | "state" | "buffer" | "op" | "view";
  readonly title: string;
  readonly type: string;
  /** The results it gives: "loss", "next model.w1". */
  readonly results: readonly string[];
  /** The buffer it is stored in; null in a register; undefined where no kernels are drawn. */
  readonly store: Buffer | null | undefined;
  readonly again: boolean;
}

export interface Line {
  readonly from: string;
  readonly to: string;
  /** Which operands of `to`; `isOrdered` where exchanging operands would change the result. */
  readonly operands: readonly number[];
  readonly isOrdered: boolean;
  /** The value is repeated along other axes on the way. */
  readonly spread: boolean;
  /** From the kernel that stored a buffer to one that reads it: the frame at its end. */
  readonly into: string | null;
}

/** One launch, with the boxes of each of its clusters. */
export interface Frame {
  readonly id: string;
  readonly step: number;
  readonly name: string;
  readonly note: string;
  readonly clusters: readonly (readonly Box[])[];
}

export interface Copy {
  readonly id: string;
  readonly step: number;
  readonly from: Buffer;
  readonly to: Buffer;
  /** Boxes whose value is copied. */
  readonly sources: readonly Box[];
}

export interface Drawing {
  readonly entry: Entry;
  readonly boxes: readonly Box[];
  readonly lines: readonly Line[];
  /** Null for a graph without kernels. */
  readonly frames: readonly Frame[] | null;
  readonly copies: readonly Copy[];
}

export function drawEntry(entry: Entry, kernels: Kernels | null = null): Drawing {
  const work = new Draftsman(entry, kernels);
  work.placeAll();
  const frames = kernels === null ? null : work.frames(kernels);
  const copies = kernels === null ? [] : work.copies(kernels);
  return { entry, boxes: work.boxes, lines: work.lines, frames, copies };
}

/** A place where a node may have a box: a cluster, a part of the step, a single reader. */
type Place = string;

const frameId = (step: number | string): string => `k${step}`;

class Draftsman {
  readonly boxes: Box[] = [];
  readonly lines: Line[] = [];
  readonly #entry: Entry;
  readonly #kernels: Kernels | null;
  readonly #roles: ReadonlyMap<Node, Role>;
  readonly #kept: ReadonlySet<Node>;
  readonly #results = new Map<Node, string[]>();
  /** The cluster of a node: its only place. */
  readonly #home = new Map<Node, Place>();
  readonly #boxAt = new Map<Node, Map<Place, Box>>();

  constructor(entry: Entry, kernels: Kernels | null) {
    this.#entry = entry;
    this.#kernels = kernels;
    this.#roles = rolesOf(entry);
    const stored = kernels === null ? [] : kernels.bufferOf.keys();
    this.#kept = new Set([...resultNodes(entry), ...stored]);
    for (const { name, node } of entry.outputs) this.#addResult(node, name);
    for (const { name, node } of entry.next) {
      if (node.op !== state || node.attrs.name !== name) this.#addResult(node, `next ${name}`);
    }
    for (const [step, made] of (kernels?.steps ?? []).entries()) {
      if (made.kind !== "launch") continue;
      for (const [i, nodes] of made.clusters.entries()) for (const node of nodes) this.#home.set(node, `${step}/${i}`);
    }
  }

  /** Finds the places of every node, readers before what they read, then draws in id order. */
  placeAll(): void {
    const nodes = neededNodes(this.#entry).filter((node) => !isFolded(node, this.#isKept));
    const places = new Map<Node, Set<Place>>();
    const add = (node: Node, place: Place): void => {
      places.set(node, (places.get(node) ?? new Set()).add(place));
    };
    for (const node of nodes.toReversed()) {
      const own = this.#ownPlace(node);
      if (own !== null) add(node, own);
      for (const place of places.get(node) ?? []) {
        if (own !== null && place !== own) continue; // it is read there, and computed at its own place
        for (const operand of operandsOf(node, this.#isKept)) {
          if (operand.kind === "line") add(operand.node, this.#placeFor(operand.node, node, place));
        }
      }
    }
    for (const node of nodes) {
      const own = this.#ownPlace(node);
      const others = [...(places.get(node) ?? [])].filter((place) => place !== own);
      for (const place of [...(own === null ? [] : [own]), ...others.toSorted()]) this.#draw(node, place);
    }
  }

  frames({ steps }: Kernels): Frame[] {
    const inPlace = new Map<Place, Box[]>();
    for (const boxes of this.#boxAt.values()) {
      for (const [place, box] of boxes) inPlace.set(place, [...(inPlace.get(place) ?? []), box]);
    }
    return steps.flatMap((made, step) => {
      if (made.kind !== "launch") return [];
      const clusters = made.clusters.map((_, i) => inPlace.get(`${step}/${i}`) ?? []);
      return [{ id: frameId(step), step, name: made.name, note: made.note, clusters }];
    });
  }

  copies({ steps, bufferOf }: Kernels): Copy[] {
    const holders = new Map([...bufferOf].map(([node, buffer]) => [buffer, node]));
    return steps.flatMap((made, step) => {
      if (made.kind !== "copy") return [];
      const node = holders.get(made.from);
      const stored = node === undefined ? undefined : this.#boxAt.get(node)?.get(this.#ownPlace(node) ?? "");
      const sources = stored === undefined ? [] : [stored];
      return [{ id: `copy${step}`, step, from: made.from, to: made.to, sources }];
    });
  }

  readonly #isKept = (node: Node): boolean => this.#kept.has(node);

  #addResult(node: Node, name: string): void {
    this.#results.set(node, [...(this.#results.get(node) ?? []), name]);
  }

  /** The place of a node that is drawn once: in its cluster; without kernels anywhere, unless it is an input or state. */
  #ownPlace(node: Node): Place | null {
    const home = this.#home.get(node);
    if (home !== undefined) return home;
    if (isExternal(node)) return this.#results.has(node) && this.#kernels === null ? "result" : null;
    return this.#kernels === null ? "" : null;
  }

  /** Where `node` is drawn for `reader`, which stands at `place`: with kernels, always in the same one. */
  #placeFor(node: Node, reader: Node, place: Place): Place {
    if (this.#kernels !== null) return place;
    if (!isExternal(node)) return this.#ownPlace(node) ?? place;
    return node.type.shape.length === 0 ? `%${reader.id}` : (this.#roles.get(reader) ?? "forward");
  }

  #draw(node: Node, place: Place): void {
    const operands = operandsOf(node, this.#isKept);
    const home = this.#home.get(node);
    const isRead = home !== undefined && home !== place;
    const box = this.#addBox(node, place, isRead ? "buffer" : lookOf(node), titleOf(node, operands));
    if (!isRead) {
      this.#drawLines(operands, box, place);
      return;
    }
    const stored = this.#boxAt.get(node)?.get(home);
    if (stored === undefined) throw new CompilerBug(`picture: %${node.id} is read before it is drawn`);
    const into = frameId(place.split("/")[0] ?? "");
    this.lines.push({ from: stored.id, to: box.id, operands: [0], isOrdered: false, spread: false, into });
  }

  #addBox(node: Node, place: Place, look: Box["look"], title: string): Box {
    const known = this.#boxAt.get(node) ?? new Map<Place, Box>();
    this.#boxAt.set(node, known);
    const buffer = this.#kernels?.bufferOf.get(node);
    const isStored = look !== "buffer" && look !== "input" && look !== "state";
    const results = this.#results.get(node) ?? [];
    const box: Box = {
      id: known.size === 0 ? `n${node.id}` : `n${node.id}_${known.size + 1}`,
      node,
      role: this.#roles.get(node) ?? "forward",
      look,
      title: look === "buffer" ? bufferTitle(buffer, results) : title,
      type: printType(node.type),
      results: isStored || this.#kernels === null ? results : [],
      store: this.#kernels === null || !isStored ? undefined : (buffer ?? null),
      again: this.#kernels !== null && isStored && !this.#home.has(node),
    };
    known.set(place, box);
    this.boxes.push(box);
    return box;
  }

  #drawLines(operands: readonly Operand[], to: Box, place: Place): void {
    const isOrdered = to.node.args.length > 1 && !commutative.has(to.node.op);
    const lines = new Map<string, Line>();
    for (const [i, operand] of operands.entries()) {
      if (operand.kind === "text") continue;
      const { node, spread } = operand;
      const from = this.#boxAt.get(node)?.get(this.#placeFor(node, to.node, place))?.id;
      if (from === undefined) throw new CompilerBug(`picture: %${node.id} is read before it is drawn`);
      const known = lines.get(from)?.operands ?? [];
      lines.set(from, { from, to: to.id, operands: [...known, i], isOrdered, spread, into: null });
    }
    this.lines.push(...lines.values());
  }
}

function lookOf(node: Node): Box["look"] {
  if (node.op === input) return "input";
  if (node.op === state) return "state";
  return node.op.kind === "view" ? "view" : "op";
}

/** Scratch has a number; other buffers hold results. */
function bufferTitle(buffer: Buffer | undefined, results: readonly string[]): string {
  const name = buffer === undefined ? "" : printBuffer(buffer);
  return buffer?.segment === "arena" ? name : (results[0] ?? name);
}

function isExternal(node: Node): boolean {
  return node.op === input || node.op === state;
}

const { add, mul, max, min, eq, ne, and, or } = mapOps;
const commutative: ReadonlySet<OpDef> = new Set([add, mul, max, min, eq, ne, and, or]);
