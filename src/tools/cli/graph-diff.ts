/** tensorloom graph A --diff B: what is different between two versions of a program, as text or as a picture (difference.ts). */
import { basename } from "node:path";
import { printDifferenceDot } from "../../../codegen/picture/difference-dot.ts";
import { drawEntry } from "../../../codegen/picture/drawing.ts";
import { UserError } from "../../core/errors.ts";
import type { Program } from "../../dsl/program.ts";
import type { Dims } from "../../graph/shape.ts";
import type { Naming } from "../names/naming.ts";
import { checkDims, chooseEntry } from "./choose.ts";
import { areSame, countsText, type Difference, differenceOf, printDifference } from "./difference.ts";
import { entryAt, type Format, rendered, type Stage } from "./graph.ts";
import type { Version } from "./match-entries.ts";

export interface DiffOptions {
  /** One whose result is a graph of nodes. */
  readonly stage: Stage;
  readonly format: Format;
  /** By default the first of the earlier program. */
  readonly entry?: string;
  readonly dims?: Dims;
}

/** A version of a program, and what its nodes are called. */
export interface Side {
  readonly script: string;
  readonly program: Program<unknown>;
  readonly naming: Naming | undefined;
}

export async function drawDiff(before: Side, after: Side, options: DiffOptions): Promise<string | Uint8Array> {
  const { stage, format, dims = {} } = options;
  if (stage === "kernels" || stage === "memory") {
    throw new UserError("--diff compares graphs: use it with --stage forward, gradient or optimized");
  }
  if (format === "json" || format === "mermaid") {
    throw new UserError(`a difference is text or a picture, and no ${format}: use --format text, svg, png or dot`);
  }
  const name = chooseEntry(before.program, options.entry);
  if (!after.program.entries.has(name)) {
    const names = [...after.program.entries.keys()].join(", ");
    throw new UserError(`${after.script} has no entry "${name}" to compare (it has ${names}): choose one that both have with --entry`); // biome-ignore format: one line
  }
  const versionOf = ({ program, naming }: Side, entryName: string): Version => {
    checkDims(program, dims, "some");
    const entry = entryAt(program, entryName, stage, dims);
    return { entry, names: naming?.(entry) };
  };
  const versions = [versionOf(before, name), versionOf(after, name)] as const;
  const difference = differenceOf(before.program, after.program, versions);
  const others = otherEntries(before, after, name, (side, other) => versionOf(side, other));
  const isNone = difference.around.length + difference.nodes.length === 0;
  if (format === "text") {
    const told = isNone
      ? others === ""
        ? "no difference\n"
        : `${name}: no difference\n`
      : printDifference(difference);
    return told + others;
  }
  return rendered(
    pictureOf(difference, versions, `${name}: ${namesOf(before.script, after.script).join(" → ")}`),
    format,
  );
}

/** Of two files: without their folders, where that tells them apart. */
function namesOf(before: string, after: string): readonly string[] {
  const names = [before, after].map((path) => basename(path));
  return names[0] === names[1] ? [before, after] : names;
}

function pictureOf(difference: Difference, [before, after]: readonly [Version, Version], title: string): string {
  const { nodes, around, matched } = difference;
  const changed = new Map(nodes.flatMap(({ sign, after: node, what }) => (sign === "~" && node !== undefined ? [[node, what] as const] : []))); // biome-ignore format: one line
  for (const node of matched.after) {
    const path = `${node.op.name} ${node.attrs.name}`;
    const told = node.op.kind === "source" ? around.find(({ sign, name }) => sign === "~" && name === path) : undefined;
    if (told !== undefined) changed.set(node, `${node.attrs.name}: ${told.what}`);
  }
  const isNone = nodes.length + around.length === 0;
  const drawn = {
    before: drawEntry(before.entry, null, before.names),
    after: drawEntry(after.entry, null, after.names),
    gone: new Set(matched.before.filter((node) => !matched.afterOf.has(node))),
    added: new Set(matched.after.filter((node) => !matched.beforeOf.has(node))),
    changed,
    afterOf: matched.afterOf,
  };
  return printDifferenceDot(drawn, { title, about: isNone ? "no difference" : countsText(difference) });
}

/** Of the entries that were not asked for: which are new, gone, or different. */
function otherEntries(
  before: Side,
  after: Side,
  chosen: string,
  versionOf: (side: Side, entry: string) => Version,
): string {
  const [old, now] = [before.program.entries, after.program.entries];
  const lines = [...new Set([...now.keys(), ...old.keys()])].flatMap((name) => {
    if (name === chosen) return [];
    if (!old.has(name)) return [`+ entry ${name}`];
    if (!now.has(name)) return [`- entry ${name}`];
    return areSame(versionOf(before, name), versionOf(after, name)) ? [] : [`~ entry ${name}: see --entry ${name}`];
  });
  return lines.map((line) => `${line}\n`).join("");
}
