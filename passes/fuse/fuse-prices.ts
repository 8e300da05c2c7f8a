/**
 * What `fuse` weighs: arithmetic that is done again where a value is not stored, and the buffers that a kernel has room for.
 */
import { isShort } from "../../src/core/dtype.ts";
import { UserError } from "../../src/core/errors.ts";
import { isContract, isOp, operand } from "../../src/graph/define.ts";
import type { ContractSchema, Node, NodeOf } from "../../src/graph/node.ts";
import { barrier } from "../../src/graph/ops/barrier.ts";
import { covering } from "../../src/graph/ops/covering.ts";
import { gather } from "../../src/graph/ops/gather.ts";
import { cast } from "../../src/graph/ops/map.ts";
import { broadcast } from "../../src/graph/ops/view.ts";
import { window } from "../../src/graph/ops/window.ts";
import { fixedShape, sizeOf } from "../../src/graph/shape.ts";
import type { TargetTraits } from "../../src/kernel/target.ts";
import { type Access, bytesOf, nodesOf } from "./access.ts";

/** Arithmetic that may be done again for each reader rather than stored. Stores and loads cost about as much. */
const cheap = 6;
/** The same inside a contraction, where each operand element is read once per tile of the other operand. */
const cheapInContraction = 2;
/**
 * Columns from which on a factor of the rows, which each block of columns would compute anew, is stored unless it is a view. On one
 * thread: normalized rows, 2048 x 128 by 512 columns, 9.9 ms where the contraction scales them and 4.6 where it reads them; a step of
 * MNIST with x / 255 5.0 and 4.0, of which the scaling takes 0.008.
 */
const manyColumns = 32;
/**
 * The same of the operand with the columns, which is computed once for a copy of it, and where it is so large that no cache holds
 * it. The gradient of a filter of 9 x 32, whose slopes a pool of 44 MB chooses: 11.6 ms where they are stored, 7.5 read in place.
 */
const cheapInPanel = 10;
const leastPanelBytes = 2 ** 20;
/**
 * Without copies each row of the result computes it anew, and up to so many take no longer than to store it: on js a step of that
 * network, of 9 rows, takes 323 ms in place of 350, and 25 MB in place of 58. Of 18 rows the gradient takes 57 ms in place of 51.
 */
const fewRows = 16;
/** The same of what is several times as large as all that it is read for: the choice of an overlapping pool's slopes. */
const cheapInOverlap = 16;
/** A view computes nothing, but long chains of them would be walked for every reader. */
const viewPrice = 0.25;
/** Operands from which on a concatenation is stored. */
export const storedConcat = Math.ceil(cheap + 1 - viewPrice);
/** Operands of the widest map (select). */
const widestMap = 3;

/** Prices of nodes that are computed where they are read, with all that they look through. */
export class Prices {
  /** What operands of contractions may cost. */
  readonly #contracted: ReadonlyMap<Node, number>;
  /** Factors of rows that many columns are computed from. */
  readonly #reread = new Set<Node>();
  /** Factors rounded to f16, as they are stored: once, however many contractions read them, and however often. */
  readonly #rounded = new Set<Node>();
  /** The same widened, where it is read as f16: that is no value to store. */
  readonly #widened = new Set<Node>();
  readonly #floating = new Map<Node, number>();
  /** Windows that have no home, and views of them. */
  readonly #windows = new Set<Node>();
  /** What is read as the windows over elements that several cover. */
  readonly #overlapping: ReadonlySet<Node>;

