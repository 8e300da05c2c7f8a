/**
 * A drawing of an entry: boxes, lines between them, and frames around what one kernel computes. Plain data, the same for
 * every format.
 *
 *   input, state   drawn again near each part that reads it, so that no line crosses the picture
 *   op             what is computed; with kernels, `store` names the buffer it goes to, null means it stays in a register
 *   view           elements in other places: drawn small
 *   buffer         what one kernel reads and another stored
 *   again          a cheap node of no kernel, drawn in every kernel that computes it where it reads it
 *   parts          a fold of two launches is drawn in both: what it folds in the first, its parts and their sum in the second
 *
 * Without recursion over nodes: 2,000 layers can be drawn (whether they can be looked at is another matter).
 */
import { CompilerBug } from "../../src/core/errors.ts";
import { type Entry, neededNodes, resultNodes } from "../../src/graph/entry.ts";
import type { Node, OpDef } from "../../src/graph/node.ts";
import type { NodeNames } from "../../src/graph/node-names.ts";
import { barrier } from "../../src/graph/ops/barrier.ts";
import { mapOps } from "../../src/graph/ops/map.ts";
import { input, state } from "../../src/graph/ops/source.ts";
import { printNode } from "../../src/graph/print.ts";
import { printType } from "../../src/graph/type.ts";
import { type Buffer, printBuffer } from "../../src/program/buffer.ts";
import type { Box, Copy, Drawing, Frame, Kernels, Line, LoopFrame } from "./drawn.ts";
import { isFolded, type Operand, operandsOf, seenThrough, titleOf } from "./label.ts";
import { frameLoop, resultTitle } from "./loops.ts";
import { Parts } from "./parts.ts";
import { type Role, rolesOf } from "./roles.ts";

/** `names`: what nodes are called. `prefix`: of ids, and `nameOf`: titles of parameters, where it is a body. */
export function drawEntry(
  entry: Entry,
  kernels: Kernels | null = null,
  names: NodeNames | undefined = undefined,
  prefix = "",
  nameOf: (node: Node) => string | undefined = () => undefined,
): Drawing {
  const work = new Draftsman(entry, kernels, names, prefix, nameOf);
  work.placeAll();
  const frames = kernels === null ? null : work.frames(kernels);
  const copies = kernels === null ? [] : work.copies(kernels);
  const loops = work.loops();
  return { entry, boxes: work.boxes, lines: work.lines, frames, copies, loops };
}

