/**
 * A drawing as a Mermaid flowchart, for READMEs: GitHub, GitLab and many editors draw code blocks of the language `mermaid`.
 *
 *   n7["F hidden contract ik,kj<br/>f32[128,512]"]        a box: letter, name, op; below them its type, and where the value goes
 *   subgraph k0["1 k0_hidden"] ... end                    what one kernel computes, a loop, a body of it
 *   n7 --> n9    n7 ==> n9    n7 -.-> n9                  a line; from one kernel to another; through a broadcast
 *   n7 -->|2| n9                                          to an operand behind the first, where their order matters
 *
 * Boxes, lines and frames are those of the DOT, under the same ids.
 */
import { printBuffer } from "../../src/program/buffer.ts";
import { Writer } from "../writer.ts";
import { nameText, placeText } from "./box-text.ts";
import { allDrawings, type Box, type Drawing, type Frame, type Line, type LoopFrame } from "./drawn.ts";
import type { PictureTitle } from "./legend.ts";
import { byPaint, label, writeClass, writeFrame, writeFrameClass, writeHead, writeLegend, writePaints } from "./mermaid-parts.ts"; // biome-ignore format: names
import { ink, paintName, paints, paper, quiet } from "./palette.ts";
import { shortName } from "./short.ts";

export function printMermaid(drawing: Drawing, title: PictureTitle): string {
  const all = allDrawings(drawing);
  const boxes = all.flatMap((one) => one.boxes);
  const copies = all.flatMap((one) => one.copies);
  const writer = new Writer();
  writeHead(writer, title);
  const body = (): void => {
    writeDrawing(drawing, writer);
    for (const line of all.flatMap(({ lines }) => lines)) writer.line(printLine(line));
    for (const { id, sources } of copies) for (const source of sources) writer.line(`${source.id} ==> ${id}`);
    const used = byPaint(boxes, paintName, ({ id }) => id);
    writeLegend(writer, new Set(used.keys()), marksOf(drawing));
    writePaints(writer, used);
    writeClass(writer, "copy", copies.map(({ id }) => id), `fill:${paper},stroke:${quiet},color:${ink}`); // biome-ignore format: one line
    writeClass(writer, "register", boxes.filter(({ store }) => store === null).map(({ id }) => id), "fill:#ffffff"); // biome-ignore format: one line
    writeClass(writer, "again", boxes.filter(({ again }) => again).map(({ id }) => id), "stroke-dasharray:4 3"); // biome-ignore format: one line
    writeFrameClass(writer, all.flatMap(frameIds));
  };
  writer.block("flowchart TB", body, "");
  return `${writer.toString().trimEnd()}\n`;
}

function frameIds({ frames, loops }: Drawing): readonly string[] {
  return [...(frames ?? []), ...loops].map(({ id }) => id);
}

/** All but the lines, which may lead from one frame to another. */
function writeDrawing({ boxes, frames, loops, copies }: Drawing, writer: Writer): void {
  const inFrames = (frames ?? []).flatMap(({ clusters }) => clusters.flat());
  const framed = new Set([...inFrames, ...loops.flatMap((loop) => loop.boxes)]);
  for (const frame of frames ?? []) writeKernel(frame, writer);
  for (const loop of loops) writeLoop(loop, writer);
  for (const box of boxes) if (!framed.has(box)) writer.line(printBox(box));
  for (const { id, step, from, to } of copies) {
    writer.line(`${id}[${label(`${step + 1} copy ${shortName(printBuffer(from))} to ${shortName(printBuffer(to))}`)}]`);
  }
}

function writeKernel({ id, step, name, clusters }: Frame, writer: Writer): void {
  writeFrame(writer, id, `${step + 1} ${shortName(name)}`, () => {
    for (const box of clusters.flat()) writer.line(printBox(box));
  });
}

function writeLoop({ id, title, boxes, bodies }: LoopFrame, writer: Writer): void {
  writeFrame(writer, id, title, () => {
    for (const box of boxes) writer.line(printBox(box));
    for (const body of bodies) {
      if (bodies.length === 1) writeDrawing(body.drawing, writer);
      else writeFrame(writer, body.id, body.title, () => writeDrawing(body.drawing, writer));
    }
  });
}

function printBox(box: Box): string {
  const { letter } = paints[paintName(box)];
  const words = [letter, shortName(nameText(box)), shortName(box.title)].filter((word) => word !== "");
  const place = placeText(box);
  return `${box.id}[${label(words.join(" "), shortName(box.type), place === "" ? "" : `→ ${place}`)}]`;
}

function printLine(line: Line): string {
  const { from, to, operands, into, spread, isBack } = line;
  const arrow = isBack === true || spread ? "-.->" : into === null ? "-->" : "==>";
  const words = isBack === true ? "next" : isLater(line) ? String((operands[0] ?? 0) + 1) : "";
  return `${from} ${arrow}${words === "" ? "" : `|${words}|`} ${to}`;
}

/** Which operand a line is has to be said. */
function isLater({ isOrdered, operands, isBack }: Line): boolean {
  return isBack !== true && isOrdered && !operands.includes(0);
}

/** What lines and borders mean. */
function marksOf(drawing: Drawing): string[] {
  const all = allDrawings(drawing);
  const [boxes, lines] = [all.flatMap((one) => one.boxes), all.flatMap((one) => one.lines)];
  const isKernels = drawing.frames !== null;
  return [
    ...(boxes.some(({ results }) => results.length > 0) ? [`→ ${isKernels ? "stored" : "result"}`] : []),
    ...(isKernels ? ["white box, stays in a register"] : []),
    ...(boxes.some(({ again }) => again) ? ["dashed border, computed where it is read"] : []),
    ...(lines.some(({ spread }) => spread) ? ["dotted line, broadcast"] : []),
    ...(lines.some(isLater) ? ["2 on a line, its second operand"] : []),
    ...(lines.some(({ isBack }) => isBack === true) ? ["next on a line, to the next iteration"] : []),
  ];
}
