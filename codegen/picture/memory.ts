/**
 * Buffers over time, as an SVG of our own.
 *
 *            step  1   2   3   4        above: one bar per scratch buffer, from the step that first writes it to the last
 *   %16 256 KiB    [===========]               that touches it, with its offset in the arena
 *   %19   5 KiB        [===]            below: live bytes at each step, with the lower bound (no plan can be smaller) and
 *   live           #   ##  ##  #               the size of the arena as lines across
 *
 * A pure function of the plan: what it shows can be compared with it, number by number.
 */
import { xmlText } from "../escape.ts";
import { faint, ink, paints, paper, quiet } from "./palette.ts";
import { shortName } from "./short.ts";
import { bytesText } from "./units.ts";

export interface MemoryPicture {
  readonly title: string;
  /** What runs at each step. */
  readonly steps: readonly string[];
  /** Steps are counted from 0; `first` and `last` are both included. `about`: type, and what it holds. */
  readonly bars: readonly MemoryBar[];
  readonly peakBytes: number;
  readonly lowerBoundBytes: number;
  readonly withoutReuseBytes: number;
  readonly stateBytes: number;
  readonly inputBytes: number;
  readonly outputBytes: number;
}

export interface MemoryBar {
  readonly name: string;
  readonly about: string;
  readonly bytes: number;
  readonly offset: number;
  readonly first: number;
  readonly last: number;
}

/** Scratch bytes in use at each step. */
export function liveBytes({ steps, bars }: Pick<MemoryPicture, "steps" | "bars">): readonly number[] {
  return steps.map((_, step) =>
    bars.reduce((sum, { first, last, bytes }) => (first <= step && step <= last ? sum + bytes : sum), 0),
  );
}

const left = 190;
/** As many as there is room for, left of the bars. */
const barLetters = 30;
const right = 96;
const barHeight = 18;
const chartHeight = 150;
const fonts = "Helvetica,Arial,Arimo,Liberation Sans,sans-serif";

export function printMemorySvg(picture: MemoryPicture): string {
  const { steps, bars } = picture;
  const stepWidth = Math.max(24, Math.min(150, Math.floor(1200 / Math.max(1, steps.length))));
  const width = left + stepWidth * Math.max(1, steps.length) + right;
  const top = 104;
  const chartTop = top + barHeight * bars.length + 34;
  const height = chartTop + chartHeight + 40;
  const frame = { stepWidth, top, chartTop };
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="${fonts}" font-size="12" fill="${ink}">`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    ...heading(picture),
    ...columns(picture, frame, chartTop + chartHeight),
    ...bars.flatMap((bar, row) => barLines(bar, row, frame)),
    ...chart(picture, frame, width),
    "</svg>",
    "",
  ].join("\n");
}

interface Frame {
  readonly stepWidth: number;
  readonly top: number;
  readonly chartTop: number;
}

function text(x: number, y: number, words: string, attributes = ""): string {
  return `<text x="${x}" y="${y}"${attributes === "" ? "" : ` ${attributes}`}>${xmlText(words)}</text>`;
}

function heading(picture: MemoryPicture): string[] {
  const { peakBytes, lowerBoundBytes, withoutReuseBytes, stateBytes, inputBytes, outputBytes } = picture;
  const scratch =
    `Scratch memory: an arena of ${bytesText(peakBytes)}; no plan can do with less than ${bytesText(lowerBoundBytes)}; ` +
    `without sharing bytes it would be ${bytesText(withoutReuseBytes)}.`;
  const others = `Beside it: state ${bytesText(stateBytes)}, inputs ${bytesText(inputBytes)}, outputs ${bytesText(outputBytes)}.`;
  return [
    text(16, 30, shortName(picture.title), 'font-size="20" font-weight="bold"'),
    text(16, 52, scratch, `fill="${quiet}"`),
    text(16, 70, others, `fill="${quiet}"`),
  ];
}

/** A band for each step, numbered above; its name stands below, where it fits. */
function columns({ steps }: MemoryPicture, { stepWidth, top }: Frame, bottom: number): string[] {
  return steps.flatMap((name, step) => {
    const x = left + stepWidth * step;
    const most = Math.floor((stepWidth - 8) / 6.2);
    const label = most < 4 ? "" : shortName(name, most);
    return [
      `<rect x="${x}" y="${top - 6}" width="${stepWidth}" height="${bottom - top + 6}" fill="${step % 2 === 0 ? paper : "#ffffff"}"/>`,
      text(x + stepWidth / 2, top - 12, String(step + 1), 'text-anchor="middle" font-weight="bold"'),
      ...(label === "" ? [] : [text(x + stepWidth / 2, bottom + 18, label, 'text-anchor="middle" font-size="11"')]),
    ];
  });
}

function barLines({ name, about, bytes, offset, first, last }: MemoryBar, row: number, frame: Frame): string[] {
  const x = left + frame.stepWidth * first + 3;
  const y = frame.top + barHeight * row;
  const width = frame.stepWidth * (last - first + 1) - 6;
  const { strong, light } = paints.forward;
  const inside = `${bytesText(bytes)} at ${offset}`;
  const isNarrow = width < inside.length * 5.8 + 8;
  return [
    text(left - 8, y + 12, shortName(`${name}  ${about}`, barLetters), 'text-anchor="end"'),
    `<rect class="bar" x="${x}" y="${y}" width="${width}" height="${barHeight - 4}" rx="3" fill="${light}" stroke="${strong}"><title>${xmlText(`${name}: ${bytes} bytes at offset ${offset}, steps ${first + 1} to ${last + 1}${about === "" ? "" : `; ${about}`}`)}</title></rect>`,
    text(isNarrow ? x + width + 5 : x + 6, y + 11, inside, 'font-size="10"'),
  ];
}

/** Live bytes as columns, and the lines that they must stay below. */
function chart(picture: MemoryPicture, { stepWidth, chartTop }: Frame, width: number): string[] {
  const most = Math.max(1, picture.peakBytes, picture.lowerBoundBytes);
  const base = chartTop + chartHeight;
  const isTight = picture.peakBytes === picture.lowerBoundBytes;
  const yOf = (bytes: number): number => Math.round((base - (bytes / most) * (chartHeight - 16)) * 10) / 10;
  const columnsOf = liveBytes(picture).flatMap((bytes, step) => {
    const y = yOf(bytes);
    const x = left + stepWidth * step + 3;
    return [
      `<rect class="live" x="${x}" y="${y}" width="${stepWidth - 6}" height="${Math.round((base - y) * 10) / 10}" fill="${paints.forward.strong}" fill-opacity="0.75"><title>${bytes} bytes live at step ${step + 1}</title></rect>`,
    ];
  });
  const line = (bytes: number, label: string, dash: string, above: boolean): string[] => [
    `<line x1="${left}" x2="${width - right}" y1="${yOf(bytes)}" y2="${yOf(bytes)}" stroke="${ink}"${dash}/>`,
    text(width - right + 6, yOf(bytes) + (above ? -2 : 11), label, 'font-size="11"'),
  ];
  return [
    text(left - 8, chartTop + 28, "live bytes at each step", 'text-anchor="end"'),
    `<line x1="${left}" x2="${width - right}" y1="${base}" y2="${base}" stroke="${faint}"/>`,
    ...columnsOf,
    ...line(picture.peakBytes, "arena", "", true),
    ...line(picture.lowerBoundBytes, isTight ? "= lower bound" : "lower bound", ' stroke-dasharray="6 4"', false),
  ];
}
