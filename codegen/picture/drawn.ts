/**
 * What a drawing is: boxes, lines between them, frames around what one kernel computes, and around loops. Plain data, the same for
 * every format (drawing.ts makes it).
 */
import type { Entry } from "../../src/graph/entry.ts";
import type { Node } from "../../src/graph/node.ts";
import type { Buffer } from "../../src/program/buffer.ts";
import type { Role } from "./roles.ts";

/** One step of the sequence, as pictures need it. Clusters are the nodes computed together. */
export type DrawnStep =
  | {
      readonly kind: "launch";
      /** Counted through the sequence, and what loops hold. */
      readonly number: number;
      readonly name: string;
      readonly note: string;
      /** A node of several launches is folded in parts by the first, and joined by the others. */
      readonly clusters: readonly (readonly Node[])[];
      /** Buffers that it writes. */
      readonly writes: readonly Buffer[];
    }
  | { readonly kind: "copy"; readonly number: number; readonly from: Buffer; readonly to: Buffer };

export interface Kernels {
  readonly steps: readonly DrawnStep[];
  /** The buffer of each node that is stored. */
  readonly bufferOf: ReadonlyMap<Node, Buffer>;
  /** What becomes of the bodies of a loop, by its results. */
  readonly loops: ReadonlyMap<readonly Node[], readonly Kernels[]>;
}

export interface Box {
  readonly id: string;
  readonly node: Node;
  readonly role: Role;
  readonly look: "input" | "state" | "buffer" | "op" | "view";
  /** What the node is called, where it is made and has a name. */
  readonly name: string | undefined;
  readonly title: string;
  readonly type: string;
  /** The node as text. */
  readonly line: string;
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
  /** From the end of an iteration to the next one's begin. */
  readonly isBack?: boolean;
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
  readonly loops: readonly LoopFrame[];
}

/** One loop or branch. */
export interface LoopFrame {
  readonly id: string;
  readonly title: string;
  /** Its results, and with kernels what it reads. */
  readonly boxes: readonly Box[];
  readonly bodies: readonly { readonly id: string; readonly title: string; readonly drawing: Drawing }[];
}

/** A drawing and those of all bodies in it. */
export function allDrawings(drawing: Drawing): readonly Drawing[] {
  return [drawing, ...drawing.loops.flatMap(({ bodies }) => bodies.flatMap((body) => allDrawings(body.drawing)))];
}
