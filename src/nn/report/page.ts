/**
 * The script of a report, which runs in the browser: a table of runs, and a chart for each score, the values under the pointer
 * below it. Charts of one axis move their pointers together; dragging zooms, a double click shows all again.
 */
import uPlot from "uplot";
import type { Curve, ReportRun } from "./run-curves.ts";

interface PageData {
  readonly title: string;
  readonly runs: readonly ReportRun[];
}

/** All curves of one name and axis. */
interface Chart {
  readonly name: string;
  readonly axis: Curve["axis"];
  readonly lines: readonly Line[];
}

interface Line {
  readonly run: number;
  readonly curve: Curve;
  readonly values: readonly (number | null)[];
}

/** Told apart by people who see fewer colours too, on light and on dark. */
const palette = ["#2b7bd0", "#e07a1f", "#1f9d6b", "#c2498f", "#8a63d2", "#b0921e", "#d14545", "#4aa3b5"];

/** More runs than these get hues that lie far from each other, each a golden angle on. */
function colourAt(index: number): string {
  return palette[index] ?? `hsl(${Math.round((index * 137.508) % 360)} 58% 50%)`;
}

const data: PageData = JSON.parse(document.getElementById("data")?.textContent ?? "");
const hidden = new Set<number>();
/** What the page shows just now. */
const shown: { isLog: boolean; plots: readonly { readonly plot: uPlot; readonly box: HTMLElement }[] } = {
  isLog: false,
  plots: [],
};

// ---- what there is ---------------------------------------------------------------------------------------------------

function chartsOf(runs: readonly ReportRun[]): readonly Chart[] {
  const lines = runs.flatMap(({ curves }, run) => curves.map((curve) => ({ run, curve, values: curve.y.map(finite) })));
  const groups = new Map<string, Line[]>();
  for (const line of lines) {
    const key = `${line.curve.axis} ${line.curve.name}`;
    groups.set(key, [...(groups.get(key) ?? []), line]);
  }
  return [...groups.values()].map(chartOf).sort((a, b) => rank(a) - rank(b));
}

function chartOf(lines: readonly Line[]): Chart {
  const [first] = lines;
  return { name: first?.curve.name ?? "", axis: first?.curve.axis ?? "epoch", lines };
}

/** Losses, scores, then what is said of the run itself; epochs before batches. */
function rank({ name, axis }: Chart): number {
  const kind = name === "loss" ? 0 : isScore(name) ? 1 : 2;
  return kind + (axis === "step" ? 10 : 0);
}

function isScore(name: string): boolean {
  return name !== "learning rate" && name !== "seconds an epoch" && name !== "steps per second";
}

function finite(value: number | string): number | null {
  return typeof value === "number" ? value : null;
}

// ---- the page --------------------------------------------------------------------------------------------------------

