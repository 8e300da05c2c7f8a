/**
 * Folds that two launches make, as kernels are drawn: the first folds parts of one, the others join them. So such a node stands in
 * several launches; what else the first computes of its cluster, it computes again, on the way to the parts.
 */
import type { Node } from "../../src/graph/node.ts";
import type { Buffer } from "../../src/program/buffer.ts";
import type { Box, DrawnStep } from "./drawn.ts";

/** A cluster of a launch: "step/cluster". */
type Place = string;

export class Parts {
  /** What is read of a fold, where its parts are joined. */
  readonly boxes: { readonly node: Node; readonly place: Place; readonly box: Box }[] = [];
  /** The places of a fold before that of its home. */
  readonly #places = new Map<Node, Place[]>();
  readonly #buffers = new Map<Node, Buffer>();
  /** Where parts are folded -> where the rest of their cluster is computed. */
  readonly #rests = new Map<Place, Place>();

  constructor(steps: readonly DrawnStep[], homes: ReadonlyMap<Node, Place>) {
    for (const [step, made] of steps.entries()) {
      if (made.kind !== "launch") continue;
      for (const [i, nodes] of made.clusters.entries()) {
        const place = `${step}/${i}`;
        for (const node of nodes)
          if (homes.get(node) !== place) this.#add(node, place, homes.get(node) ?? "", made.writes);
      }
    }
  }

  #add(node: Node, place: Place, home: Place, [written]: readonly Buffer[]): void {
    const known = this.#places.get(node) ?? [];
    this.#places.set(node, [...known, place]);
    this.#rests.set(place, home);
    if (known.length === 0 && written !== undefined) this.#buffers.set(node, written);
  }

  has(node: Node): boolean {
    return this.#places.has(node);
  }

  /** Besides its home. */
  of(node: Node): readonly Place[] {
    return this.#places.get(node) ?? [];
  }

  /** Where it is folded. */
  first(node: Node): Place | undefined {
    return this.of(node)[0];
  }

  /** What its parts are written to. */
  bufferOf(node: Node): Buffer | undefined {
    return this.#buffers.get(node);
  }

  /** Elsewhere what has been joined is read. */
  isJoined(node: Node, place: Place): boolean {
    const [first, ...others] = this.of(node);
    return first !== undefined && (place === this.#rests.get(first) || others.includes(place));
  }

  /** Whether parts are folded at `place` for the cluster of `home`. */
  isOf(place: Place, home: Place | undefined): boolean {
    return home !== undefined && this.#rests.get(place) === home;
  }

  /** Whether the cluster of this place has folds that another launch has begun. */
  isRest(place: Place): boolean {
    return [...this.#rests.values()].includes(place);
  }

  drawn(node: Node, place: Place, box: Box): void {
    this.boxes.push({ node, place, box });
  }

  boxesOf(node: Node): readonly { readonly place: Place; readonly box: Box }[] {
    return this.boxes.filter((one) => one.node === node);
  }
}
