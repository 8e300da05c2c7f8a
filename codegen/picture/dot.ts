/**
 * A drawing as DOT, for Graphviz.
 *
 * One line of text a box (letter, op, type), so that a training step of a hundred nodes fits a screen. Forward, backward and
 * update have a colour, a letter and a border each; the legend above the picture shows them and all else that is drawn.
 */
import { printNode } from "../../src/graph/print.ts";
import { dotString, xmlText } from "../escape.ts";
import { Writer } from "../writer.ts";
import type { Box, Drawing, Frame, Line } from "./drawing.ts";
import { legendTable } from "./legend.ts";
import { faint, fontFamily, ink, paints, quiet, sourcePaint } from "./palette.ts";

export interface PictureTitle {
  readonly title: string;
  /** What the stage shows, in a sentence. */
  readonly about: string;
}

export function printDot(drawing: Drawing, heading: PictureTitle): string {
  const writer = new Writer();
  writer.block(`digraph ${dotString(heading.title)} {`, () => {
    writer.line(`graph [${graphAttributes(drawing, heading)}];`);
    writer.line(`node [fontname=${dotString(fontFamily)} fontsize=9 fontcolor="${ink}" height=0 width=0 margin=0];`);
    writer.line(`edge [color="${quiet}" arrowsize=0.5 penwidth=0.8];`);
    const framed = new Set<Box>();
    for (const frame of drawing.frames ?? []) {
      for (const box of frame.clusters.flat()) framed.add(box);
      printFrame(frame, writer);
    }
    for (const box of drawing.boxes) if (!framed.has(box)) writer.line(printBox(box));
    for (const copy of drawing.copies) {
      const text = `${copy.step + 1}  copy ${copy.from} to ${copy.to}`;
      writer.line(`${copy.id} [shape=note fontsize=8 margin="0.05,0.03" label=${dotString(text)}];`);
      for (const source of copy.sources) writer.line(`${source.id} -> ${copy.id} [penwidth=1.6];`);
    }
    for (const line of drawing.lines) writer.line(printLine(line));
  });
  return `${writer.toString()}\n`;
}

function graphAttributes(drawing: Drawing, heading: PictureTitle): string {
  return [
    "rankdir=TB",
    "ranksep=0.14",
    "nodesep=0.1",
    "pad=0.15",
    'bgcolor="white"',
    `fontname=${dotString(fontFamily)}`,
    "labelloc=t",
    "labeljust=l",
    `label=<${legendTable(drawing, heading)}>`,
  ].join(" ");
}

function printFrame(frame: Frame, writer: Writer): void {
  const label =
    `<FONT POINT-SIZE="10"><B>${frame.step + 1}  ${xmlText(frame.name)}</B></FONT>` +
    (frame.note === "" ? "" : `<BR ALIGN="LEFT"/><FONT POINT-SIZE="8" COLOR="${quiet}">${xmlText(frame.note)}</FONT><BR ALIGN="LEFT"/>`);
  writer.block(`subgraph cluster_${frame.id} {`, () => {
    writer.line(`label=<${label}> labeljust=l style="rounded,filled" fillcolor="#f6f8fa" color="${quiet}" penwidth=1 margin=6;`);
    for (const [i, boxes] of frame.clusters.entries()) {
      if (frame.clusters.length === 1) for (const box of boxes) writer.line(printBox(box));
      else {
        writer.block(`subgraph cluster_${frame.id}_${i} {`, () => {
          writer.line(`label="" style="rounded" color="${faint}" margin=4;`);
          for (const box of boxes) writer.line(printBox(box));
        });
      }
    }
  });
}

// ---- boxes ---------------------------------------------------------------------------------------------------------

function printBox(box: Box): string {
  const tooltip = `tooltip=${dotString(printNode(box.node))}`;
  if (box.look === "input" || box.look === "state") {
    const look =
      box.look === "input"
        ? `shape=box style="filled" fillcolor="${sourcePaint.input}" color="${ink}"`
        : `shape=cylinder style="filled" fillcolor="${sourcePaint.state}" color="${sourcePaint.stateBorder}"`;
    return `${box.id} [${look} margin="0.05,0.02" ${tooltip} label=<${boxText(box)}>];`;
  }
  if (box.role === "source") {
    return `${box.id} [shape=box style="filled" fillcolor="white" color="${quiet}" ${tooltip} label=<${boxText(box)}>];`;
  }
  const { strong, light, border } = paints[box.role];
  const isRegister = box.store === null;
  const isBold = typeof box.store === "string" || (box.store === undefined && box.results.length > 0);
  const look =
    `shape=box style="filled,${box.again ? "dashed,rounded" : border}" color="${strong}" penwidth=${isBold ? 2 : 0.8} ` +
    `fillcolor="${isRegister ? "#ffffff" : light}"`;
  return `${box.id} [${look} ${tooltip} label=<${boxTable(box)}>];`;
}

function boxTable(box: Box): string {
  const { strong, letter } = box.role === "source" ? { strong: quiet, letter: "" } : paints[box.role];
  const rows = box.results.length > 0 || typeof box.store === "string" ? 2 : 1;
  const tab = `<TD BGCOLOR="${strong}" ROWSPAN="${rows}"><FONT COLOR="white" POINT-SIZE="7"><B>${letter}</B></FONT></TD>`;
  const first = `<TR>${tab}<TD>${boxText(box)}</TD></TR>`;
  const where = box.results.length > 0 ? box.results.join(", ") : (box.store ?? "");
  const second = rows === 1 ? "" : `<TR><TD><B>→ ${xmlText(where)}</B></TD></TR>`;
  return `<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="1">${first}${second}</TABLE>`;
}

function boxText(box: Box): string {
  const size = box.look === "view" ? 7 : 9;
  const name = `<FONT POINT-SIZE="${size}">${xmlText(box.title)}</FONT>`;
  return `${name}  <FONT POINT-SIZE="7" COLOR="${quiet}">${xmlText(box.type)}</FONT>`;
}

// ---- lines ---------------------------------------------------------------------------------------------------------

function printLine(line: Line): string {
  const attributes: string[] = [];
  if (line.throughMemory) attributes.push("penwidth=1.6", `color="${ink}"`);
  if (line.isOrdered && line.operand > 0) attributes.push("arrowhead=onormal");
  if (line.spread) attributes.push("dir=both", "arrowtail=odot");
  return `${line.from} -> ${line.to}${attributes.length === 0 ? "" : ` [${attributes.join(" ")}]`};`;
}
