/**
 * A drawing as DOT, for Graphviz.
 *
 * A box is one line of text: letter, op, type, and the results it gives or the buffer it is stored in. So a training step of a
 * hundred nodes fits a screen. What each kernel computes stands in a frame with what it reads; lines
 * between frames end at the border, as launches take buffers.
 */
import { printBuffer } from "../../src/program/buffer.ts";
import { dotString, xmlText } from "../escape.ts";
import { Writer } from "../writer.ts";
import { nameText, placeText } from "./box-text.ts";
import { allDrawings, type Box, type Drawing, type Frame, type Line, type LoopFrame } from "./drawn.ts";
import { headingTable, inCells, type PictureTitle } from "./legend.ts";
import { faint, fontName, ink, paintName, paints, paper, quiet } from "./palette.ts";
import { longestName, shortName } from "./short.ts";

export function printDot(drawing: Drawing, title: PictureTitle): string {
  const writer = new Writer();
  writer.block(`digraph ${dotString(title.title)} {`, () => {
    writer.line(
      "graph [rankdir=TB ranksep=0.1 nodesep=0.1 compound=true pad=0.2 bgcolor=white labelloc=t labeljust=l];",
    );
    writer.line(`graph [${effort(drawing)}];`);
    writer.line(`graph [fontname=${fontName} label=<${headingTable(drawing, title)}>];`);
    writer.line(
      `node [fontname=${fontName} fontsize=9 fontcolor="${ink}" shape=box style=filled height=0 width=0 margin=0];`,
    );
    writer.line(`edge [color="${quiet}" arrowsize=0.5 penwidth=0.8];`);
    printDrawing(drawing, writer);
    for (const { lines } of allDrawings(drawing)) for (const line of lines) writer.line(printLine(line));
  });
  return `${writer.toString()}\n`;
}

/** All but the lines, which may lead from one frame to another. */
function printDrawing(drawing: Drawing, writer: Writer): void {
  const inLoops = drawing.loops.flatMap(({ boxes }) => boxes);
  const framed = new Set<Box>([...(drawing.frames?.flatMap(({ clusters }) => clusters.flat()) ?? []), ...inLoops]);
  for (const frame of drawing.frames ?? []) printFrame(frame, writer);
  for (const loop of drawing.loops) printLoop(loop, writer);
  for (const box of drawing.boxes) if (!framed.has(box)) writer.line(printBox(box));
  printCopies(drawing, writer);
}

function printLoop({ id, title, boxes, bodies }: LoopFrame, writer: Writer): void {
  const label = `<FONT POINT-SIZE="10"><B>${xmlText(title)}</B></FONT>`;
  writer.block(`subgraph cluster_${id} {`, () => {
    writer.line(`graph [style="rounded" color="${ink}" penwidth=1.5 margin=8 labeljust=l label=<${label}>];`);
    for (const box of boxes) writer.line(printBox(box));
    for (const body of bodies) {
      if (bodies.length === 1) printDrawing(body.drawing, writer);
      else {
        writer.block(`subgraph cluster_${body.id} {`, () => {
          writer.line(
            `graph [style="rounded,dashed" color="${quiet}" penwidth=1 margin=6 label=${dotString(body.title)}];`,
          );
          printDrawing(body.drawing, writer);
        });
      }
    }
  });
}

/**
 * For large graphs Graphviz is told to look for a good layout, not for the best. Measured with a net of 40 layers (1,050
 * boxes): 86 s without limits, 5 s with them; 100 layers (2,600): over 200 s with bent lines, 2.5 s with straight ones. 45 boxes
 * of which each reads all before it (990 lines): over 120 s with bent lines, 12 s with straight ones.
 */
function effort(drawing: Drawing): string {
  const all = allDrawings(drawing);
  const [boxes, lines] = [all.flatMap((one) => one.boxes), all.flatMap((one) => one.lines)];
  if (boxes.length <= 300 && lines.length <= 500) return "splines=true";
  return boxes.length <= 1200 && lines.length <= 2 * boxes.length
    ? "nslimit=0.5 nslimit1=0.5 mclimit=0.2 splines=polyline"
    : "nslimit=0.05 nslimit1=0.05 mclimit=0.1 splines=line";
}

