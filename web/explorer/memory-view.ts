/** Memory over time: every buffer at its place in the arena for the steps that need it, and live bytes against the least that any plan needs. */
import type { BufferView } from "../../src/tools/explorer/exploration.ts";
import { type Child, fill, h, svg } from "./dom.ts";
import { kernelLink, nodeLink } from "./facts.ts";
import type { Explorer, Look } from "./state.ts";
import { bytesText, plural } from "./units.ts";

const size = { left: 76, right: 110, top: 26, arena: 300, gap: 40, live: 120, bottom: 30 };

export function memoryView(explorer: Explorer): HTMLElement {
  const { buffers, memory } = explorer.data;
  const { steps } = memory;
  const chart = h("div", { class: "chart", tabindex: "0", role: "group", "aria-label": "scratch memory over time" });
  const details = h("aside", { class: "details", "aria-label": "what is known of the buffer" });
  const table = h("div", { class: "segments" });
  const choose = (buffer: number): void => explorer.set({ buffer });
  const rects = new Map<number, SVGElement>();
  const drawChart = (): void => {
    const stepWidth = Math.max(14, Math.min(150, 720 / Math.max(1, steps.length)));
    const width = size.left + stepWidth * Math.max(1, steps.length) + size.right;
    const liveTop = size.top + size.arena + size.gap;
    const height = liveTop + size.live + size.bottom;
    const most = Math.max(1, memory.arenaBytes, memory.lowerBoundBytes);
    const x = (step: number): number => size.left + stepWidth * step;
    const y = (bytes: number): number => size.top + size.arena * (1 - bytes / most);
    const liveY = (bytes: number): number => liveTop + size.live * (1 - bytes / most);
    // Small ones come last, so that they lie on top.
    const arena = [...buffers.entries()]
      .filter(([, { segment }]) => segment === "arena")
      .toSorted(([, a], [, b]) => b.bytes - a.bytes);
    const bars = arena.map(([number, buffer]) => {
      const { name, first, last, offset, bytes, type } = buffer;
      const top = y(offset + bytes);
      const tall = Math.max(2, y(offset) - top);
      const wide = stepWidth * (last - first + 1) - 2;
      const rect = svg("rect", { x: x(first) + 1, y: top, width: wide, height: tall, rx: 3 });
      const fits = tall > 13 && wide > 30;
      const words = `${name}, ${type}: ${bytesText(bytes)} at ${offset}, steps ${first + 1} to ${last + 1}`;
      const made = svg(
        "g",
        { class: "buffer", role: "button", tabindex: 0, "aria-label": words, "aria-pressed": "false" },
        svg("title", {}, words),
        rect,
        fits
          ? svg(
              "text",
              { x: x(first) + 7, y: top + Math.min(tall / 2 + 4, 16) },
              `${name} ${bytesText(bytes)}`.slice(0, Math.floor(wide / 6.4)),
            )
          : null,
      );
      made.addEventListener("click", () => choose(number));
      made.addEventListener("keydown", (event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        choose(number);
      });
      rects.set(number, made);
      return made;
    });
    const live = memory.live.map((bytes, step) =>
      svg(
        "rect",
        {
          class: "live",
          x: x(step) + 1,
          y: liveY(bytes),
          width: stepWidth - 2,
          height: liveTop + size.live - liveY(bytes),
        },
        svg("title", {}, `step ${step + 1}, ${steps[step]}: ${bytesText(bytes)} live`),
      ),
    );
    const level = (bytes: number, words: string, shift: number, dashed: boolean): Child[] => [
      svg("line", {
        class: dashed ? "level dashed" : "level",
        x1: size.left,
        x2: width - size.right,
        y1: liveY(bytes),
        y2: liveY(bytes),
      }),
      svg("text", { class: "axis", x: width - size.right + 6, y: liveY(bytes) + shift }, words),
    ];
    const isTight = memory.arenaBytes === memory.lowerBoundBytes;
    const numbers = steps.map((name, step) =>
      svg(
        "text",
        { class: "axis", x: x(step) + stepWidth / 2, y: size.top - 8, "text-anchor": "middle" },
        svg("title", {}, name),
        stepWidth < 22 && step % 5 !== 0 ? "" : String(step + 1),
      ),
    );
    const picture = svg(
      "svg",
      { width, height, viewBox: `0 0 ${width} ${height}`, class: steps.length > 60 ? "long" : "" },
      ...steps.map((_, step) =>
        svg("rect", {
          class: step % 2 === 0 ? "band even" : "band",
          x: x(step),
          y: size.top,
          width: stepWidth,
          height: height - size.top - size.bottom,
        }),
      ),
      svg("text", { class: "axis", x: size.left - 8, y: size.top + 10, "text-anchor": "end" }, bytesText(most)),
      svg("text", { class: "axis", x: size.left - 8, y: size.top + size.arena, "text-anchor": "end" }, "offset 0"),
      svg("text", { class: "axis", x: size.left - 8, y: liveTop + 10, "text-anchor": "end" }, "live bytes"),
      ...numbers,
      ...bars,
      ...live,
      ...level(memory.arenaBytes, "arena", -2, false),
      ...level(memory.lowerBoundBytes, isTight ? "= lower bound" : "lower bound", 12, true),
    );
    fill(chart, picture);
  };
  const drawTable = (): void => {
    const segments = ["arena", "state", "input", "held", "output"] as const;
    const parts = segments.flatMap((segment) => {
      const own = [...buffers.entries()].filter(([, buffer]) => buffer.segment === segment);
      if (own.length === 0) return [];
      const total = segment === "arena" ? memory.arenaBytes : own.reduce((sum, [, { bytes }]) => sum + bytes, 0);
      const rows = own.map(([number, { name, type, bytes, offset }]) =>
        h(
          "tr",
          {},
          h("td", {}, linkTo(number, name)),
          h("td", {}, type),
          h("td", { class: "number" }, bytes.toLocaleString("en")),
          h("td", { class: "number" }, offset.toLocaleString("en")),
        ),
      );
      const head = ["buffer", "type", "bytes", "offset"].map((words) => h("th", {}, words));
      const body = h("table", {}, h("thead", {}, h("tr", {}, ...head)), h("tbody", {}, ...rows));
      return [
        h(
          "details",
          { class: "section" },
          h("summary", {}, `${segment}: ${bytesText(total)}, ${plural(own.length, "buffer")}`),
          body,
        ),
      ];
    });
    const [first] = parts;
    if (first !== undefined) first.open = true; // what is too thin to be hit in the chart
    fill(table, ...parts);
  };
  const linkTo = (number: number, words: string): HTMLElement =>
    h("button", { type: "button", class: "link", onclick: () => choose(number) }, words);
  const draw = (look: Look, last: Look | null): void => {
    if (look.view !== "memory") return;
    if (rects.size === 0) {
      drawChart();
      drawTable();
    }
    if (last?.view === look.view && last.buffer === look.buffer) return;
    for (const [number, rect] of rects) {
      rect.classList.toggle("chosen", number === look.buffer);
      rect.setAttribute("aria-pressed", String(number === look.buffer));
    }
    const buffer = look.buffer === null ? undefined : buffers[look.buffer];
    fill(details, ...(buffer === undefined ? summary(explorer) : aboutBuffer(explorer, buffer)));
  };
  explorer.onChange(draw);
  return h("div", { class: "view memory" }, h("div", { class: "middle" }, chart, table), details);
}

