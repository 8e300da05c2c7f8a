/**
 * Patterns over the graph, and rewrite rules as data.
 *
 *   const [x, y] = [hole("x"), hole("y")];
 *   rule("x + (−y) = x − y", add(x, neg(y)), ({ x, y }, b) => b.map("sub", x, y), { exact: true })
 *
 * A pattern is written like the program it matches: functions named like the ops, numbers for constants (a number matches a
 * constant and a constant repeated to any shape). The engine tries the operands of commutative ops in either order. A hole
 * that stands twice must meet the same node twice; nodes are interned, so that is the same expression.
 */

import { constantValue } from "../../src/graph/constant-value.ts";
import type { Build, Node, OpDef, OpKind } from "../../src/graph/node.ts";
import type { MapName } from "../../src/graph/op-names.ts";
import { mapOps } from "../../src/graph/ops/map.ts";

export type Pattern<Name extends string = string> =
  | { readonly form: "hole"; readonly name: Name; readonly accepts: (node: Node) => boolean }
  | { readonly form: "literal"; readonly value: number }
  | { readonly form: "op"; readonly op: OpDef; readonly args: readonly Pattern<Name>[] }
  | { readonly form: "kind"; readonly kind: OpKind };

/** The nodes that the holes met. */
export type Bound<Name extends string = string> = Readonly<Record<Name, Node>>;

export interface Rule {
  /** What the rule says, as an equation; the title of its test. */
  readonly law: string;
  readonly left: Pattern;
  /** The right side, or null where a condition that the pattern cannot say does not hold. `root` is the node that matched. */
  right(bound: Bound, build: Build, root: Node): Node | null;
  /** Both sides have the same bits, -0 and NaN included. */
  readonly exact: boolean;
}

interface RuleOptions {
  readonly exact: boolean;
}

export function rule<Name extends string>(
  law: string,
  left: Pattern<Name>,
  right: (bound: Bound<Name>, build: Build, root: Node) => Node | null,
  { exact }: RuleOptions,
): Rule {
  return { law, left, right, exact };
}

// ---- patterns ------------------------------------------------------------------------------------------------------

/** Matches any node for which `accepts` holds. */
export function hole<Name extends string>(name: Name, accepts: (node: Node) => boolean = () => true): Pattern<Name> {
  return { form: "hole", name, accepts };
}

/** Matches every node of a kind. */
export function anyOf(kind: OpKind): Pattern<never> {
  return { form: "kind", kind };
}

type Part<Name extends string> = Pattern<Name> | number;

/** A pattern for nodes of an op, whatever their attributes. */
export function pattern<Name extends string>(op: OpDef, ...args: readonly Part<Name>[]): Pattern<Name> {
  const parts = args.map((arg) => (typeof arg === "number" ? ({ form: "literal", value: arg } as const) : arg));
  return { form: "op", op, args: parts };
}

/** Writes an element-wise op in a pattern as in a program. */
export function patternOf(
  name: MapName,
): <Name extends string = never>(...args: readonly Part<Name>[]) => Pattern<Name> {
  return (...args) => pattern(mapOps[name], ...args);
}

// ---- matching ------------------------------------------------------------------------------------------------------

const commutative: ReadonlySet<OpDef> = new Set(
  (["add", "mul", "max", "min", "eq", "ne", "and", "or"] as const).map((name) => mapOps[name]),
);

/** The operands of a pattern that are still to be matched. */
interface Goal {
  readonly wanted: Pattern;
  readonly node: Node;
  readonly next: Goal | null;
}

/** One match of a rule and a node: goes through the ways in which the node fits, in order, until the right side takes one. */
class Match {
  readonly #rule: Rule;
  readonly #root: Node;
  readonly #build: Build;
  /** What the holes have met, by name. */
  readonly #names: string[] = [];
  readonly #met: Node[] = [];

  constructor(rule: Rule, root: Node, build: Build) {
    this.#rule = rule;
    this.#root = root;
    this.#build = build;
  }

  /** What becomes of the root, or null. A pattern is a few levels deep, so this may recurse. */
  first(goal: Goal | null): Node | null {
    if (goal === null) return this.#taken();
    const { wanted, node, next } = goal;
    switch (wanted.form) {
      case "hole": {
        const known = this.#names.indexOf(wanted.name);
        if (known >= 0) return this.#met[known] === node ? this.first(next) : null;
        if (!wanted.accepts(node)) return null;
        this.#names.push(wanted.name);
        this.#met.push(node);
        const made = this.first(next);
        this.#names.pop();
        this.#met.pop();
        return made;
      }
      case "literal":
        return Object.is(constantValue(node), wanted.value) ? this.first(next) : null;
      case "kind":
        return node.op.kind === wanted.kind ? this.first(next) : null;
      case "op": {
        if (node.op !== wanted.op) return null;
        const made = headsFit(wanted.args, node.args) ? this.#operands(wanted.args, node.args, next) : null;
        if (made !== null || !commutative.has(node.op)) return made;
        const turned = node.args.toReversed();
        return headsFit(wanted.args, turned) ? this.#operands(wanted.args, turned, next) : null;
      }
    }
  }

  #operands(wanted: readonly Pattern[], args: readonly Node[], next: Goal | null): Node | null {
    let goal = next;
    for (let i = wanted.length - 1; i >= 0; i -= 1) {
      const part = wanted[i];
      const node = args[i];
      if (part !== undefined && node !== undefined) goal = { wanted: part, node, next: goal };
    }
    return this.first(goal);
  }

  #taken(): Node | null {
    const bound: Record<string, Node> = {};
    for (let i = 0; i < this.#names.length; i += 1) {
      const name = this.#names[i];
      const node = this.#met[i];
      if (name !== undefined && node !== undefined) bound[name] = node;
    }
    const made = this.#rule.right(bound, this.#build, this.#root);
    return made === this.#root ? null : made;
  }
}

/** Whether operands may match: most do not, and are sorted out here before anything is bound. */
function headsFit(wanted: readonly Pattern[], args: readonly Node[]): boolean {
  if (wanted.length !== args.length) return false;
  for (let i = 0; i < wanted.length; i += 1) {
    const part = wanted[i];
    const node = args[i];
    if (part === undefined || node === undefined) return false;
    if (part.form === "op" && part.op !== node.op) return false;
    if (part.form === "literal" && !Object.is(constantValue(node), part.value)) return false;
  }
  return true;
}

function mayFit(wanted: readonly Pattern[], { op, args }: Node): boolean {
  return headsFit(wanted, args) || (commutative.has(op) && headsFit(wanted, args.toReversed()));
}

/** What the rule makes of a node: the first way of matching that its right side takes, or null. */
export function applyRule(rule: Rule, node: Node, build: Build): Node | null {
  const { left } = rule;
  if (left.form === "op" && !mayFit(left.args, node)) return null;
  return new Match(rule, node, build).first({ wanted: rule.left, node, next: null });
}
