/**
 * What is different between two versions of a program: its inputs, its states and what they start with, and the nodes of one entry.
 *
 *   ~ state model.w1   f32[784,512] → f32[784,256]
 *   + state model.w3   f32[256,10]
 *   ~ hidden           max(·, 0) → tanh
 *   - logits2          add f32[128,10]
 *
 * A node has changed where its op, its constants, its type or what it reads is another; that something before it has changed is no
 * change of its own.
 */
import { numberText, titleOf } from "../../../codegen/picture/label.ts";
import type { Program } from "../../dsl/program.ts";
import { bodiesOf } from "../../graph/body.ts";
import type { Node } from "../../graph/node.ts";
import { nameOf } from "../../graph/node-names.ts";
import { input, randomState, state } from "../../graph/ops/source.ts";
import { printNode } from "../../graph/print.ts";
import { printShape } from "../../graph/shape.ts";
import { printType } from "../../graph/type.ts";
import { startValuesOf } from "../../runtime/start-values.ts";
import { type Matched, matchEntries, type Version } from "./match-entries.ts";

export type Sign = "+" | "-" | "~";

export interface Change {
  readonly sign: Sign;
  /** Input, state, result or node, by its name. */
  readonly name: string;
  readonly what: string;
  /** A type is all that is another. */
  readonly typeAlone: boolean;
}

export interface NodeChange extends Change {
  readonly before: Node | undefined;
  readonly after: Node | undefined;
}

export interface Difference {
  /** Inputs and states of the programs, and results of the entries. */
  readonly around: readonly Change[];
  /** What is gone, then what is new or has changed, each in order. */
  readonly nodes: readonly NodeChange[];
  readonly matched: Matched;
}

export function differenceOf(
  before: Program<unknown>,
  after: Program<unknown>,
  versions: readonly [before: Version, after: Version],
): Difference {
  const matched = matchEntries(...versions);
  const around = [...leafChanges("input", before.inputs, after.inputs), ...stateChanges(before, after), ...resultChanges(versions, matched)]; // biome-ignore format: one line
  return { around, nodes: nodeChanges(versions, matched), matched };
}

/** Whether two entries are the same, whatever things are called. */
export function areSame(a: Version, b: Version): boolean {
  const matched = matchEntries(a, b);
  const all = [...nodeChanges([a, b], matched), ...resultChanges([a, b], matched)];
  return all.length === 0;
}

// ---- around the nodes ----------------------------------------------------------------------------------------------

interface Leaf {
  readonly path: string;
  readonly leaf: { readonly shape: readonly (number | string)[]; readonly dtype: string };
}

function leafChanges(kind: string, before: readonly Leaf[], after: readonly Leaf[]): Change[] {
  const typed = ({ leaf }: Leaf): string => leaf.dtype + printShape(leaf.shape);
  const known = new Map(before.map((one) => [one.path, typed(one)]));
  const made = new Map(after.map((one) => [one.path, typed(one)]));
  const change = (sign: Sign, path: string, what: string): Change => ({ sign, name: `${kind} ${path}`, what, typeAlone: sign === "~" }); // biome-ignore format: one line
  return [
    ...[...made].flatMap(([path, type]) => {
      const old = known.get(path);
      if (old === undefined) return [change("+", path, type)];
      return old === type ? [] : [change("~", path, `${old} → ${type}`)];
    }),
    ...[...known].flatMap(([path, type]) => (made.has(path) ? [] : [change("-", path, type)])),
  ];
}

/** Types, and for those that kept theirs what they start with (from one seed) and whether they are trained. */
function stateChanges(before: Program<unknown>, after: Program<unknown>): Change[] {
  const types = leafChanges("state", before.states, after.states);
  const told = new Set(types.map(({ name }) => name));
  const old = new Map(before.states.map((one) => [one.path, one]));
  const both = after.states.filter(({ path }) => path !== randomState && old.has(path) && !told.has(`state ${path}`));
  const [starts, oldStarts] = [startValuesOf(both, 0), startValuesOf(both.flatMap(({ path }) => old.get(path) ?? []), 0)]; // biome-ignore format: one line
  const others = both.flatMap(({ path, leaf }): readonly Change[] => {
    const [now, then] = [starts.get(path) ?? [], oldStarts.get(path) ?? []];
    const words: string[] = [];
    if (!now.every((value, i) => Object.is(value, then[i]))) {
      words.push(
        now.length === 1
          ? `starts at ${numberText(then[0] ?? 0)} → ${numberText(now[0] ?? 0)}`
          : "starts with other values",
      );
    }
    if (old.get(path)?.leaf.trainable !== leaf.trainable) {
      words.push(leaf.trainable ? "is trained now" : "is not trained any more");
    }
    return words.length === 0 ? [] : [{ sign: "~", name: `state ${path}`, what: words.join(", "), typeAlone: false }];
  });
  return [...types, ...others];
}