function summary({ data: { memory } }: Explorer): Child[] {
  const row = (words: string, bytes: number): Child =>
    h("div", { class: "row" }, h("dt", {}, words), h("dd", {}, `${bytesText(bytes)} (${bytes.toLocaleString("en")})`));
  return [
    h("h2", {}, "Memory"),
    h(
      "p",
      {},
      "Each block is a tensor: from left to right the steps that need it, upwards its bytes in the arena. Pick one.",
    ),
    h(
      "dl",
      {},
      row("arena", memory.arenaBytes),
      row("lower bound", memory.lowerBoundBytes),
      row("without reuse", memory.withoutReuseBytes),
      row("state", memory.stateBytes),
      row("inputs", memory.inputBytes),
      row("outputs", memory.outputBytes),
    ),
  ];
}

function aboutBuffer(explorer: Explorer, buffer: BufferView): Child[] {
  const { name, segment, type, bytes, offset, first, last, writtenBy, readBy, nodes } = buffer;
  const { steps } = explorer.data.memory;
  const row = (label: string, ...children: readonly Child[]): Child =>
    h("div", { class: "row" }, h("dt", {}, label), h("dd", {}, ...children));
  const list = (items: readonly Child[]): Child => h("ul", {}, ...items.map((item) => h("li", {}, item)));
  const life = segment === "arena" ? `steps ${first + 1} (${steps[first]}) to ${last + 1} (${steps[last]})` : "always";
  return [
    h("h2", {}, name),
    h(
      "dl",
      {},
      row("type", type),
      row("bytes", `${bytes.toLocaleString("en")} (${bytesText(bytes)})`),
      row("place", `${segment}, bytes ${offset.toLocaleString("en")} to ${(offset + bytes - 1).toLocaleString("en")}`),
      row("needed", life),
    ),
    writtenBy.length === 0 ? null : h("h3", {}, "Written by"),
    list(writtenBy.map((kernel) => kernelLink(explorer, kernel))),
    readBy.length === 0 ? null : h("h3", {}, "Read by"),
    list(readBy.map((kernel) => kernelLink(explorer, kernel))),
    nodes.length === 0 ? null : h("h3", {}, "Holds"),
    list(nodes.map((key) => nodeLink(explorer, key))),
  ];
}