/** A place where a node may have a box: a cluster, a part of the step, a single reader. */
type Place = string;

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
  readonly #parts: Parts;
  readonly #boxAt = new Map<Node, Map<Place, Box>>();
  readonly #names: NodeNames | undefined;
  readonly #prefix: string;
  readonly #nameOf: (node: Node) => string | undefined;

  constructor(
    entry: Entry,
    kernels: Kernels | null,
    names: NodeNames | undefined,
    prefix: string,
    nameOf: (node: Node) => string | undefined,
  ) {
    this.#names = names;
    this.#entry = entry;
    this.#kernels = kernels;
    this.#prefix = prefix;
    this.#nameOf = nameOf;
    this.#roles = rolesOf(entry);
    const stored = kernels === null ? [] : kernels.bufferOf.keys();
    this.#kept = new Set([...resultNodes(entry), ...stored]);
    const isBody = prefix !== ""; // what it gives is shown by lines
    for (const { name, node } of isBody ? [] : entry.outputs) this.#addResult(node, name);
    for (const { name, node } of isBody ? [] : entry.next) {
      if (node.op !== state || node.attrs.name !== name) this.#addResult(node, `next ${name}`);
    }
    for (const [step, made] of (kernels?.steps ?? []).entries()) {
      if (made.kind !== "launch") continue;
      for (const [i, nodes] of made.clusters.entries()) for (const node of nodes) this.#home.set(node, `${step}/${i}`);
    }
    this.#parts = new Parts(kernels?.steps ?? [], this.#home);
    if (kernels === null) return;
    for (const node of neededNodes(entry)) if (node.op.kind === "loop") this.#home.set(node, loopPlace(node));
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
      const isMade = own !== null && !(this.#parts.isRest(own) && !this.#kept.has(node)); // read there it is added
      for (const place of [...(isMade ? [own] : []), ...this.#parts.of(node)]) add(node, place);
      for (const place of places.get(node) ?? []) {
        if (own !== null && place !== own && !this.#parts.isOf(place, own)) continue; // it is read there, and computed at its own place
        if (this.#parts.isJoined(node, place)) continue; // of its parts
        for (const operand of this.#operandsOf(node)) {
          if (operand.kind === "line") add(operand.node, this.#placeFor(operand.node, node, place));
        }
      }
    }
    for (const node of nodes) {
      const own = this.#ownPlace(node);
      const all = places.get(node) ?? new Set();
      const others = [...all].filter((place) => place !== own).toSorted();
      const first = this.#parts.first(node); // behind those that its lines lead to
      const order = [...(own !== null && all.has(own) ? [own] : []), ...others.filter((place) => place !== first)];
      for (const place of first === undefined ? order : [...order, first]) this.#draw(node, place);
    }
  }

  /** Frames of loops, and the lines between what is in them and what is not. */
  loops(): readonly LoopFrame[] {
    const found = new Map(
      neededNodes(this.#entry).flatMap((node) => (node.op.kind === "loop" ? [[node.results, node] as const] : [])),
    );
    const inPlace = found.size === 0 ? new Map<Place, Box[]>() : this.#inPlace();
    return [...found.values()].map((node) => {
      const place = this.#kernels === null ? "" : loopPlace(node);
      const own = inPlace.get(place) ?? [];
      const boxes = this.#kernels === null ? own.filter((box) => box.node.results === node.results) : own;
      const boxOf = (arg: Node): Box | undefined =>
        this.#boxAt
          .get(seenThrough(arg, this.#isKept))
          ?.get(this.#placeFor(seenThrough(arg, this.#isKept), node, place));
      const id = `${this.#prefix}${loopPlace(node)}`;
      const { frame, lines } = frameLoop(
        node,
        { id, kernels: this.#kernels, boxOf, boxes, nameOf: this.#nameOf },
        (body, inner, prefix, nameOf) => drawEntry(body, inner, this.#names, prefix, nameOf),
      );
      this.lines.push(...lines);
      return frame;
    });
  }

  #inPlace(): Map<Place, Box[]> {
    const inPlace = new Map<Place, Box[]>();
    for (const boxes of this.#boxAt.values()) {
      for (const [place, box] of boxes) inPlace.set(place, [...(inPlace.get(place) ?? []), box]);
    }
    for (const { place, box } of this.#parts.boxes) inPlace.set(place, [...(inPlace.get(place) ?? []), box]);
    return inPlace;
  }

  #frameId(place: number | string): string {
    return `${this.#prefix}${String(place).startsWith("loop") ? place : `k${place}`}`;
  }

  frames({ steps }: Kernels): Frame[] {
    const inPlace = this.#inPlace();
    return steps.flatMap((made, step) => {
      if (made.kind !== "launch") return [];
      const clusters = made.clusters.map((_, i) => inPlace.get(`${step}/${i}`) ?? []);
      return [{ id: this.#frameId(step), step: made.number, name: made.name, note: made.note, clusters }];
    });
  }

  copies({ steps, bufferOf }: Kernels): Copy[] {
    const holders = new Map([...bufferOf].map(([node, buffer]) => [buffer, node]));
    return steps.flatMap((made, step) => {
      if (made.kind !== "copy") return [];
      const node = holders.get(made.from);
      const stored = node === undefined ? undefined : this.#boxAt.get(node)?.get(this.#ownPlace(node) ?? "");
      const sources = stored === undefined ? [] : [stored];
      return [{ id: `${this.#prefix}copy${step}`, step: made.number, from: made.from, to: made.to, sources }];
    });
  }

  /** A kernel reads nothing of what it waits for. */
  #operandsOf(node: Node): readonly Operand[] {
    const operands = operandsOf(node, this.#isKept);
    return node.op === barrier && this.#kernels !== null ? operands.slice(0, 1) : operands;
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
    const { id } = reader.op.kind === "loop" ? (reader.results[0] ?? reader) : reader;
    return node.type.shape.length === 0 ? `%${id}` : (this.#roles.get(reader) ?? "forward");
  }

  #draw(node: Node, place: Place): void {
    const operands = this.#operandsOf(node);
    const home = this.#home.get(node);
    const isRead = home !== undefined && home !== place && !this.#parts.isOf(place, home);
    if (this.#parts.isJoined(node, place)) {
      this.#drawJoined(node, place);
      return;
    }
    const box = this.#addBox(node, place, isRead ? "buffer" : lookOf(node), this.#titleOf(node, operands));
    if (place === this.#parts.first(node)) {
      for (const to of this.#parts.boxesOf(node)) this.#drawInto(box, to.box, to.place);
    }
    if (!isRead && node.op.kind === "loop") return; // lines lead to what is in its frame
    if (!isRead) {
      this.#drawLines(operands, box, place);
      return;
    }
    const stored = this.#boxAt.get(node)?.get(home);
    if (stored === undefined) throw new CompilerBug(`picture: %${node.id} is read before it is drawn`);
    this.#drawInto(stored, box, place);
  }

  /** From where a buffer is written to a launch that reads it. */
  #drawInto(from: Box, to: Box, place: Place): void {
    const into = this.#frameId(place.split("/")[0] ?? "");
    this.lines.push({ from: from.id, to: to.id, operands: [0], isOrdered: false, spread: false, into });
  }

  /** A fold in the launch that joins its parts. */
  #drawJoined(node: Node, place: Place): void {
    const box = this.#addBox(node, place, "op", `${node.op.name} of the parts`);
    const parts = this.#parts.bufferOf(node);
    const read: Box = {
      ...box,
      id: `${box.id}_parts`,
      look: "buffer",
      title: parts === undefined ? "" : printBuffer(parts),
      type: parts === undefined ? "" : printType(parts),
      results: [],
      store: undefined,
      again: false,
    };
    this.boxes.push(read);
    this.#parts.drawn(node, place, read);
    this.lines.push({ from: read.id, to: box.id, operands: [0], isOrdered: false, spread: false, into: null });
  }

  #titleOf(node: Node, operands: readonly Operand[]): string {
    if (node.op.kind === "loop") return resultTitle(node);
    return this.#nameOf(node) ?? titleOf(node, operands);
  }

  #addBox(node: Node, place: Place, look: Box["look"], title: string): Box {
    const known = this.#boxAt.get(node) ?? new Map<Place, Box>();
    this.#boxAt.set(node, known);
    const isAgain = this.#parts.isOf(place, this.#home.get(node));
    const isPart = place === this.#parts.first(node);
    const buffer = isPart ? this.#parts.bufferOf(node) : isAgain ? undefined : this.#kernels?.bufferOf.get(node);
    const isStored = look !== "buffer" && look !== "input" && look !== "state";
    const results = isAgain ? [] : (this.#results.get(node) ?? []);
    const box: Box = {
      id: `${this.#prefix}n${node.id}${known.size === 0 ? "" : `_${known.size + 1}`}`,
      node,
      role: this.#roles.get(node) ?? "forward",
      look,
      name: isStored ? this.#names?.get(node) : undefined,
      title: look === "buffer" ? bufferTitle(buffer, results) : title,
      line: printNode(node, this.#names),
      type: printType(node.type),
      results: isStored || this.#kernels === null ? results : [],
      store: this.#kernels === null || !isStored ? undefined : (buffer ?? null),
      again: this.#kernels !== null && isStored && (!this.#home.has(node) || (isAgain && !isPart)),
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

/** Where a loop's results and what it reads are drawn, with kernels. */
function loopPlace({ results }: Node): Place {
  return `loop${results[0]?.id}`;
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