function printFrame({ id, step, name, note, clusters }: Frame, writer: Writer): void {
  const head = `<FONT POINT-SIZE="10"><B>${step + 1}&#160;&#160;${xmlText(shortName(name))}</B></FONT>`;
  const label = inCells(
    head,
    `<FONT POINT-SIZE="8" COLOR="${quiet}">${xmlText(shortName(note, 2 * longestName))}</FONT>`,
  );
  writer.block(`subgraph cluster_${id} {`, () => {
    writer.line(
      `graph [style="rounded,filled" fillcolor="${paper}" color="${quiet}" margin=5 labeljust=l tooltip=${dotString(name)} label=<${label}>];`,
    );
    for (const [i, boxes] of clusters.entries()) {
      const lines = boxes.map(printBox);
      if (clusters.length === 1) for (const line of lines) writer.line(line);
      else {
        writer.block(`subgraph cluster_${id}_${i} {`, () => {
          writer.line(`graph [style=rounded color="${faint}" margin=4 label=""];`);
          for (const line of lines) writer.line(line);
        });
      }
    }
  });
}

function printCopies({ copies }: Drawing, writer: Writer): void {
  for (const { id, step, from, to, sources } of copies) {
    const text = dotString(`${step + 1}  copy ${shortName(printBuffer(from))} to ${shortName(printBuffer(to))}`);
    const whole = dotString(`copy ${printBuffer(from)} to ${printBuffer(to)}`);
    const look = `shape=note fillcolor="${paper}" color="${quiet}" margin="0.06,0.03"`;
    writer.line(`${id} [${look} tooltip=${whole} label=${text}];`);
    for (const source of sources) writer.line(`${source.id} -> ${id} [penwidth=1.5 color="${ink}"];`);
  }
}

// ---- boxes ---------------------------------------------------------------------------------------------------------

function printBox(box: Box): string {
  const { strong, light } = paints[paintName(box)];
  const isEmphatic =
    (box.store !== null && box.store !== undefined) || (box.store === undefined && box.results.length > 0);
  const fill = box.store === null ? "#ffffff" : light;
  const look = [
    `color="${strong}" fillcolor="${fill}" penwidth=${isEmphatic ? 2 : 0.8}`,
    ...(box.again ? ['style="filled,dashed"'] : []),
    `tooltip=${dotString([box.line, ...box.results.map((name) => `→ ${name}`)].join("\n"))}`,
  ];
  return `${box.id} [${look.join(" ")} label=<${boxTable(box)}>];`;
}

function boxTable(box: Box): string {
  const { strong, letter } = paints[paintName(box)];
  const size = box.look === "view" ? 7 : 9;
  const where = placeText(box);
  const name = nameText(box);
  const cells = [
    `<TD BGCOLOR="${strong}" WIDTH="9"><FONT COLOR="white" POINT-SIZE="7"><B>${letter}</B></FONT></TD>`,
    ...(name === "" ? [] : [`<TD><FONT POINT-SIZE="${size}"><B>${xmlText(shortName(name))}</B></FONT></TD>`]),
    `<TD><FONT POINT-SIZE="${size}">${xmlText(shortName(box.title))}</FONT></TD>`,
    `<TD><FONT POINT-SIZE="7" COLOR="${quiet}">${xmlText(shortName(box.type))}</FONT></TD>`,
    ...(where === "" ? [] : [`<TD><FONT POINT-SIZE="9"><B>→ ${xmlText(where)}&#160;</B></FONT></TD>`]),
  ];
  return `<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="1"><TR>${cells.join("")}</TR></TABLE>`;
}

// ---- lines ---------------------------------------------------------------------------------------------------------

function printLine({ from, to, operands, isOrdered, spread, into, isBack }: Line): string {
  const attributes: string[] = [];
  if (isBack === true) return `${from} -> ${to} [style=dashed constraint=false color="${ink}"];`;
  if (into !== null) attributes.push(`lhead=cluster_${into} penwidth=1.5 color="${ink}" arrowsize=0.7`);
  if (isOrdered && !operands.includes(0)) attributes.push("arrowhead=onormal");
  if (spread) attributes.push("style=dashed");
  return `${from} -> ${to}${attributes.length === 0 ? "" : ` [${attributes.join(" ")}]`};`;
}
