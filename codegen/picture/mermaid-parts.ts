/**
 * What every Mermaid flowchart of ours has: a title in front, boxes and frames with quoted labels, classes with the colours of the
 * other pictures, and a legend, which is a frame of boxes that no line leads to.
 */
import { mermaidText } from "../escape.ts";
import type { Writer } from "../writer.ts";
import type { PictureTitle } from "./legend.ts";
import { ink, type PaintName, paints, paper, quiet } from "./palette.ts";
import { longestName, shortName } from "./short.ts";

/** Whether Mermaid shows an error in the place of the picture, where nobody has configured it to draw more (`maxEdges`, `maxTextSize`). */
export function isTooLarge(mermaid: string): boolean {
  const lines = mermaid.match(/^ *\w+ (?:-->|==>|-\.->)/gm)?.length ?? 0;
  return lines > 500 || mermaid.length > 50_000;
}

/** The title, as the YAML that Mermaid reads in front of a flowchart: a string of JSON is one of YAML. */
export function writeHead(writer: Writer, { title, about }: PictureTitle): void {
  writer.line("---");
  writer.line(`title: ${JSON.stringify(`${shortName(title)} (${shortName(about, 3 * longestName)})`)}`);
  writer.line("---");
}

/** Lines of text in quotes; empty ones are left out. */
export function label(...lines: readonly string[]): string {
  return `"${lines
    .filter((line) => line !== "")
    .map(mermaidText)
    .join("<br/>")}"`;
}

export function writeFrame(writer: Writer, id: string, title: string, body: () => void): void {
  writer.block(`subgraph ${id}[${title === "" ? '" "' : label(title)}]`, body, "end");
}

/** Boxes with their parts' letters, then one for each other mark. */
export function writeLegend(writer: Writer, used: ReadonlySet<PaintName>, marks: readonly string[]): void {
  const names = paintNames.filter((name) => used.has(name));
  writeFrame(writer, "legend", "legend", () => {
    for (const name of names) writer.line(`legend_${name}[${label(`${paints[name].letter} ${paints[name].meaning}`)}]`);
    for (const [i, mark] of marks.entries()) writer.line(`legend_mark${i}[${label(mark)}]`);
  });
  if (marks.length > 0) writeClass(writer, "mark", marks.map((_, i) => `legend_mark${i}`), `fill:#ffffff,stroke:#ffffff,color:${ink}`); // biome-ignore format: one line
}

/** The class of each part, for the boxes in it and its box of the legend. */
export function writePaints(writer: Writer, idsOf: ReadonlyMap<PaintName, readonly string[]>): void {
  for (const name of paintNames) {
    const ids = idsOf.get(name) ?? [];
    const { strong, light } = paints[name];
    if (ids.length > 0)
      writeClass(writer, name, [...ids, `legend_${name}`], `fill:${light},stroke:${strong},color:${ink}`);
  }
}

/** `look`: as CSS has it. Nothing where no box is of the class. */
export function writeClass(writer: Writer, name: string, ids: readonly string[], look: string): void {
  if (ids.length === 0) return;
  writer.line(`classDef ${name} ${look}`);
  writer.line(`class ${ids.join(",")} ${name}`);
}

/** Of frames, from the outermost. */
export function writeFrameClass(writer: Writer, ids: readonly string[]): void {
  writeClass(writer, "frame", [...ids, "legend"], `fill:${paper},stroke:${quiet},color:${ink}`);
}

export function byPaint<T>(
  boxes: readonly T[],
  paintOf: (box: T) => PaintName,
  idOf: (box: T) => string,
): ReadonlyMap<PaintName, readonly string[]> {
  // biome-ignore format: one line
  const ids = new Map<PaintName, string[]>();
  for (const box of boxes) {
    const known = ids.get(paintOf(box));
    if (known === undefined) ids.set(paintOf(box), [idOf(box)]);
    else known.push(idOf(box));
  }
  return ids;
}

const paintNames = Object.keys(paints) as PaintName[];
