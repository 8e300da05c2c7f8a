/**
 * An entry as data that a page draws: every node, those in the bodies of loops too. A body's nodes stand in their loop's group, read what the
 * loop hands them, and are read by the loop.
 */
import { callPaths } from "../../../codegen/picture/fold.ts";
import { isFolded, operandsOf, titleOf } from "../../../codegen/picture/label.ts";
import { type Role, rolesOf } from "../../../codegen/picture/roles.ts";
import { bodiesOf } from "../../graph/body.ts";
import { type Entry, neededNodes, type Result, resultNodes } from "../../graph/entry.ts";
import type { Node } from "../../graph/node.ts";
import type { NodeNames } from "../../graph/node-names.ts";
import { printNode } from "../../graph/print.ts";
import { printType } from "../../graph/type.ts";
import type { GraphView, NodeView, ResultView } from "./exploration.ts";
import type { Places } from "./sources.ts";

/** A graph, and what its nodes are called in it: bodies are shared by loops that are alike, so the first that has one names it. */
export interface Viewed {
  readonly view: GraphView;
  readonly keyOf: ReadonlyMap<Node, string>;
}

export function viewGraph(entry: Entry, places: Places, names?: NodeNames): Viewed {
  const nodes: NodeView[] = [];
  const keyOf = new Map<Node, string>();
  const add = (inside: Entry, prefix: string, group: readonly string[], outer: Outer | null): void => {
    const roles = rolesOf(inside);
    const pathOf = callPaths(inside, roles);
    const kept = new Set(resultNodes(inside));
    const isKept = (node: Node): boolean => kept.has(node);
    const applied = new Set<readonly Node[]>();
    for (const node of neededNodes(inside)) {
      const key = `${prefix}${node.id}`;
      if (!keyOf.has(node)) keyOf.set(node, key);
      const role = outer?.role ?? roles.get(node) ?? "forward";
      const path = [...group, ...(outer === null ? [role] : []), ...groupOf(node, pathOf)];
      const own = node.args.map((arg) => `${prefix}${arg.id}`);
      const handed = outer?.operandOf(node) ?? null;
      const inner: string[] = [];
      if (!applied.has(node.results)) {
        applied.add(node.results);
        for (const [i, [, body]] of bodiesOf(node).entries()) {
          const within = `${key}.${i}/`;
          add(body.entry, within, [...path, `${node.op.name} %${node.id}`], {
            role,
            operandOf: (source) => {
              for (const [place, parameter] of body.parameters) {
                const arg = node.args[place];
                if (parameter === source && arg !== undefined) return `${prefix}${arg.id}`;
              }
              return null;
            },
          });
          inner.push(...resultNodes(body.entry).map(({ id }) => `${within}${id}`));
        }
      }
      nodes.push({
        key,
        name: ownName(node, outer !== null) ?? names?.get(node) ?? null,
        label: titleOf(node, operandsOf(node, isKept)),
        text: printNode(node, names),
        type: printType(node.type),
        role,
        args: [...new Set([...own, ...(handed === null ? [] : [handed]), ...inner])],
        group: path,
        isSmall: isFolded(node, isKept),
        places: places.of(node),
      });
    }
  };
  add(entry, "", [], null);
  const results = (kind: ResultView["kind"], list: readonly Result[]): readonly ResultView[] =>
    list.map(({ name, node }) => ({ kind, name, node: String(node.id) }));
  return { view: { nodes, results: [...results("output", entry.outputs), ...results("next", entry.next)] }, keyOf };
}

/** What a body stands in. */
interface Outer {
  readonly role: Role;
  /** The key of the operand that a parameter stands for. */
  operandOf(source: Node): string | null;
}

/** The layer, where a model has any; else the calls of the user's. */
function groupOf(node: Node, pathOf: (node: Node) => readonly { readonly name: string }[]): readonly string[] {
  const layer = node.origins.find((origin) => origin.layer !== undefined)?.layer;
  if (layer !== undefined) return layer.split(".");
  return isExternal(node) ? stateGroup(node) : pathOf(node).map(({ name }) => name);
}

function stateGroup({ attrs }: Node): readonly string[] {
  return String(attrs.name ?? "")
    .split(".")
    .slice(0, -1);
}

function isExternal({ op }: Node): boolean {
  return op.name === "input" || op.name === "state";
}

/** Of states and inputs; parameters of bodies have numbers in place of names. */
function ownName(node: Node, isInBody: boolean): string | null {
  return isExternal(node) && !isInBody ? String(node.attrs.name) : null;
}
