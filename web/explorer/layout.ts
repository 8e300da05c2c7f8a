/**
 * Boxes in rows, each below what it reads, by d3-dag. A training step has lines from the first layer's forward pass to its backward pass:
 * a layout that bends all of them around everything between takes minutes (dagre 67 to 98 s for 1,064 nodes and 1,531 lines; d3-dag over a
 * minute), and shows a braid. So only lines of a few rows shape the picture, which takes a second (`npm run bench:explorer`); the others
 * are drawn across it, faintly.
 */
import { aggMean, coordGreedy, decrossTwoLayer, graphConnect, sugiyama, twolayerAgg } from "d3-dag";
import type { Boxes, Line } from "./boxes.ts";

export interface Spot {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly row: number;
}

export interface Laid {
  readonly spots: ReadonlyMap<string, Spot>;
  readonly lines: readonly (Line & {
    readonly isLong: boolean;
    readonly points: readonly (readonly [number, number])[];
  })[];
  readonly width: number;
  readonly height: number;
}

export const boxHeight = 34;
const gap = { x: 12, y: 26 };
/** Rows that a line may pass and still shape the picture. */
const mostRows = 4;
const mostLetters = 34;

export function layOut({ boxes, lines }: Pick<Boxes, "boxes" | "lines">): Laid {
  const widths = new Map(boxes.map(({ id, label, about }) => [id, widthOf(label, about)]));
  const rows = rowsOf(
    boxes.map(({ id }) => id),
    lines,
  );
  const isLong = ({ from, to }: Line): boolean => {
    const span = (rows.get(to) ?? 0) - (rows.get(from) ?? 0);
    return span < 1 || span > mostRows;
  };
  const short = lines.filter((line) => !isLong(line));
  const linked = new Set(short.flatMap(({ from, to }) => [from, to]));
  const alone = boxes.filter(({ id }) => !linked.has(id));
  if (boxes.length === 0) return { spots: new Map(), lines: [], width: 0, height: 0 };
  const pairs = [...short.map(({ from, to }) => [from, to] as const), ...alone.map(({ id }) => [id, id] as const)];
  const graph = graphConnect().single(true)(pairs as [string, string][]);
  const layout = sugiyama()
    .layering(layeringBy(rows))
    .decross(decrossTwoLayer().order(twolayerAgg().aggregator(aggMean)).passes(6))
    .coord(coordGreedy())
    .nodeSize(({ data }) => [widths.get(String(data)) ?? 100, boxHeight])
    .gap([gap.x, gap.y]);
  const { width, height } = layout(graph as never);
  const spots = new Map<string, Spot>();
  const bends = new Map<string, readonly (readonly [number, number])[]>();
  for (const node of graph.nodes()) {
    const id = String(node.data);
    spots.set(id, { x: node.x, y: node.y, width: widths.get(id) ?? 100, height: boxHeight, row: rows.get(id) ?? 0 });
  }
  for (const { source, target, points } of graph.links()) bends.set(`${source.data}\n${target.data}`, points);
  const ended = lines.map((line) => {
    const points = bends.get(`${line.from}\n${line.to}`);
    const [from, to] = [spots.get(line.from), spots.get(line.to)];
    const ends: [number, number][] = [
      [from?.x ?? 0, (from?.y ?? 0) + boxHeight / 2],
      [to?.x ?? 0, (to?.y ?? 0) - boxHeight / 2],
    ];
    const inner = points?.slice(1, -1) ?? [];
    return { ...line, isLong: isLong(line), points: [ends[0] ?? [0, 0], ...inner, ends[1] ?? [0, 0]] as const };
  });
  return { spots, lines: ended, width, height };
}

export function shownLabel(label: string): string {
  const letters = [...label];
  return letters.length <= mostLetters
    ? label
    : `${letters.slice(0, mostLetters - 9).join("")}…${letters.slice(-8).join("")}`;
}

function widthOf(label: string, about: string): number {
  return Math.max(64, Math.max(7.3 * shownLabel(label).length + 26, 6.1 * about.length + 18));
}

/** The longest way to each box; what reads nothing stands above its first reader. Groups may go round: such lines count for nothing. */
function rowsOf(ids: readonly string[], lines: readonly Line[]): ReadonlyMap<string, number> {
  const order = new Map(ids.map((id, i) => [id, i]));
  const into = new Map<string, string[]>();
  const readers = new Map<string, string[]>();
  for (const { from, to } of lines) {
    if ((order.get(from) ?? 0) >= (order.get(to) ?? 0)) continue;
    into.set(to, [...(into.get(to) ?? []), from]);
    readers.set(from, [...(readers.get(from) ?? []), to]);
  }
  const rows = new Map<string, number>();
  for (const id of ids) {
    const before = (into.get(id) ?? []).map((from) => rows.get(from) ?? 0);
    rows.set(id, before.length === 0 ? 0 : Math.max(...before) + 1);
  }
  for (const id of ids) {
    const own = readers.get(id);
    if (into.has(id) || own === undefined) continue;
    rows.set(id, Math.max(0, Math.min(...own.map((to) => rows.get(to) ?? 1)) - 1));
  }
  return rows;
}

function layeringBy(rows: ReadonlyMap<string, number>) {
  return (graph: { nodes(): Iterable<{ data: unknown; y: number }> }): number => {
    let most = 0;
    for (const node of graph.nodes()) {
      node.y = rows.get(String(node.data)) ?? 0;
      most = Math.max(most, node.y);
    }
    return most;
  };
}