function make<K extends keyof HTMLElementTagNameMap>(
  name: K,
  given: { readonly class?: string; readonly text?: string } = {},
  ...children: readonly Node[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(name);
  if (given.class !== undefined) made.className = given.class;
  if (given.text !== undefined) made.textContent = given.text;
  made.append(...children);
  return made;
}

const isCompared = data.runs.length > 1;

function colourOf({ run, curve }: Line): string {
  return colourAt(isCompared ? run : curve.side === "train" ? 0 : 1);
}

function themed(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function checkbox(text: string, isOn: boolean, onChange: (isOn: boolean) => void): HTMLElement {
  const box = make("input");
  box.type = "checkbox";
  box.checked = isOn;
  box.addEventListener("change", () => onChange(box.checked));
  return make("label", {}, box, document.createTextNode(` ${text}`));
}

function themeButton(): HTMLElement {
  const button = make("button", { text: "light / dark" });
  button.addEventListener("click", () => {
    const root = document.documentElement;
    const isDark = root.dataset.theme === undefined ? prefersDark.matches : root.dataset.theme === "dark";
    root.dataset.theme = isDark ? "light" : "dark";
    redraw();
  });
  return button;
}

const prefersDark = matchMedia("(prefers-color-scheme: dark)");

function spelled(value: number | null | undefined): string {
  if (value === null || value === undefined) return "–";
  const size = Math.abs(value);
  if (size === 0 || (size >= 1e-3 && size < 1e5)) return String(Number(value.toPrecision(5)));
  return String(Number(value.toPrecision(4)).toExponential());
}

/** A row for each run: the last value of each score, and the best of validation. */
function summary(charts: readonly Chart[]): HTMLElement {
  const scores = charts.filter(({ name, axis }) => axis === "epoch" && isScore(name));
  const columns = scores.flatMap((chart) =>
    (["train", "validation"] as const)
      .filter((side) => chart.lines.some(({ curve }) => curve.side === side))
      .map((side) => ({ chart, side, title: side === "train" ? chart.name : `validation ${chart.name}` })),
  );
  const table = make("table", { class: "summary" });
  const head = make("tr", {}, make("th", { text: "run" }), make("th", { text: "epochs" }));
  for (const { title } of columns) head.append(make("th", { text: title }));
  table.append(make("thead", {}, head));
  const body = make("tbody");
  for (const [run, { name, curves }] of data.runs.entries()) {
    const epochs = Math.max(0, ...curves.filter(({ axis }) => axis === "epoch").flatMap(({ x }) => x.at(-1) ?? 0));
    const row = make("tr", {}, nameCell(run, name), make("td", { text: String(epochs) }));
    for (const { chart, side } of columns) row.append(scoreCell(chart, side, run));
    body.append(row);
  }
  table.append(body);
  return make("div", { class: "scroll" }, table);
}

function nameCell(run: number, name: string): HTMLElement {
  if (!isCompared) return make("td", { text: name });
  const label = checkbox("", true, (isOn) => {
    if (isOn) hidden.delete(run);
    else hidden.add(run);
    drawAll();
  });
  const chip = make("span", { class: "chip" });
  chip.style.background = colourAt(run);
  label.append(chip, document.createTextNode(name));
  return make("td", { class: "runs" }, label);
}

function scoreCell({ lines }: Chart, side: Curve["side"], run: number): HTMLElement {
  const line = lines.find((found) => found.run === run && found.curve.side === side);
  const last = line?.curve.y.at(-1);
  const cell = make("td", { text: typeof last === "string" ? last : spelled(last) });
  const least = line === undefined || line.curve.name !== "loss" || side === "train" ? null : leastOf(line);
  if (least !== null)
    cell.append(" ", make("span", { class: "best", text: `best ${spelled(least.y)} in epoch ${least.x}` }));
  return cell;
}

function leastOf({ curve, values }: Line): { readonly x: number; readonly y: number } | null {
  let found: { readonly x: number; readonly y: number } | null = null;
  for (const [i, y] of values.entries()) {
    if (y !== null && (found === null || y < found.y)) found = { x: curve.x[i] ?? 0, y };
  }
  return found;
}

// ---- charts ----------------------------------------------------------------------------------------------------------

function seriesOf(line: Line, lines: readonly Line[]): uPlot.Series {
  const hasSides = lines.some(({ curve }) => curve.side === "validation");
  const name = data.runs[line.run]?.name ?? "";
  const label = isCompared ? (hasSides ? `${name}, ${line.curve.side}` : name) : line.curve.side;
  return {
    label: isCompared || hasSides ? label : line.curve.name,
    stroke: colourOf(line),
    width: 2,
    ...(isCompared && line.curve.side === "validation" ? { dash: [6, 4] } : {}),
    spanGaps: true,
    points: { show: line.curve.x.length < 40, size: 5, fill: colourOf(line) },
    value: (_, value) => spelled(value),
  };
}

function axes(axis: Curve["axis"]): uPlot.Axis[] {
  const common = {
    stroke: () => themed("--weak"),
    grid: { stroke: () => themed("--grid"), width: 1 },
    ticks: { stroke: () => themed("--line"), width: 1, size: 4 },
    font: '11px system-ui, "Segoe UI", "Liberation Sans", Arial, sans-serif',
  };
  return [
    { ...common, size: 28, gap: 4, ...(axis === "epoch" ? { incrs: wholeSteps } : {}) },
    { ...common, size: 62, gap: 4, values: (_, ticks) => ticks.map((tick) => (tick === null ? "" : spelled(tick))) },
  ];
}

/** There is no half epoch. */
const wholeSteps = [1, 2, 5]
  .flatMap((step) => [step, 10 * step, 100 * step, 1000 * step, 10_000 * step])
  .sort((a, b) => a - b);

function draw(chart: Chart, box: HTMLElement): uPlot | null {
  const lines = chart.lines.filter(({ run }) => !hidden.has(run));
  if (lines.length === 0) return null;
  const tables = lines.map(({ curve, values }): uPlot.AlignedData => [[...curve.x], [...values]]);
  const joined = tables.length === 1 && tables[0] !== undefined ? tables[0] : uPlot.join(tables);
  const isLogged = shown.isLog && lines.every(({ values }) => values.every((value) => value === null || value > 0));
  const width = box.clientWidth;
  return new uPlot(
    {
      width,
      height: Math.round(Math.min(300, Math.max(220, width * 0.52))),
      scales: { x: { time: false, range: roomAround }, y: { distr: isLogged ? 3 : 1 } },
      axes: axes(chart.axis),
      series: [
        { label: chart.axis, value: (_, value) => (value === null ? "–" : String(value)) },
        ...lines.map((line) => seriesOf(line, chart.lines)),
      ],
      cursor: {
        dataIdx: (plot, line, index) => indexIn(plot.data[line] ?? [], index, chart.axis),
        sync: { key: chart.axis },
        points: { size: 8 },
        drag: { x: true, y: false },
      },
      legend: { live: true },
    },
    joined,
    box,
  );
}

/** Which point of a line the pointer tells: that of the epoch; of steps the nearest, where the line goes on on both sides. */
function indexIn(values: ArrayLike<number | null | undefined>, index: number, axis: Curve["axis"]): number {
  const isThere = (at: number): boolean => typeof values[at] === "number";
  if (axis === "epoch" || isThere(index)) return index;
  let [left, right] = [index, index];
  while (left >= 0 && !isThere(left)) left--;
  while (right < values.length && !isThere(right)) right++;
  if (left < 0 || right >= values.length) return index;
  return index - left <= right - index ? left : right;
}

/** A run of one epoch has room too. */
function roomAround(_: uPlot, least: number, most: number): [number, number] {
  return least === most ? [least - 1, most + 1] : [least, most];
}

/** What a line cannot show. */
function noteOf({ lines }: Chart): string {
  const odd = lines.flatMap(({ curve }) => curve.y).filter((value) => typeof value === "string").length;
  return odd === 0 ? "" : `${odd === 1 ? "One value is" : `${odd} values are`} NaN or infinite.`;
}

const charts = chartsOf(data.runs);
const boxes = charts.map((chart) => {
  const note = noteOf(chart);
  const heading = make("h3", { text: chart.name });
  const box = make("div");
  const card = make("section", { class: "chart" }, heading, box);
  if (note !== "") card.append(make("p", { class: "note", text: note }));
  return { chart, box, card };
});

function drawAll(): void {
  for (const { plot } of shown.plots) plot.destroy();
  shown.plots = boxes.flatMap(({ chart, box }) => {
    const plot = draw(chart, box);
    return plot === null ? [] : [{ plot, box }];
  });
}

function redraw(): void {
  for (const { plot } of shown.plots) plot.redraw(false, true);
}

function keyOfLines(): HTMLElement {
  const key = make("p", { class: "key" });
  key.innerHTML =
    '<svg width="28" height="8"><path d="M0 4H28" stroke="currentColor" stroke-width="2"/></svg>train' +
    '<svg width="28" height="8"><path d="M0 4H28" stroke="currentColor" stroke-width="2" stroke-dasharray="6 4"/></svg>validation';
  return key;
}

const controls = make("div", { class: "controls" });
controls.append(
  checkbox("logarithmic", false, (isOn) => {
    shown.isLog = isOn;
    drawAll();
  }),
  themeButton(),
);
const main = make("main", {}, make("header", {}, make("h1", { text: data.title }), controls), summary(charts));
if (isCompared) main.append(keyOfLines());
const hasSteps = charts.some(({ axis }) => axis === "step");
for (const axis of ["epoch", "step"] as const) {
  const cards = boxes.filter(({ chart }) => chart.axis === axis).map(({ card }) => card);
  if (cards.length === 0) continue;
  if (hasSteps) main.append(make("h2", { text: axis === "epoch" ? "By epoch" : "By training step" }));
  main.append(make("div", { class: "charts" }, ...cards));
}
document.body.append(main);
drawAll();
prefersDark.addEventListener("change", redraw);
addEventListener("resize", () => {
  for (const { plot, box } of shown.plots) plot.setSize({ width: box.clientWidth, height: plot.height });
});
