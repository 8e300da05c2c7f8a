/**
 * leaveLoops: what need not be done in a loop is done outside for all rows at once.
 *
 *   sums      acc' = acc + a*b, where nothing else reads acc      ->    the rows of a and b are stacked, and contracted over rows too
 *   inputs    x*w of a row x, whatever is carried                 ->    the product for all rows, of which the loop reads one
 *
 * So the gradient of a recurrent net's weights is one long contraction instead of a small one and a sum for each row, and what
 * comes in from below is one matrix product. Sums are of the same terms, in another order. A sum leaves only where its rows take
 * less memory than it is worth: no more than twice the sum's own, for each row; and not where they would be stacks of what a
 * checkpoint has made again, so as not to be kept.
 */
import { isFloat } from "../../src/core/dtype.ts";
import { vectorize } from "../../src/graph/batch.ts";
import { everywhere } from "../../src/graph/body.ts";
import { isContract, isOp, operand } from "../../src/graph/define.ts";
import { type Entry, rebuild } from "../../src/graph/entry.ts";
import { neededBy } from "../../src/graph/graph.ts";
import type { Batched, Build, Node } from "../../src/graph/node.ts";
import { barrier } from "../../src/graph/ops/barrier.ts";
import { scan } from "../../src/graph/ops/loop.ts";
import { mapOps } from "../../src/graph/ops/map.ts";
import { reduceOps } from "../../src/graph/ops/reduce.ts";
import { permute, reshape } from "../../src/graph/ops/view.ts";
import { type Built, built, type Carry, type Read, type ScanDraft, type Stack, takenApart } from "./scan-draft.ts";

export const leaveLoops: (entry: Entry) => Entry = everywhere((entry) => {
  const done = new Map<readonly Node[], ReadonlyMap<number, Node>>();
  return rebuild(entry, (node, args, build) => {
    if (!isOp(node, scan)) return undefined;
    const results = done.get(node.results) ?? changed(takenApart(node, args), build);
    done.set(node.results, results);
    return results.get(node.result);
  });
});

/** The results of a scan, by number. */
function changed(draft: ScanDraft, build: Build): ReadonlyMap<number, Node> {
  const { draft: left, sums } = withoutSums(draft);
  const made = built(withInputsOutside(left, build), build);
  const results = new Map<number, Node>();
  left.carries.forEach(({ result }, i) => {
    const node = made.carries[i];
    if (node !== undefined) results.set(result, node);
  });
  left.stacks.forEach(({ result }, i) => {
    const node = made.stacks[i];
    if (node !== undefined && result !== null) results.set(result, node);
  });
  for (const sum of sums) results.set(sum.carry.result, summedOutside(sum, made, left, build));
  return results;
}

// ---- sums ----------------------------------------------------------------------------------------------------------

/** A carry that only adds up, and what it adds. */
interface Sum {
  readonly carry: Carry;
  readonly terms: readonly Term[];
}

/** A contraction or a sum, and the views of it that are added: from the outermost to the innermost. */
interface Term {
  readonly core: Node;
  readonly views: readonly Node[];
}

function withoutSums(draft: ScanDraft): { readonly draft: ScanDraft; readonly sums: readonly Sum[] } {
  const readers = readersIn(draft);
  const moving = movingIn(draft);
  const again = madeAgainIn(draft);
  const rows = new Set(draft.rows.map(({ parameter }) => parameter));
  const stacks: Stack[] = [...draft.stacks];
  const sums: Sum[] = [];
  /** Whether the carry stays. */
  const stays = (carry: Carry): boolean => {
    const terms = termsOf(carry, readers);
    const parts = terms?.flatMap(({ core }) => core.args) ?? [];
    const fresh = [...new Set(parts)].filter((part) => !rows.has(part) && !stacks.some(({ value }) => value === part));
    const cost = fresh.reduce((bytes, part) => bytes + (again.has(part) ? Infinity : elementsOf(part)), 0);
    if (terms === null || parts.some((part) => !moving.has(part)) || !(cost <= 2 * elementsOf(carry.next))) return true;
    sums.push({ carry, terms });
    stacks.push(...fresh.map((value) => ({ result: null, value })));
    return false;
  };
  let carries = draft.carries;
  // Rows that are stacked for one sum are there for the others.
  for (let before = Number.POSITIVE_INFINITY; carries.length < before; ) {
    before = carries.length;
    carries = carries.filter(stays);
  }
  return { draft: { ...draft, carries, stacks }, sums };
}

/** What a carry adds to itself: null where it is more than a sum. */
function termsOf({ parameter, next }: Carry, readers: ReadonlyMap<Node, number>): readonly Term[] | null {
  if (parameter === undefined || !isFloat(next.type.dtype) || readers.get(parameter) !== 1) return null;
  const terms: Term[] = [];
  let selves = 0;
  const pending = [next];
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    if (node === parameter) selves += 1;
    else if (node.op === mapOps.add && readers.get(node) === 1) pending.push(...node.args);
    else {
      const views: Node[] = [];
      let core = node;
      for (; isOp(core, permute) || isOp(core, reshape); core = operand(core)) views.push(core);
      if (!isContract(core) && !isOp(core, reduceOps.sum)) return null;
      terms.push({ core, views });
    }
  }
  return selves === 1 && terms.length > 0 ? terms : null;
}

