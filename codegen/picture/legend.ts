/**
 * The heading of a picture: its title and a legend, as one HTML-like label of DOT above the graph. Only what the picture
 * shows is explained.
 */
import { xmlText } from "../escape.ts";
import { allDrawings, type Drawing } from "./drawn.ts";
import { ink, type Paint, type PaintName, paintName, paints, quiet } from "./palette.ts";
import { longestName, shortName } from "./short.ts";

export interface PictureTitle {
  readonly title: string;
  /** What the picture shows, in a few words. */
  readonly about: string;
}

const gap = "&#160;&#160;";

export function headingTable(drawing: Drawing, title: PictureTitle): string {
  const used = new Set(allDrawings(drawing).flatMap(({ boxes }) => boxes.map(paintName)));
  return heading(paintsOf(used), marksOf(drawing), title);
}

/** A symbol and what it means. */
export type Mark = readonly [symbol: string, text: string];

export function heading(used: readonly Paint[], marks: readonly Mark[], { title, about }: PictureTitle): string {
  const name = `<FONT POINT-SIZE="16" COLOR="${ink}">${xmlText(shortName(title))}</FONT>`;
  const words = `<FONT POINT-SIZE="10" COLOR="${quiet}">${gap}${gap}${xmlText(shortName(about, 3 * longestName))}</FONT>`;
  const samples = [...partSamples(used), ...marks.map(markSample)];
  const rows = [name + words, table(0, `<TR>${samples.join("")}</TR>`)];
  return table(
    2,
    `${rows.map((row) => `<TR><TD ALIGN="LEFT">${row}</TD></TR>`).join("")}<TR><TD HEIGHT="4"></TD></TR>`,
  );
}

/** A title and its note, side by side. Bold text has a cell of its own: Graphviz places it otherwise. */
export function inCells(title: string, note: string): string {
  return table(0, `<TR><TD VALIGN="BOTTOM">${title}</TD>${space}<TD VALIGN="BOTTOM">${note}</TD></TR>`);
}

function table(spacing: number, rows: string): string {
  return `<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="${spacing}" CELLPADDING="2">${rows}</TABLE>`;
}

const space = '<TD WIDTH="10"></TD>';

/** The parts of a picture, in the order of the legend. */
export function paintsOf(used: ReadonlySet<PaintName>): readonly Paint[] {
  return (Object.keys(paints) as PaintName[]).flatMap((name) => (used.has(name) ? [paints[name]] : []));
}

/** Each part as its boxes look. */
function partSamples(used: readonly Paint[]): string[] {
  return used.map(({ strong, light, letter, meaning }) => {
    const tab = `<TD BGCOLOR="${strong}" WIDTH="11"><FONT COLOR="white" POINT-SIZE="7"><B>${letter}</B></FONT></TD>`;
    return `${tab}<TD BGCOLOR="${light}"><FONT POINT-SIZE="9" COLOR="${ink}">${xmlText(meaning)}</FONT></TD>${space}`;
  });
}

function markSample([symbol, text]: Mark): string {
  const cell = (words: string): string => `<TD><FONT POINT-SIZE="9" COLOR="${ink}">${words}</FONT></TD>`;
  return `${cell(`<B>${xmlText(symbol)}</B>`)}${cell(xmlText(text))}${space}`;
}

/** What lines and borders mean. */
function marksOf({ boxes, lines, frames }: Drawing): Mark[] {
  const found: Mark[] = [];
  if (boxes.some(({ results }) => results.length > 0)) found.push(["→", frames === null ? "result" : "stored"]);
  if (frames !== null) found.push(["white box", "stays in a register"]);
  if (boxes.some(({ again }) => again)) found.push(["dashed box", "computed where it is read"]);
  if (lines.some(({ spread }) => spread)) found.push(["dashed line", "broadcast"]);
  const isLater = lines.some(({ isOrdered, operands }) => isOrdered && !operands.includes(0));
  if (isLater) found.push(["open arrow", "not the first operand"]);
  return found;
}
