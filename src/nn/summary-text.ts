/**
 * What a summary holds, and its table, as wide as it is asked to be.
 */

import { splitPath } from "../dsl/tree.ts";
import type { SampleShape } from "./layers/layer.ts";

/** One layer. */
export interface LayerSummary {
  /** Its path in the model: "dense1", "block.dense1". */
  readonly path: string;
  /** What it is: "dense". */
  readonly kind: string;
  /** How many layers it is inside of. */
  readonly depth: number;
  /** Of a sample, where it is applied first. */
  readonly output: SampleShape;
  /** Numbers in its weights and slots, those of the layers inside it too. */
  readonly parameters: number;
  /** Of these, those that are trained. */
  readonly trainable: number;
  /** Arithmetic of all its applications forward, for one sample: a multiply-add counts as two. */
  readonly flops: number;
  /** How often it is applied. */
  readonly calls: number;
}

/** A model in numbers; `text` is for people. */
export interface Summary {
  readonly layers: readonly LayerSummary[];
  /** Numbers in all weights and slots. */
  readonly parameters: number;
  /** Of these, those that are trained. */
  readonly trainable: number;
  /** Numbers that the optimizer keeps; 0 for a layer by itself. */
  readonly optimizer: number;
  /** Bytes of all weights and slots. */
  readonly bytes: number;
  /** Arithmetic forward, for one sample. */
  readonly flops: number;
  /** Bytes of what the layers put out for one sample. */
  readonly outputBytes: number;
  readonly text: string;
  /** The text. */
  toString(): string;
}

type Numbers = Omit<Summary, "text" | "toString">;

const gap = 2;

export function summaryText(found: Numbers, width: number): string {
  const rows = found.layers.map((row) => [
    nameOf(row),
    `[${row.output.join(", ")}]`,
    printCount(row.parameters),
    printCount(row.flops),
  ]);
  const head = ["Layer (kind)", "Output", "Parameters", "FLOPs"];
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]?.length ?? 0)));
  const others = widths.slice(1).reduce((all, one) => all + one + gap, 0);
  const first = Math.max(12, Math.min(widths[0] ?? 0, width - others));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, i) => {
        if (i === 0) return shortened(cell, first).padEnd(first);
        return i === 1 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0);
      })
      .join(" ".repeat(gap))
      .trimEnd();
  const rule = "─".repeat(Math.min(width, first + others));
  return [line(head), rule, ...rows.map(line), rule, ...totals(found)].join("\n");
}

function totals({ parameters, trainable, optimizer, bytes, flops, outputBytes }: Numbers): readonly string[] {
  const rows: (readonly [string, number, string])[] = [
    ["Parameters", parameters, `(${printBytes(bytes)})`],
    ["  trained", trainable, ""],
    ["  not trained", parameters - trainable, ""],
    ...(optimizer === 0 ? [] : [["Optimizer", optimizer, ""] as const]),
    ["Forward, a sample", flops, `FLOPs; ${printBytes(outputBytes)} of outputs`],
  ];
  const label = Math.max(...rows.map(([text]) => text.length));
  const number = Math.max(...rows.map(([, value]) => printCount(value).length));
  return rows.map(([text, value, more]) =>
    `${text.padEnd(label)}  ${printCount(value).padStart(number)} ${more}`.trimEnd(),
  );
}

function nameOf({ path, kind, depth, calls }: LayerSummary): string {
  const name = splitPath(path).at(-1) ?? "";
  const what = name === "" ? "the layer" : `${name} (${kind})`;
  return `${"  ".repeat(depth)}${what}${calls > 1 ? ` × ${calls}` : ""}`;
}

function shortened(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, width - 1)}…`;
}

function printCount(value: number): string {
  return value.toLocaleString("en-US");
}

function printBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  if (bytes < 1024 ** 2) return `${(bytes / 1024).toFixed(2)} KB`;
  return bytes < 1024 ** 3 ? `${(bytes / 1024 ** 2).toFixed(2)} MB` : `${(bytes / 1024 ** 3).toFixed(2)} GB`;
}
