/** What each target gives for a standalone module, and the tables that all of them have. */
import type { BufferSlot } from "../../../program/buffer.ts";
import { Code, type Literal, literal } from "./literal.ts";
import { propertyKey, Unlike } from "./names.ts";
import type { InputPort, Port, ProgramEntry, StatePort } from "./program.ts";
import { type LeafTree, treeOf } from "./tree.ts";

/** The part of a module that is the program's own. */
export interface ModuleParts {
  /** JavaScript that defines `program`, in the form that the target's `create` takes. */
  readonly text: string;
  /** The function of the templates that makes executables of it, and the templates that it needs, each behind those that it imports. */
  readonly create: string;
  readonly glue: readonly string[];
  /** Files beside the module. */
  readonly files: ReadonlyMap<string, string | Uint8Array>;
}

/** A file beside the module, in its tables. */
export function moduleFile(name: string): Code {
  const text = JSON.stringify(name);
  return new Code(`{ name: ${text}, url: new URL(${JSON.stringify(`./${name}`)}, import.meta.url) }`);
}

/** A name for the files of each entry, unlike those of the module's own. */
export function fileNames(stem: string): Unlike {
  return new Unlike([stem, "readme", "package"]);
}

/** What is said of an entry whatever the target. `placeOf`: where a buffer lies. */
export function entryTable({ name, inputs, outputs }: ProgramEntry, placeOf: (slot: BufferSlot) => number) {
  const result = resultOf(treeOf(outputs.map(({ path }, i) => ({ path, value: i }))));
  return {
    name,
    inputs: inputs.map((port) => ({ ...slotTable(port, placeOf), ...picksOf(port) })),
    outputs: outputs.map((port) => slotTable(port, placeOf)),
    result: new Code(`(v) => ${result.startsWith("{") ? `(${result})` : result}`),
  };
}

export function stateTable(states: readonly StatePort[], placeOf: (slot: BufferSlot) => number): Literal {
  return states.map((port) => ({ ...slotTable(port, placeOf), range: port.leaf.range }));
}

function slotTable({ path, slot }: Port, placeOf: (slot: BufferSlot) => number) {
  return { path, dtype: slot.dtype, shape: slot.shape, at: placeOf(slot) };
}

function picksOf({ picks }: InputPort) {
  return picks === null ? {} : { below: picks.limit, ignored: picks.ignored ?? undefined };
}

/** The tree of outputs as an expression of their values. */
function resultOf(tree: LeafTree<number>): string {
  if (tree.kind === "leaf") return `v[${tree.value}]`;
  const members = tree.members.map(([name, member]) =>
    tree.kind === "list" ? resultOf(member) : `${propertyKey(name)}: ${resultOf(member)}`,
  );
  return tree.kind === "list" ? `[${members.join(", ")}]` : `{ ${members.join(", ")} }`;
}

/** `const program = {...};`, with a comment for each table that needs one. */
export function programText(tables: { readonly [name: string]: Literal | undefined }): string {
  return `/** What create() makes executables of. */\nconst program = ${literal(tables)};\n`;
}

/** The templates that every target needs. */
export const commonGlue = ["slots", "short-floats", "values", "safetensors", "files"] as const;