  /** `stored`: views that are. */
  constructor(nodes: readonly Node[], stored: ReadonlySet<Node>, target: Pick<TargetTraits, "packs" | "bytesOf">) {
    this.#contracted = contractedIn(nodes, stored, target, {
      reread: this.#reread,
      rounded: this.#rounded,
      widened: this.#widened,
    });
    this.#overlapping = overlappingIn(nodes);
  }

  /** It has so many times the elements of what is made of it: the choice of an overlapping pool's slopes. */
  overlaps(node: Node): boolean {
    return this.#overlapping.has(node);
  }

  /** The price of an element of a node whose own work is `own`. */
  of({ op, args }: Node, own: number): number {
    let price = own;
    const read = op === barrier ? args.slice(0, 1) : args; // of the token it computes nothing
    for (const arg of read) price += this.#floating.get(arg) ?? 0;
    return price;
  }

  /** Rows picked for a contraction are stored: read in place, each would be looked up again for every tile of the other operand. */
  ofGather(node: Node): number {
    const limit = node.op === gather ? this.#contracted.get(node) : undefined;
    return limit === undefined ? 1 : limit + 1;
  }

  /** Whether it is but how a stored f16 is read. */
  isWidened(node: Node): boolean {
    return this.#widened.has(node);
  }

  /** Up to which price a node is not stored. */
  limitOf(node: Node): number {
    if (this.#rounded.has(node)) return 0;
    const inContraction = this.#contracted.get(node);
    if (inContraction === undefined) return this.overlaps(node) ? cheapInOverlap : cheap;
    return this.#reread.has(node) && node.op.kind === "map" ? 0 : inContraction;
  }

  /** The price that these may compute for themselves of what a cluster has computed. */
  limitFor(users: Iterable<Node>, node: Node): number {
    if (this.#rounded.has(node)) return 0;
    for (const { op } of users) if (op.kind === "contract") return this.#reread.has(node) ? 0 : cheapInContraction;
    return cheap;
  }

  /**
   * The price of a view. Of windows it is that of the operand, and no limit is asked: they are so many times as large that the
   * operand is stored, where it is too dear, and never they.
   */
  ofView(node: Node): number {
    const { op, args } = node;
    const [first] = args;
    if (
      op === window ||
      (op === covering && !isPlacing(node)) ||
      (first !== undefined && args.length === 1 && this.#windows.has(first))
    ) {
      this.#windows.add(node);
      return 0;
    }
    return op === barrier ? 0 : viewPrice + args.length - 1;
  }

  isWindow(node: Node): boolean {
    return this.#windows.has(node);
  }

  /** The node has no home. */
  floats(node: Node, price: number): void {
    this.#floating.set(node, price);
  }
}

function overlappingIn(nodes: readonly Node[]): ReadonlySet<Node> {
  const found = new Set<Node>();
  for (const node of nodes) {
    if (!isOp(node, covering)) continue;
    const [windows] = node.args;
    const elements = fixedShape(node.type.shape).slice(0, -node.attrs.axes.length);
    if (sizeOf(fixedShape(windows.type.shape)) > sizeOf(elements)) found.add(windows);
  }
  return found;
}

/**
 * What contractions read again and again: their operands, also through views. Notes those that are read for many columns, and those that
 * are rounded.
 */
function contractedIn(
  nodes: readonly Node[],
  stored: ReadonlySet<Node>,
  target: Pick<TargetTraits, "packs" | "bytesOf">,
  {
    reread,
    rounded,
    widened,
  }: { readonly reread: Set<Node>; readonly rounded: Set<Node>; readonly widened: Set<Node> },
): ReadonlyMap<Node, number> {
  const found = new Map<Node, number>();
  for (const contraction of nodes) {
    if (contraction.op.kind !== "contract") continue;
    for (const [side, arg] of contraction.args.entries()) {
      const [rows, columns] = isContract(contraction) ? [freeOf(contraction, 0), freeOf(contraction, 1)] : [1, 1];
      const hasColumns = side === 1 && columns > 1 && (target.packs !== "none" || rows <= fewRows);
      let isReread = side === 0 && target.packs !== "both" && columns >= manyColumns;
      let isStored = false;
      for (let node: Node | undefined = arg; node !== undefined; node = sourceOf(node)) {
        // Below what is stored each element is computed once.
        isStored ||= stored.has(node);
        const limit = isStored || (hasColumns && isLarge(node, target)) ? cheapInPanel : cheapInContraction;
        found.set(node, Math.min(limit, found.get(node) ?? limit));
        const short = shortOf(node);
        if (short !== undefined) rounded.add(target.packs === "both" ? short : node);
        if (short !== undefined && target.packs === "both") widened.add(node);
        isReread &&= !isStored && node.op !== broadcast; // the few elements that it repeats stay in registers
        if (isReread) reread.add(node);
        if (!isPlacing(node) || limit > cheapInContraction) continue;
        // What a contraction does not compute for itself is stored as it reads it, and not in windows: each is computed once.
        const [windows = node] = node.args;
        found.set(windows, Math.min(cheapInPanel, found.get(windows) ?? cheapInPanel));
        break;
      }
    }
  }
  return found;
}

/** Whether it only puts each element of windows that do not meet where it belongs. */
function isPlacing({ op, type, args: [windows] }: Node): boolean {
  return (
    op === covering && windows !== undefined && sizeOf(fixedShape(type.shape)) <= sizeOf(fixedShape(windows.type.shape))
  );
}

const sourceOf = ({ op, args }: Node): Node | undefined =>
  op.kind === "view" && (args.length === 1 || op === barrier) ? args[0] : undefined;

/**
 * The f16 that an f32 was rounded to and widened from again. Where factors are copied before they are read it is stored, half as large;
 * elsewhere what is widened, as each product would widen it anew.
 */
function shortOf({ op, type, args: [short] }: Node): Node | undefined {
  if (op !== cast || type.dtype !== "f32" || short?.op !== cast || short.type.dtype !== "f16") return undefined;
  return operand(short).type.dtype === "f32" ? short : undefined;
}

/** Elements along the axes that an operand alone has: the rows of the result are the first one's, the columns the second's. */
function freeOf({ args, attrs }: NodeOf<ContractSchema, 2>, side: 0 | 1): number {
  const [batch, summed] = side === 0 ? [attrs.batchLeft, attrs.sumLeft] : [attrs.batchRight, attrs.sumRight];
  return fixedShape(args[side].type.shape).reduce((size, extent, axis) => {
    return batch.includes(axis) || summed.includes(axis) ? size : size * extent;
  }, 1);
}

function isLarge({ type }: Node, { bytesOf }: Pick<TargetTraits, "bytesOf">): boolean {
  return bytesOf(type.dtype, sizeOf(fixedShape(type.shape))) >= leastPanelBytes;
}

/** There is a partition as soon as the widest map can be a kernel of its own: its operands, stored, and its result. */
export function bufferLimit({ name, maxBuffers }: TargetTraits): number {
  if (maxBuffers > widestMap) return maxBuffers;
  throw new UserError(
    `a kernel of the ${name} target may touch ${maxBuffers} buffers, and needs ${widestMap + 1} at least: use another device`,
  );
}

/**
 * How many stored values a floating node may read. A node that is stored has at most three operands, so that it and what it
 * reads through floating ones fit a kernel.
 */
export function floatingReads(maxBuffers: number): number {
  return Math.max(1, Math.min(4, Math.floor((maxBuffers - 2) / widestMap)));
}

/** From so many bytes on it matters which of two values is stored. */
const largeBytes = 64 * 1024;

/** Whether all that is read takes half the bytes at most: places are stored as bytes, not as numbers, nor where they equal others. */
export function isMoreThanRead(node: Node, accesses: readonly Access[]): boolean {
  let bytes = bytesOf(node) / 2;
  if (accesses.length === 0 || bytes < largeBytes / 2) return false;
  for (const read of nodesOf(accesses)) bytes -= bytesOf(read);
  return bytes >= 0 && !accesses.some(({ node: { type } }) => isShort(type.dtype)); // they are slow to read
}
