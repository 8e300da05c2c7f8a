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
import type { Build, MapName, Node, OpDef, OpKind } from "../../src/graph/node.ts";
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

type Bindings = ReadonlyMap<string, Node>;

/** What to do with a way of matching: a result ends the search, null asks for the next way. */
type Take<T> = (bound: Bindings) => T | null;

/**
 * Tries the ways in which a node matches, in order, until `take` makes something of one. A pattern is a few levels deep, so
 * this may recurse. Calls and not generators, which took 1.4 times as long in a fresh process.
 */
function firstWay<T>(wanted: Pattern, node: Node, bound: Bindings, take: Take<T>): T | null {
  switch (wanted.form) {
    case "hole": {
      const known = bound.get(wanted.name);
      if (known !== undefined) return known === node ? take(bound) : null;
      return wanted.accepts(node) ? take(new Map(bound).set(wanted.name, node)) : null;
    }
    case "literal":
      return Object.is(constantValue(node), wanted.value) ? take(bound) : null;
    case "kind":
      return node.op.kind === wanted.kind ? take(bound) : null;
    case "op": {
      const { op, args } = node;
      if (op !== wanted.op || args.length !== wanted.args.length) return null;
      const made = headsFit(wanted.args, args) ? firstWayOfOperands(wanted.args, args, 0, bound, take) : null;
      if (made !== null || !commutative.has(op)) return made;
      const turned = args.toReversed();
      return headsFit(wanted.args, turned) ? firstWayOfOperands(wanted.args, turned, 0, bound, take) : null;
    }
  }
}

/** Whether operands may match: most do not, and are sorted out here before anything is bound. */
function headsFit(wanted: readonly Pattern[], args: readonly Node[]): boolean {
  return wanted.every((each, i) => each.form !== "op" || each.op === args[i]?.op);
}

/** The same for the operands from place `at` on. */
function firstWayOfOperands<T>(
  wanted: readonly Pattern[],
  args: readonly Node[],
  at: number,
  bound: Bindings,
  take: Take<T>,
): T | null {
  const [first, arg] = [wanted[at], args[at]];
  if (first === undefined || arg === undefined) return take(bound);
  return firstWay(first, arg, bound, (way) => firstWayOfOperands(wanted, args, at + 1, way, take));
}

const nothingBound: Bindings = new Map();

/** What the rule makes of a node: the first way of matching that its right side takes, or null. */
export function applyRule(rule: Rule, node: Node, build: Build): Node | null {
  return firstWay(rule.left, node, nothingBound, (way) => {
    const made = rule.right(Object.fromEntries(way), build, node);
    return made === node ? null : made;
  });
}
