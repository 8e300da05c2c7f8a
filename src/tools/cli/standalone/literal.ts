/** Plain data as JavaScript, short things on one line: the tables of a module. */
import { propertyKey } from "./names.ts";

/** JavaScript that stands where data would. */
export class Code {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

export type Literal = string | number | Code | readonly Literal[] | { readonly [name: string]: Literal | undefined };

const width = 110;

/** `indent` is that of the line on which it begins. Members that are undefined are left out. */
export function literal(value: Literal, indent = ""): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "number") return Object.is(value, -0) ? "-0" : String(value);
  if (value instanceof Code) return value.text;
  const inner = `${indent}  `;
  const isList = Array.isArray(value);
  const members = (at: string): readonly string[] =>
    isListOf(value)
      ? value.map((member) => literal(member, at))
      : Object.entries(value).flatMap(([name, member]) =>
          member === undefined ? [] : [`${propertyKey(name)}: ${literal(member, at)}`],
        );
  const found = members(inner);
  const [open, close, space] = isList ? ["[", "]", ""] : ["{", "}", " "];
  if (found.length === 0) return open + close;
  const line = `${open}${space}${found.join(", ")}${space}${close}`;
  if (line.length + indent.length <= width && !line.includes("\n")) return line;
  return `${open}\n${found.map((member) => `${inner}${member},\n`).join("")}${indent}${close}`;
}

function isListOf(value: Literal): value is readonly Literal[] {
  return Array.isArray(value);
}
