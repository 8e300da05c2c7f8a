/** Kernels: what each computes, its loops before and after every move, its code, its work and what that took. */
import type { CodeView, KernelView } from "../../src/tools/explorer/exploration.ts";
import { codeViewer, type Language } from "./code.ts";
import { type Child, choices, fill, h } from "./dom.ts";
import { bufferLink, nodeLink } from "./facts.ts";
import type { Explorer, Look } from "./state.ts";
import { bytesText, flopsText, plural, timeText } from "./units.ts";

/** Something to read of a kernel. */
interface Page {
  readonly name: string;
  readonly text: string;
  /** What it became of. */
  readonly before: string | null;
  readonly language: Language;
}

export function kernelsView(explorer: Explorer): HTMLElement {
  const { kernels } = explorer.data;
  const list = h("nav", { class: "side", "aria-label": "kernels" });
  const steps = h("div", { class: "steps" });
  const about = h("aside", { class: "details", "aria-label": "what is known of the kernel" });
  const viewer = codeViewer("kernel", { label: "the kernel's text" });
  let page = 0;
  const pagesOf = (kernel: KernelView): readonly Page[] => pages(explorer, kernel);
  const drawPage = (kernel: KernelView): void => {
    const all = pagesOf(kernel);
    page = Math.min(page, all.length - 1);
    const items = all.map(({ name }, i) => ({
      body: [h("span", { class: "number" }, String(i + 1)), h("span", { class: "move" }, name)],
    }));
    fill(
      steps,
      choices("steps of the kernel", items, page, (index) => {
        page = index;
        drawPage(kernel);
      }),
    );
    const shown = all[page];
    if (shown !== undefined) viewer.show(shown.text, shown.before, shown.language);
  };
  const draw = (look: Look, last: Look | null): void => {
    if (look.view !== "kernels") return;
    const kernel = kernels[look.kernel];
    if (kernel === undefined) {
      fill(about, h("p", {}, "The entry has no kernels: everything is known when it is compiled."));
      return;
    }
    if (last?.kernel === look.kernel && last.view === look.view) return;
    fill(list, kernelList(explorer, look));
    drawPage(kernel);
    fill(about, ...aboutKernel(explorer, kernel));
  };
  explorer.onChange(draw);
  return h("div", { class: "view kernels" }, list, h("div", { class: "middle" }, steps, viewer.element), about);
}

function kernelList(explorer: Explorer, look: Look): HTMLElement {
  const { kernels } = explorer.data;
  const most = Math.max(1, ...kernels.map(({ flops, times }) => flops * times));
  const items = kernels.map((kernel) => {
    const share = Math.max(0.01, (kernel.flops * kernel.times) / most);
    const bar = h("span", { class: "share", title: "share of the operations of the largest" });
    bar.style.setProperty("--share", String(share));
    return {
      title: kernel.name,
      body: [
        h("span", { class: "name" }, kernel.name, kernel.times === 1 ? null : ` × ${kernel.times}`),
        h(
          "span",
          { class: "count" },
          [flopsText(kernel.flops), bytesText(kernel.bytes), ...took(explorer, kernel)].join(", "),
        ),
        bar,
      ],
    };
  });
  return choices("kernels", items, look.kernel, (kernel) => explorer.set({ kernel }));
}

function pages(explorer: Explorer, { lowered, moves, written, code }: KernelView): readonly Page[] {
  const text = (id: number): string => explorer.text(id);
  const nests = new Set(moves.map(({ nest }) => nest)).size;
  const moved = moves.map(({ move, nest, text: id }, i): Page => {
    const before = moves[i - 1]?.text ?? lowered;
    return {
      name: nests > 1 ? `nest ${nest + 1}: ${move}` : move,
      text: text(id),
      before: text(before),
      language: "kernel",
    };
  });
  const last = moves.at(-1)?.text ?? lowered;
  const name = { js: "JavaScript", wgsl: "WGSL", wasm: "WebAssembly" }[code.language];
  const withBytes: readonly Page[] =
    code.hex === null
      ? []
      : [
          {
            name: `${name}, byte by byte`,
            text: byBytes(text(code.text), text(code.hex)),
            before: null,
            language: "bytes",
          },
        ];
  return [
    { name: "as it was lowered", text: text(lowered), before: null, language: "kernel" },
    ...moved,
    { name: "written out", text: text(written), before: text(last), language: "kernel" },
    { name, text: text(code.text), before: null, language: code.language },
    ...withBytes,
  ];
}

function byBytes(text: string, hex: string): string {
  const rows = hex.split("\n");
  return text
    .split("\n")
    .map((line, i) => `${shortened(rows[i] ?? "").padEnd(42)}${line}`)
    .join("\n");
}

function shortened(row: string): string {
  return row.length <= 40 ? row : `${row.slice(0, 38)}..`;
}

function aboutKernel(explorer: Explorer, kernel: KernelView): Child[] {
  const { step, name, times, flops, bytes, code, sameAs, nodes, reads, writes } = kernel;
  const row = (label: string, ...children: readonly Child[]): Child =>
    h("div", { class: "row" }, h("dt", {}, label), h("dd", {}, ...children));
  const links = (title: string, items: readonly Child[]): Child[] =>
    items.length === 0 ? [] : [h("h3", {}, title), h("ul", {}, ...items.map((item) => h("li", {}, item)))];
  const other = sameAs === null ? undefined : explorer.data.kernels[sameAs];
  return [
    h("h2", {}, name),
    h(
      "dl",
      {},
      row("work", `${flopsText(flops)} (${flops.toLocaleString("en")})`),
      row("memory", `${bytesText(bytes)} moved, ${(flops / Math.max(1, bytes)).toFixed(2)} flop a byte`),
      row("launches", `${plural(times, "time")} a call`),
      row("time", ...timeOf(explorer, step)),
      row("code", codeWords(code)),
      other === undefined ? null : row("same as", other.name),
    ),
    ...links(
      "Nodes",
      nodes.map((key) => nodeLink(explorer, key)),
    ),
    ...links(
      "Reads",
      reads.map((buffer) => bufferLink(explorer, buffer)),
    ),
    ...links(
      "Writes",
      writes.map((buffer) => bufferLink(explorer, buffer)),
    ),
  ];
}

function codeWords({ language, bytes }: CodeView): string {
  const name = { js: "JavaScript", wgsl: "WGSL", wasm: "WebAssembly" }[language];
  return `${bytes.toLocaleString("en")} bytes of ${name}`;
}

function took({ data }: Explorer, { step }: KernelView): readonly string[] {
  const found = data.measured?.kernels.find((one) => one.step === step);
  return found === undefined ? [] : [timeText(found.us)];
}

function timeOf(explorer: Explorer, step: number): Child[] {
  const found = explorer.data.measured?.kernels.find((one) => one.step === step);
  if (found === undefined) return [h("span", { class: "note" }, "not measured")];
  const { us, floorUs, together } = found;
  const shared = together === 1 ? "" : `, with ${plural(together - 1, "other launch", "other launches")}`;
  if (floorUs === null) return [timeText(us) + shared];
  if (floorUs > us) {
    // The ceiling's bytes go through memory.
    return [`${timeText(us)}${shared}; less than the ${timeText(floorUs)} of the measured ceiling, as where caches hold the data`]; // biome-ignore format: one line
  }
  const meter = h("span", {
    class: "share",
    role: "img",
    "aria-label": `${((100 * floorUs) / us).toFixed(0)}% of the time is the floor`,
  });
  meter.style.setProperty("--share", String(floorUs / us));
  return [`${timeText(us)}${shared}; the machine needs ${timeText(floorUs)} at least`, meter];
}
