/**
 * A folded graph as DOT: calls as boxes, opened calls as frames, and how often each is repeated.
 */
import type { Node } from "../../src/graph/node.ts";
import { printNode } from "../../src/graph/print.ts";
import { printType } from "../../src/graph/type.ts";
import { dotString, xmlText } from "../escape.ts";
import { Writer } from "../writer.ts";
import { type FoldedBox, type FoldedFrame, type FoldedLine, type FoldedPart, type Folding, inputId } from "./fold.ts";
import { countsText, resultsText } from "./fold-text.ts";
import { heading, inCells, type Mark, type PictureTitle, paintsOf } from "./legend.ts";
import { fontName, ink, type PaintName, paints, paper, quiet } from "./palette.ts";
import { shortName } from "./short.ts";

export function printFoldedDot(folding: Folding, title: PictureTitle): string {
  const writer = new Writer();
  const used = new Set<PaintName>(folding.boxes.map(({ role }) => role));
  if (folding.inputs.length > 0) used.add("input");
  writer.block(`digraph ${dotString(title.title)} {`, () => {
    writer.line(
      "graph [rankdir=TB ranksep=0.12 nodesep=0.15 pad=0.2 bgcolor=white labelloc=t labeljust=l splines=true];",
    );
    writer.line(`graph [fontname=${fontName} label=<${heading(paintsOf(used), marksOf(folding), title)}>];`);
    writer.line(
      `node [fontname=${fontName} fontsize=9 fontcolor="${ink}" shape=box style=filled height=0 width=0 margin=0];`,
    );
    writer.line(`edge [color="${quiet}" arrowsize=0.5 penwidth=0.8];`);
    for (const node of folding.inputs) writer.line(printInput(node));
    for (const part of folding.parts) printPart(part, true, writer);
    for (const line of folding.lines) writer.line(printLine(line));
  });
  return `${writer.toString()}\n`;
}

function marksOf({ boxes, lines }: Folding): Mark[] {
  const found: Mark[] = [["calls", "from the program's source"]];
  if (boxes.some(({ results }) => results.length > 0)) found.push(["→", "result"]);
  if (lines.some(({ isAgain }) => isAgain)) found.push(["dashed line", "to the next repetition"]);
  if (lines.some(({ isKept }) => isKept)) found.push(["dotted line", "kept for the backward pass"]);
  return found;
}

function printPart(part: FoldedPart, isOuter: boolean, writer: Writer): void {
  if (part.kind === "box") writer.line(printBox(part));
  else printFrame(part, isOuter, writer);
}

function printFrame({ id, name, place, role, times, parts }: FoldedFrame, isOuter: boolean, writer: Writer): void {
  const note = isOuter ? `<FONT POINT-SIZE="8" COLOR="${quiet}">${role}</FONT>` : "";
  const label = `<FONT POINT-SIZE="10"><B>${xmlText(shortName(name))}${timesText(times)}</B></FONT>`;
  writer.block(`subgraph cluster_${id} {`, () => {
    const look = `style="rounded,filled" fillcolor="${paper}" color="${quiet}" margin=6 labeljust=l`;
    writer.line(`graph [${look} tooltip=${dotString(place)} label=<${inCells(label, note)}>];`);
    for (const part of parts) printPart(part, false, writer);
  });
}

function printBox(box: FoldedBox): string {
  const { id, name, place, role, times, nodes, states, results } = box;
  const { strong, light, letter } = paints[role];
  const last = nodes.at(-1);
  const cells = [
    `<TD BGCOLOR="${strong}" WIDTH="9"><FONT COLOR="white" POINT-SIZE="7"><B>${letter}</B></FONT></TD>`,
    `<TD><FONT POINT-SIZE="9">${xmlText(shortName(name))}${timesText(times)}</FONT></TD>`,
    `<TD><FONT POINT-SIZE="7" COLOR="${quiet}">${xmlText(countsText(box))}</FONT></TD>`,
    ...(results.length === 0
      ? []
      : [`<TD><FONT POINT-SIZE="9"><B>→ ${xmlText(resultsText(results))}&#160;</B></FONT></TD>`]),
  ];
  const tooltip = [
    place,
    ...nodes.slice(0, mostTold).map((node) => printNode(node)),
    ...(nodes.length > mostTold ? [`and ${nodes.length - mostTold} more`] : []),
    ...(states.length === 0 ? [] : [`reads ${states.join(", ")}`]),
    ...(last === undefined ? [] : [`gives ${printType(last.type)}`]),
    ...results.map((result) => `→ ${result}`),
  ];
  const table = `<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="1"><TR>${cells.join("")}</TR></TABLE>`;
  const look = `color="${strong}" fillcolor="${light}" penwidth=${results.length > 0 ? 2 : 0.8}`;
  return `${id} [${look} tooltip=${dotString(tooltip.join("\n"))} label=<${table}>];`;
}

/** Nodes that a tooltip names. */
const mostTold = 12;

function timesText(times: number): string {
  return times === 1 ? "" : `&#160;×&#160;${times}`;
}

function printInput(node: Node): string {
  const { strong, light, letter } = paints.input;
  const cells = [
    `<TD BGCOLOR="${strong}" WIDTH="9"><FONT COLOR="white" POINT-SIZE="7"><B>${letter}</B></FONT></TD>`,
    `<TD><FONT POINT-SIZE="9">${xmlText(shortName(String(node.attrs.name)))}</FONT></TD>`,
    `<TD><FONT POINT-SIZE="7" COLOR="${quiet}">${xmlText(shortName(printType(node.type)))}</FONT></TD>`,
  ];
  const table = `<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="1"><TR>${cells.join("")}</TR></TABLE>`;
  return `${inputId(node)} [color="${strong}" fillcolor="${light}" tooltip=${dotString(printNode(node))} label=<${table}>];`;
}

function printLine({ from, to, isAgain, isKept }: FoldedLine): string {
  const look = isAgain
    ? " [style=dashed constraint=false]"
    : isKept
      ? " [style=dotted penwidth=0.6 arrowsize=0.4]"
      : "";
  return `${from} -> ${to}${look};`;
}
