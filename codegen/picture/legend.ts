/**
 * The heading of a picture: its title and a legend, as one HTML-like label of DOT above the graph. Only what the picture
 * really shows is explained.
 */
import { xmlText } from "../escape.ts";
import type { PictureTitle } from "./dot.ts";
import type { Drawing } from "./drawing.ts";
import { ink, paints, quiet, sourcePaint } from "./palette.ts";

export function legendTable(drawing: Drawing, { title, about }: PictureTitle): string {
  const heading =
    `<TR><TD ALIGN="LEFT"><FONT POINT-SIZE="15" COLOR="${ink}"><B>${xmlText(title)}</B></FONT>` +
    `<FONT POINT-SIZE="10" COLOR="${quiet}">   ${xmlText(about)}</FONT></TD></TR>`;
  const cells = entriesOf(drawing).map(({ sample, text }) => `${sample}<TD ALIGN="LEFT">${text}   </TD>`);
  const legend = `<TR><TD ALIGN="LEFT"><TABLE BORDER="0" CELLBORDER="0" CELLSPACING="1" CELLPADDING="1"><TR>${cells.join("")}</TR></TABLE></TD></TR>`;
  return `<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="2">${heading}${legend}</TABLE>`;
}

interface LegendEntry {
  /** One table cell. */
  readonly sample: string;
  readonly text: string;
}

function entriesOf({ boxes, lines, frames }: Drawing): readonly LegendEntry[] {
  const small = (text: string): string => `<FONT POINT-SIZE="9">${text}</FONT>`;
  const found: LegendEntry[] = [];
  for (const role of ["forward", "backward", "update"] as const) {
    if (!boxes.some((box) => box.role === role)) continue;
    const { strong, letter, meaning, border } = paints[role];
    found.push({
      sample: `<TD BGCOLOR="${strong}"><FONT COLOR="white" POINT-SIZE="8"><B> ${letter} </B></FONT></TD>`,
      text: small(`${meaning} (${border} border)`),
    });
  }
  if (boxes.some(({ look }) => look === "state")) {
    found.push({ sample: `<TD BGCOLOR="${sourcePaint.state}" BORDER="1" COLOR="${sourcePaint.stateBorder}">     </TD>`, text: small("state") });
  }
  if (boxes.some(({ look }) => look === "input")) {
    found.push({ sample: `<TD BORDER="1" COLOR="${ink}">     </TD>`, text: small("input") });
  }
  const mark = (symbol: string, text: string): void => {
    found.push({ sample: `<TD><FONT POINT-SIZE="9"><B>${symbol}</B></FONT></TD>`, text: small(text) });
  };
  if (boxes.some(({ results }) => results.length > 0)) mark("→", frames === null ? "result" : "stored in a buffer");
  if (lines.some(({ spread }) => spread)) mark("○", "broadcast on the way");
  if (lines.some(({ isOrdered, operand }) => isOrdered && operand > 0)) mark("▷", "second operand");
  return found;
}
