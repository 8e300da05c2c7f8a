/**
 * simplify: rewrites by the laws of simplify-rules.ts until none applies.
 *
 *   %3: f32[] = mul %2 %0        (%2 is the constant 1)
 *   %4: f32[] = add %3 %3                                     ->     %2: f32[] = mul 2 %0
 *
 * A round is one rebuild in id order: operands are simplified before their users, so a chain of any length falls in one
 * round. What a rule puts below the new node waits for the next, which looks at that and what reads it alone. Runs behind
 * `differentiate`: it drops `stopGradient`.
 */
import { everywhere } from "../../src/graph/body.ts";
import { copyOf } from "../../src/graph/copies.ts";
import { type Entry, rebuild } from "../../src/graph/entry.ts";
import type { Build, Node, OpDef, OpKind } from "../../src/graph/node.ts";
import { leaveLoops } from "./leave-loops.ts";
import type { GraphPass, Rewrites } from "./pass.ts";
import { applyRule, type Rule } from "./pattern.ts";
import { rules } from "./simplify-rules.ts";
import { trimLoops } from "./trim-loops.ts";

export const simplify: GraphPass = { name: "simplify", run: (entry, { rewrites }) => simplified(entry, rewrites) };

/** Loops do what they must once it is plain what that is; what leaves them is as it was written, and simplified again. */
function simplified(entry: Entry, rewrites: Rewrites | undefined): Entry {
  const run = everywhere(simplifier(rules, rewrites));
  const plain = run(entry);
  return plain.graph.nodes.some(({ op }) => op.kind === "loop") ? run(leaveLoops(trimLoops(plain))) : plain;
}

/** Every rule makes a program smaller or cheaper, so few rounds are ever needed; the bounds are for our mistakes. */
const maxRounds = 24;
const maxSteps = 24;

/** Rewrites with the given rules only. */
export function simplifier(chosen: readonly Rule[], rewrites?: Rewrites): (entry: Entry) => Entry {
  const { ofOp, ofKind } = index(chosen);
  const candidates: Candidates = ({ op }) => ofOp.get(op) ?? ofKind.get(op.kind) ?? [];
  return (entry) => {
    let current = entry;
    /** Nodes that no rule fitted, as they were. */
    let settled: ReadonlySet<Node> = new Set();
    for (let round = 0; round < maxRounds; round++) {
      let fired = false;
      const ends = new Set<Node>();
      /** What a rule has put below another node, and what reads that. */
      const open = new Set<Node>();
      current = rebuild(current, (node, args, build) => {
        const start = copyOf(node, args, build.graph, false);
        const isOpen = !settled.has(node) || node.args.some((arg) => open.has(arg));
        if (isOpen) open.add(node);
        const told = rewrites && ((law: string) => rewrites.fired(law, node));
        const end = isOpen ? rewrite(start, candidates, build, told) : start;
        rewrites?.moved(node, end);
        fired ||= end !== start;
        ends.add(end);
        return end;
      });
      if (!fired) return current;
      settled = ends;
    }
    return current;
  };
}

/** The rules that may fit a node, in the order in which they are tried. */
type Candidates = (node: Node) => readonly Rule[];

/** Who is told which law has fired. */
type Told = ((law: string) => void) | undefined;

/** Applies rules to one node until none fits. */
function rewrite(start: Node, candidates: Candidates, build: Build, told: Told): Node {
  let node = start;
  for (let step = 0; step < maxSteps; step++) {
    const next = firstRewrite(node, candidates(node), build, told);
    if (next === null) return node;
    node = next;
  }
  return node;
}

function firstRewrite(node: Node, candidates: readonly Rule[], build: Build, told: Told): Node | null {
  for (let i = 0; i < candidates.length; i += 1) {
    const rule = candidates[i];
    const made = rule === undefined ? null : applyRule(rule, node, build);
    if (rule === undefined || made === null) continue;
    told?.(rule.law);
    return made;
  }
  return null;
}

/** Rules by what stands at the root of their left side; those of an op, then those of its kind. */
function index(chosen: readonly Rule[]): {
  readonly ofOp: ReadonlyMap<OpDef, readonly Rule[]>;
  readonly ofKind: ReadonlyMap<OpKind, readonly Rule[]>;
} {
  const ofOp = new Map<OpDef, Rule[]>();
  const ofKind = new Map<OpKind, Rule[]>();
  for (const rule of chosen) {
    if (rule.left.form === "op") ofOp.set(rule.left.op, [...(ofOp.get(rule.left.op) ?? []), rule]);
    if (rule.left.form === "kind") ofKind.set(rule.left.kind, [...(ofKind.get(rule.left.kind) ?? []), rule]);
  }
  for (const [op, own] of ofOp) own.push(...(ofKind.get(op.kind) ?? []));
  return { ofOp, ofKind };
}