/** Results that one version alone has, or that other nodes give. The next value of a state that is new or gone is told by the state. */
function resultChanges([before, after]: readonly [Version, Version], { afterOf }: Matched): Change[] {
  const changes = (kind: string, old: Results, now: Results, isTold: (name: string) => boolean): readonly Change[] => {
    const then = new Map(old.map(({ name, node }) => [name, node]));
    const made = new Map(now.map(({ name, node }) => [name, node]));
    return [...new Set([...made.keys(), ...then.keys()])].flatMap((name): readonly Change[] => {
      const [a, b] = [then.get(name), made.get(name)];
      if (isTold(name) || (a !== undefined && b !== undefined && afterOf.get(a) === b)) return [];
      const sign = a === undefined ? "+" : b === undefined ? "-" : "~";
      const said = [a === undefined ? "" : textOf(a, before), b === undefined ? "" : textOf(b, after)];
      return [
        { sign, name: `${kind} ${name}`, what: said.filter((text) => text !== "").join(" → "), typeAlone: false },
      ];
    });
  };
  const states = ({ entry }: Version): ReadonlySet<string> => new Set(entry.graph.nodes.flatMap(({ op, attrs }) => (op === state ? [String(attrs.name)] : []))); // biome-ignore format: one line
  const [old, now] = [states(before), states(after)];
  return [
    ...changes("output", before.entry.outputs, after.entry.outputs, () => false),
    ...changes("next", before.entry.next, after.entry.next, (name) => old.has(name) !== now.has(name)),
  ];
}

type Results = Version["entry"]["outputs"];

function textOf(node: Node, { names }: Version): string {
  return isSource(node) ? `${node.op.name} ${node.attrs.name}` : nameOf(node, names);
}

// ---- nodes ---------------------------------------------------------------------------------------------------------

function nodeChanges([before, after]: readonly [Version, Version], matched: Matched): NodeChange[] {
  const gone = matched.before.filter((node) => !matched.afterOf.has(node) && !isSource(node));
  const found: NodeChange[] = [];
  const about = (node: Node): string => `${titleOf(node, matched.operands(node))} ${printType(node.type)}`;
  const remove = (node: Node): void => {
    found.push({ sign: "-", name: nameOf(node, before.names), what: about(node), typeAlone: false, before: node, after: undefined }); // biome-ignore format: one line
  };
  for (const node of gone) remove(node);
  for (const node of matched.after) {
    if (isSource(node)) continue;
    const old = matched.beforeOf.get(node);
    const name = nameOf(node, after.names);
    if (old === undefined) {
      found.push({ sign: "+", name, what: about(node), typeAlone: false, before: undefined, after: node });
      continue;
    }
    if (matched.equal.has(node) || matched.equal.has(old)) continue;
    const own = ownChanges(old, node, [before, after], matched);
    const types = [old, node].map(({ type }) => printType(type));
    const typed = types[0] === types[1] ? [] : [types.join(" → ")];
    if (own.length + typed.length === 0) continue;
    const isOther = own[0]?.includes(" → ") === true;
    const title = isOther ? [] : [titleOf(node, matched.operands(node))];
    const what = `${[...title, ...own].join(", ")}${typed.length === 0 ? "" : ` ${typed[0]}`}`;
    found.push({ sign: "~", name, what, typeAlone: own.length === 0, before: old, after: node }); // biome-ignore format: one line
  }
  return found;
}

/** Of a matched node, besides its type. */
function ownChanges(old: Node, node: Node, [before, after]: readonly [Version, Version], matched: Matched): string[] {
  const words: string[] = [];
  const [then, now] = [matched.operands(old), matched.operands(node)];
  const [title, newTitle] = [titleOf(old, then), titleOf(node, now)];
  if (title !== newTitle) words.push(`${title} → ${newTitle}`);
  else if (old.key !== node.key && printType(old.type) === printType(node.type) && bodiesOf(node).length === 0) {
    words.push(`${attributesOf(old)} → ${attributesOf(node)}`);
  }
  const reads = (operands: typeof now): readonly Node[] => operands.flatMap((one) => (one.kind === "line" ? [one.node] : [])); // biome-ignore format: one line
  const [read, reading] = [reads(then), reads(now)];
  if (read.length !== reading.length) return words;
  for (const [i, arg] of reading.entries()) {
    const was = read[i];
    if (was === undefined || matched.afterOf.get(was) === arg) continue;
    words.push(`reads ${textOf(arg, after)} in place of ${textOf(was, before)}`);
  }
  return words;
}

function attributesOf(node: Node): string {
  return printNode(node).replace(/^.*? = /, "").replace(/ %\d+/g, ""); // biome-ignore format: one line
}

function isSource({ op }: Node): boolean {
  return op === input || op === state;
}

// ---- text ----------------------------------------------------------------------------------------------------------

/** A line for each change, and how many there are. */
export function printDifference({ around, nodes }: Difference): string {
  const all: readonly Change[] = [...around, ...nodes];
  const width = Math.min(40, Math.max(...all.map(({ name }) => name.length)));
  const lines = all.map(({ sign, name, what }) => `${sign} ${name.padEnd(width)}  ${what}`);
  return `${[...lines, "", countsText({ around, nodes })].join("\n")}\n`;
}

/** "3 added, 1 removed, 14 changed (12 in their types alone)" */
export function countsText({ around, nodes }: Pick<Difference, "around" | "nodes">): string {
  const all: readonly Change[] = [...around, ...nodes];
  const count = (sign: Sign): number => all.filter((one) => one.sign === sign).length;
  const types = all.filter(({ typeAlone }) => typeAlone).length;
  const changed = count("~");
  return [
    `${count("+")} added`,
    `${count("-")} removed`,
    `${changed} changed${types === 0 ? "" : types === changed ? " (in their types alone)" : ` (${types} in their types alone)`}`,
  ].join(", ");
}