function summedOutside({ carry, terms }: Sum, made: Built, draft: ScanDraft, build: Build): Node {
  const stackOf = (part: Node): Node => {
    const read = draft.rows.find(({ parameter }) => parameter === part);
    return read?.operand ?? made.stacks[draft.stacks.findIndex(({ value }) => value === part)] ?? part;
  };
  const behind = (axes: readonly number[]): readonly number[] => axes.map((axis) => axis + 1);
  return terms.reduce((sum, { core, views }) => {
    let term: Node;
    if (isContract(core)) {
      const { batchLeft, batchRight, sumLeft, sumRight } = core.attrs;
      term = build.contract(stackOf(operand(core)), stackOf(operand(core, 1)), {
        batchLeft: behind(batchLeft),
        batchRight: behind(batchRight),
        sumLeft: [0, ...behind(sumLeft)],
        sumRight: [0, ...behind(sumRight)],
      });
    } else {
      const axes = isOp(core, reduceOps.sum) ? core.attrs.axes : [];
      term = build.reduce("sum", stackOf(operand(core)), [0, ...behind(axes)]);
    }
    for (const view of [...views].reverse()) term = build.graph.copy(view, [term]);
    return build.map("add", sum, term);
  }, carry.init);
}

/** How often each node of the body is read; results count as well. */
function readersIn({ carries, stacks }: ScanDraft): ReadonlyMap<Node, number> {
  const results = [...carries.map(({ next }) => next), ...stacks.map(({ value }) => value)];
  const readers = new Map<Node, number>();
  const read = (node: Node): void => void readers.set(node, (readers.get(node) ?? 0) + 1);
  const seen = new Set<readonly Node[]>();
  for (const { args, results: all } of neededBy(results)) {
    if (!seen.has(all)) args.forEach(read);
    seen.add(all);
  }
  results.forEach(read);
  return readers;
}

/** What may differ from row to row. */
function movingIn(draft: ScanDraft): ReadonlySet<Node> {
  const { carries, rows, iteration } = draft;
  const sources = [...carries.map(({ parameter }) => parameter), ...rows.map(({ parameter }) => parameter), iteration];
  const moving = new Set<Node | undefined>(sources);
  return madeOf(draft, (node) => moving.has(node));
}

/** What a checkpoint makes a second time, and what follows from it. */
function madeAgainIn(draft: ScanDraft): ReadonlySet<Node> {
  return madeOf(draft, (node) => isOp(node, barrier));
}

/** The nodes for which that is so, and those that depend on one. */
function madeOf({ carries, stacks }: ScanDraft, isSo: (node: Node) => boolean): ReadonlySet<Node> {
  const results = [...carries.map(({ next }) => next), ...stacks.map(({ value }) => value)];
  const found = new Set<Node>();
  for (const node of neededBy(results)) if (isSo(node) || node.args.some((arg) => found.has(arg))) found.add(node);
  return found;
}

/** NaN where dimensions are names: nothing is known then. */
function elementsOf({ type: { shape } }: Node): number {
  return shape.reduce((size: number, dim) => size * Number(dim), 1);
}

// ---- inputs --------------------------------------------------------------------------------------------------------

/** Contractions of rows alone, with what follows from nothing else, are made for all rows outside. */
function withInputsOutside(draft: ScanDraft, build: Build): ScanDraft {
  const results = [...draft.carries.map(({ next }) => next), ...draft.stacks.map(({ value }) => value)];
  const carried = new Set<Node>();
  const contracting = new Set<Node>();
  const hoisted = new Set<Node>();
  const parameters = new Set(draft.carries.map(({ parameter }) => parameter));
  const nodes = neededBy(results);
  for (const node of nodes) {
    const stays = parameters.has(node) || node.op.kind === "loop" || node.op.kind === "run";
    if (stays || node.args.some((arg) => carried.has(arg))) carried.add(node);
    else if (isContract(node) || node.args.some((arg) => contracting.has(arg))) contracting.add(node);
  }
  for (const node of nodes) {
    if (carried.has(node)) for (const arg of node.args) if (contracting.has(arg)) hoisted.add(arg);
  }
  for (const node of results) if (contracting.has(node)) hoisted.add(node);
  if (hoisted.size === 0) return draft;
  const given = new Map<Node, Batched>();
  for (const { parameter, operand: node } of draft.rows) given.set(parameter, { node, batched: true });
  for (const { parameter, operand: node } of draft.captured) given.set(parameter, { node, batched: false });
  if (draft.iteration !== undefined) {
    given.set(draft.iteration, { node: build.iota("i32", [draft.length], 0), batched: true });
  }
  const wanted = [...hoisted];
  const made = vectorize(build.graph, wanted, given, draft.length);
  const rows: Read[] = [...draft.rows];
  const captured: Read[] = [...draft.captured];
  made.forEach(({ node, batched }, i) => {
    const parameter = wanted[i];
    if (parameter !== undefined) (batched ? rows : captured).push({ operand: node, parameter });
  });
  return { ...draft, rows, captured };
}
