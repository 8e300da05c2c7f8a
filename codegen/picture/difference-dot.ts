/**
 * Two versions of an entry as one DOT: the later one, and beside it what is gone of the earlier one.
 *
 *   + green      new             ~ amber    changed: what it was, and what it is
 *   - dashed     gone            white      the same; of a large graph, only what is next to a change
 *
 * A sign in each box says it without colour. Nodes in bodies of loops stand among the others, without a frame.
 */
import type { Node } from "../../src/graph/node.ts";
import { dotString, xmlText } from "../escape.ts";
import { Writer } from "../writer.ts";
import { nameText, placeText } from "./box-text.ts";
import { allDrawings, type Box, type Drawing } from "./drawn.ts";
import { heading, type PictureTitle } from "./legend.ts";
import { fontName, ink, type Paint, paints, quiet } from "./palette.ts";
import { longestName, shortName } from "./short.ts";

/** `changed`: what to write in the box of a node of `after`, which is "~". */
export interface DrawnDifference {
  readonly before: Drawing;
  readonly after: Drawing;
  readonly gone: ReadonlySet<Node>;
  readonly added: ReadonlySet<Node>;
  readonly changed: ReadonlyMap<Node, string>;
  readonly afterOf: ReadonlyMap<Node, Node>;
}

const looks = {
  "+": { ...paints.update, letter: "+", meaning: "new" },
  "-": { ...paints.backward, letter: "−", meaning: "gone" },
  "~": { ...paints.state, letter: "~", meaning: "changed" },
  "=": { strong: quiet, light: "#ffffff", letter: "=", meaning: "the same" },
} as const satisfies Record<string, Paint>;

type Sign = keyof typeof looks;

interface Marked {
  readonly id: string;
  readonly box: Box;
  readonly sign: Sign;
}

/** Above this many boxes only changes are drawn, and what they touch. */
const mostBoxes = 120;

export function printDifferenceDot(difference: DrawnDifference, title: PictureTitle): string {
  const { boxes, lines } = joined(difference);
  const near = boxes.length <= mostBoxes ? new Set(boxes.map(({ id }) => id)) : besideChanges(boxes, lines);
  const shown = boxes.filter(({ id }) => near.has(id));
  const used = (Object.keys(looks) as Sign[]).filter((sign) => shown.some((one) => one.sign === sign));
  const left = boxes.length - shown.length;
  const about = left === 0 ? title.about : `${title.about}; ${left} boxes away from every change are left out`;
  const writer = new Writer();
  writer.block(`digraph ${dotString(title.title)} {`, () => {
    const graph = "rankdir=TB ranksep=0.15 nodesep=0.12 pad=0.2 bgcolor=white labelloc=t labeljust=l";
    const label = heading(used.map((sign) => looks[sign]), [], { title: title.title, about }); // biome-ignore format: one line
    writer.line(`graph [${graph} fontname=${fontName} label=<${label}>];`);
    writer.line(`node [fontname=${fontName} fontsize=9 fontcolor="${ink}" shape=box style=filled height=0 width=0 margin=0];`); // biome-ignore format: one line
    writer.line(`edge [color="${quiet}" arrowsize=0.5 penwidth=0.8];`);
    for (const one of shown) writer.line(printBox(one, difference.changed.get(one.box.node)));
    for (const { from, to, gone } of lines) {
      if (near.has(from) && near.has(to)) writer.line(`${from} -> ${to}${gone ? ` [style=dashed color="${looks["-"].strong}"]` : ""};`); // biome-ignore format: one line
    }
  });
  return `${writer.toString()}\n`;
}

interface Arrow {
  readonly from: string;
  readonly to: string;
  readonly gone: boolean;
}

/** All boxes of the later version, those of the earlier one that are gone, and lines between them. */
function joined({ before, after, gone, added, changed, afterOf }: DrawnDifference): {
  readonly boxes: readonly Marked[];
  readonly lines: readonly Arrow[];
} {
  // biome-ignore format: one line
  const now = allDrawings(after);
  const then = allDrawings(before);
  const signOf = ({ node }: Box): Sign => (added.has(node) ? "+" : changed.has(node) ? "~" : "=");
  const boxes: Marked[] = now.flatMap((one) => one.boxes.map((box) => ({ id: box.id, box, sign: signOf(box) })));
  const boxOf = new Map<Node, Marked>();
  for (const one of boxes) if (!boxOf.has(one.box.node)) boxOf.set(one.box.node, one);
  const lines: Arrow[] = now.flatMap((one) => one.lines.map(({ from, to }) => ({ from, to, gone: false })));
  const old = new Map(then.flatMap((one) => one.boxes.map((box) => [box.id, box] as const)));
  const ids = new Map<string, string>();
  /** Where a box of the earlier version is drawn. Inputs and states are drawn again beside what is gone. */
  const place = (box: Box): string => {
    const twin = boxOf.get(afterOf.get(box.node) ?? box.node);
    const isAgain = gone.has(box.node) || twin === undefined || box.look === "input" || box.look === "state";
    if (!isAgain) return twin.id;
    const known = ids.get(box.id);
    if (known !== undefined) return known;
    const id = `old_${box.id}`;
    ids.set(box.id, id);
    boxes.push({ id, box, sign: gone.has(box.node) || twin === undefined ? "-" : twin.sign });
    return id;
  };
  for (const box of old.values()) if (gone.has(box.node)) place(box);
  for (const { from, to } of then.flatMap((one) => one.lines)) {
    const [start, end] = [old.get(from), old.get(to)];
    if (start === undefined || end === undefined || !(gone.has(start.node) || gone.has(end.node))) continue;
    lines.push({ from: place(start), to: place(end), gone: true });
  }
  return { boxes, lines };
}

function besideChanges(boxes: readonly Marked[], lines: readonly Arrow[]): ReadonlySet<string> {
  const changes = new Set(boxes.filter(({ sign }) => sign !== "=").map(({ id }) => id));
  const near = new Set(changes);
  for (const { from, to } of lines) {
    if (changes.has(from)) near.add(to);
    if (changes.has(to)) near.add(from);
  }
  return near;
}

function printBox({ id, box, sign }: Marked, what: string | undefined): string {
  const { strong, light, letter } = looks[sign];
  const place = placeText(box);
  const text = what === undefined || sign !== "~" ? box.title : what;
  const cell = (words: string, size: number, look = ""): string =>
    words === "" ? "" : `<TD><FONT POINT-SIZE="${size}"${look}>${words}</FONT></TD>`;
  const bold = (words: string): string => (words === "" ? "" : `<B>${xmlText(words)}</B>`);
  const cells = [
    `<TD BGCOLOR="${strong}" WIDTH="11"><FONT COLOR="white" POINT-SIZE="9"><B>${letter}</B></FONT></TD>`,
    cell(bold(shortName(nameText(box))), 9),
    cell(xmlText(shortName(text, 2 * longestName)), 9),
    cell(sign === "~" && what !== undefined ? "" : xmlText(shortName(box.type)), 7, ` COLOR="${quiet}"`),
    cell(place === "" ? "" : bold(`→ ${place}`), 9),
  ];
  const table = `<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="1"><TR>${cells.join("")}</TR></TABLE>`;
  const style = sign === "-" ? ' style="filled,dashed"' : "";
  const look = `color="${strong}" fillcolor="${light}" penwidth=${sign === "=" ? 0.8 : sign === "-" ? 1 : 2}${style}`;
  return `${id} [${look} tooltip=${dotString(box.line)} label=<${table}>];`;
}
