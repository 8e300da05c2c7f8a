/**
 * Loss and accuracy by step: each reading pale, their running mean, and the test images. What was read is kept, for a file.
 */
import uPlot from "uplot";
import type { Message } from "./protocol.ts";

type Steps = Extract<Message, { readonly kind: "steps" }>;
type Tested = Extract<Message, { readonly kind: "tested" }>;

/** Of about how many steps the running mean is: more where there were more, so that it is smooth and not late. */
const spanAt = (step: number): number => Math.min(20, Math.max(1, step / 8));

/** There is no half step. */
const wholeSteps = [1, 2, 5]
  .flatMap((step) => [1, 10, 100, 1e3, 1e4, 1e5].map((times) => step * times))
  .sort((a, b) => a - b);

/** Columns over the same steps. */
interface Score {
  readonly read: (number | null)[];
  readonly mean: (number | null)[];
  readonly tested: (number | null)[];
}

const names = ["loss", "accuracy"] as const;
type ScoreName = (typeof names)[number];

export class Curves {
  readonly #steps: number[] = [];
  readonly #scores: Readonly<Record<ScoreName, Score>> = { loss: empty(), accuracy: empty() };
  readonly #plots: readonly { readonly name: ScoreName; readonly plot: uPlot; readonly box: HTMLElement }[];
  #isDue = false;

  constructor(boxes: Readonly<Record<ScoreName, HTMLElement>>) {
    this.#plots = names.map((name) => ({ name, box: boxes[name], plot: plotIn(boxes[name]) }));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      for (const { plot } of this.#plots) plot.redraw(false, true);
    });
    const resized = new ResizeObserver(() => {
      for (const { plot, box } of this.#plots) plot.setSize({ width: box.clientWidth, height: plot.height });
    });
    for (const { box } of this.#plots) resized.observe(box);
  }

  get isEmpty(): boolean {
    return this.#steps.length === 0;
  }

  add({ steps, losses, accuracies }: Steps): void {
    for (const [i, step] of steps.entries()) {
      this.#open(step);
      this.#read("loss", losses[i] ?? null);
      this.#read("accuracy", accuracies[i] ?? null);
    }
    this.#draw();
  }

  addTested({ step, loss, accuracy }: Tested): void {
    this.#open(step);
    this.#scores.loss.tested[this.#steps.length - 1] = loss;
    this.#scores.accuracy.tested[this.#steps.length - 1] = accuracy;
    this.#draw();
  }

  /** Forgets what came behind a step. */
  rewind(step: number): void {
    const kept = this.#steps.findLastIndex((found) => found <= step) + 1;
    this.#steps.length = kept;
    for (const { read, mean, tested } of Object.values(this.#scores)) read.length = mean.length = tested.length = kept;
    this.#draw();
  }

  clear(): void {
    this.rewind(-1);
  }

  /** Numbers as they were read, every digit of them. */
  csv(): string {
    const { loss, accuracy } = this.#scores;
    const lines = this.#steps.map((step, i) =>
      [step, loss.read[i], accuracy.read[i], loss.tested[i], accuracy.tested[i]].map((cell) => cell ?? "").join(","),
    );
    return `${["step,loss,accuracy,test loss,test accuracy", ...lines].join("\n")}\n`;
  }

  #open(step: number): void {
    if (this.#steps.at(-1) === step) return;
    this.#steps.push(step);
    for (const { read, mean, tested } of Object.values(this.#scores))
      for (const column of [read, mean, tested]) column.push(null);
  }

  #read(name: ScoreName, value: number | null): void {
    const { read, mean } = this.#scores[name];
    const at = this.#steps.length - 1;
    read[at] = value;
    if (value === null) return;
    const [step, last] = [this.#steps[at] ?? 0, mean.findLastIndex((found) => found !== null)];
    const passed = step - (this.#steps[last] ?? 0);
    const weight = 1 - (1 - 1 / spanAt(step)) ** passed;
    const before = mean[last] ?? value;
    mean[at] = before + weight * (value - before);
  }

  /** Once a frame at most. */
  #draw(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    requestAnimationFrame(() => {
      this.#isDue = false;
      for (const { name, plot, box } of this.#plots) {
        const { read, mean, tested } = this.#scores[name];
        plot.setData([this.#steps, read, mean, tested]);
        box.setAttribute("aria-label", inWords(name, this.#steps.at(-1), mean, tested));
      }
    });
  }
}

function empty(): Score {
  return { read: [], mean: [], tested: [] };
}

function inWords(
  name: ScoreName,
  step: number | undefined,
  ...[mean, tested]: readonly (readonly (number | null)[])[]
): string {
  const last = (column: readonly (number | null)[] = []): string => spelled(column.findLast((value) => value !== null));
  const title = name === "loss" ? "Loss" : "Accuracy";
  return step === undefined
    ? `${title} by step: nothing yet`
    : `${title} by step: at step ${step} training ${last(mean)}, test ${last(tested)}`;
}

function spelled(value: number | null | undefined): string {
  return value === null || value === undefined ? "–" : String(Number(value.toPrecision(4)));
}

function themed(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function plotIn(box: HTMLElement): uPlot {
  const axis: uPlot.Axis = {
    stroke: () => themed("--weak"),
    grid: { stroke: () => themed("--grid"), width: 1 },
    ticks: { stroke: () => themed("--line"), width: 1, size: 4 },
    font: '11px system-ui, "Segoe UI", "Liberation Sans", Arial, sans-serif',
  };
  const value = (_: uPlot, found: number | null): string => spelled(found);
  const first = (): string => themed("--first");
  return new uPlot(
    {
      width: box.clientWidth,
      height: 230,
      scales: { x: { time: false, range: (_, least, most) => [least ?? 0, Math.max(most ?? 0, (least ?? 0) + 10)] } },
      axes: [
        { ...axis, size: 28, gap: 4, space: 70, incrs: wholeSteps },
        { ...axis, size: 46, gap: 4 },
      ],
      series: [
        { label: "step", value: (_, found) => (found === null ? "–" : String(found)) },
        {
          label: "a reading",
          stroke: () => `${first()}4d`,
          width: 1,
          spanGaps: true,
          points: { show: false },
          value,
        },
        { label: "training", stroke: first, width: 2, spanGaps: true, points: { show: false }, value },
        { label: "test", stroke: () => themed("--second"), width: 2, spanGaps: true, points: { show: false }, value },
      ],
      cursor: { sync: { key: "steps" }, points: { size: 7 }, drag: { x: true, y: false } },
      legend: { live: true },
    },
    [[], [], [], []],
    box,
  );
}
