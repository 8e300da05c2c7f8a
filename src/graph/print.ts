/**
 * The printer of the graph language: one line a node in id order, deterministic, so that texts can be compared.
 *
 *   %2: f32[128,512] = contract %0 %1 sumLeft=[1] sumRight=[0]
 *   hidden: f32[128,512] = contract x w sumLeft=[1] sumRight=[0]       with names (node-names.ts)
 *
 * What a loop runs stands below it, further to the right.
 */

import { type AttrValue, isClosed } from "./attrs.ts";
import type { Entry } from "./entry.ts";
import { neededBy } from "./graph.ts";
import type { Node } from "./node.ts";
import { type NodeNames, nameOf } from "./node-names.ts";
import { sameShape } from "./shape.ts";
import { printType } from "./type.ts";

function printAttr(value: AttrValue): string {
  if (isClosed(value)) return "{}";
  if (typeof value === "object") return `[${value.map(printAttr).join(",")}]`;
  return typeof value === "string" && !/^[\w.$*+-]+$/.test(value) ? JSON.stringify(value) : String(value);
}

/** Attributes that are no names and that the (first) type does not tell. */
export function ownAttrs({ op, attrs, results: [first] }: Node): [string, AttrValue][] {
  return Object.entries(attrs).filter(([name, value]) => {
    const kind = op.schema[name];
    if (kind === "dtype") return value !== first?.type.dtype;
    if (kind === "shape" && typeof value === "object" && !isClosed(value))
      return first === undefined || !sameShape(value, first.type.shape);
    return value !== undefined;
  });
}

/** The application that a node is a result of. */
export function printNode(node: Node, names?: NodeNames): string {
  const { op, args, results } = node;
  const printed = ownAttrs(node)
    .filter(([, value]) => !(typeof value === "object" && (isClosed(value) || value.length === 0)))
    .map(([name, value]) => ` ${name}=${printAttr(value)}`);
  const operands = args.map((arg) => ` ${nameOf(arg, names)}`);
  const made = results.map((result) => `${nameOf(result, names)}: ${printType(result.type)}`).join(", ");
  return `${made} = ${op.name}${operands.join("")}${printed.join("")}`;
}

/** The bodies of an application, each under the name of its attribute. */
function printBodies({ attrs }: Node, names: NodeNames | undefined): string[] {
  return Object.entries(attrs).flatMap(([name, value]) =>
    isClosed(value)
      ? [
          `  ${name}`,
          ...value
            .print(names)
            .split("\n")
            .map((line) => `    ${line}`),
        ]
      : [],
  );
}

export function printEntry(entry: Entry, names?: NodeNames): string {
  const needed = neededBy([...entry.outputs, ...entry.next].map((r) => r.node));
  const applications = new Map(needed.map((node) => [node.results, node]));
  const results = [
    ...entry.outputs.map(({ name, node }) => `output ${printAttr(name)} = ${nameOf(node, names)}`),
    ...entry.next.map(({ name, node }) => `next ${printAttr(name)} = ${nameOf(node, names)}`),
  ];
  const lines = [...applications.values()].flatMap((node) => [printNode(node, names), ...printBodies(node, names)]);
  return [`entry ${entry.name}`, ...lines, ...results].join("\n");
}
