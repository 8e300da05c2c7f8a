/** A folded graph as a Mermaid flowchart: calls as boxes, opened calls as frames, and how often each is repeated (mermaid.ts). */
import { printType } from "../../src/graph/type.ts";
import { Writer } from "../writer.ts";
import { type FoldedBox, type FoldedLine, type FoldedPart, type Folding, inputId } from "./fold.ts";
import { countsText, resultsText } from "./fold-text.ts";
import type { PictureTitle } from "./legend.ts";
import { byPaint, label, writeFrame, writeFrameClass, writeHead, writeLegend, writePaints } from "./mermaid-parts.ts"; // biome-ignore format: names
import { type PaintName, paints } from "./palette.ts";
import { shortName } from "./short.ts";

export function printFoldedMermaid({ inputs, parts, boxes, lines }: Folding, title: PictureTitle): string {
  const writer = new Writer();
  writeHead(writer, title);
  const body = (): void => {
    for (const node of inputs) {
      const words = `${paints.input.letter} ${shortName(String(node.attrs.name))}`;
      writer.line(`${inputId(node)}[${label(words, shortName(printType(node.type)))}]`);
    }
    for (const part of parts) writePart(part, writer);
    for (const line of lines) writer.line(printLine(line));
    const drawn = [
      ...inputs.map((node) => ({ id: inputId(node), paint: "input" as PaintName })),
      ...boxes.map(({ id, role }) => ({ id, paint: role as PaintName })),
    ];
    const used = byPaint(drawn, ({ paint }) => paint, ({ id }) => id); // biome-ignore format: one line
    writeLegend(writer, new Set(used.keys()), marksOf(boxes, lines));
    writePaints(writer, used);
    writeFrameClass(writer, parts.flatMap(frameIds));
  };
  writer.block("flowchart TB", body, "");
  return `${writer.toString().trimEnd()}\n`;
}

function frameIds(part: FoldedPart): readonly string[] {
  return part.kind === "box" ? [] : [part.id, ...part.parts.flatMap(frameIds)];
}

function writePart(part: FoldedPart, writer: Writer): void {
  const title = `${shortName(part.name)}${part.times === 1 ? "" : ` × ${part.times}`}`;
  if (part.kind === "frame") {
    writeFrame(writer, part.id, title, () => {
      for (const inner of part.parts) writePart(inner, writer);
    });
    return;
  }
  const results = part.results.length === 0 ? "" : `→ ${resultsText(part.results)}`;
  writer.line(`${part.id}[${label(`${paints[part.role].letter} ${title}`, countsText(part), results)}]`);
}

function printLine({ from, to, isAgain, isKept }: FoldedLine): string {
  return `${from} ${isAgain ? "-.->|next|" : isKept ? "-.->" : "-->"} ${to}`;
}

function marksOf(boxes: readonly FoldedBox[], lines: readonly FoldedLine[]): string[] {
  return [
    ...(boxes.some(({ results }) => results.length > 0) ? ["→ result"] : []),
    ...(lines.some(({ isAgain }) => isAgain) ? ["next on a line, to the next repetition"] : []),
    ...(lines.some(({ isKept }) => isKept) ? ["dotted line, kept for the backward pass"] : []),
  ];
}
