/** The user's script: pick a line and see what it became, stage by stage, down to kernels, code and bytes. */
import type { NodeView } from "../../src/tools/explorer/exploration.ts";
import { codeViewer } from "./code.ts";
import { button, type Child, choices, fill, h } from "./dom.ts";
import { bufferLink, kernelLink, nodeLink } from "./facts.ts";
import type { Explorer, Look } from "./state.ts";
import { bytesText, flopsText, plural } from "./units.ts";

export function sourceView(explorer: Explorer): HTMLElement {
  const { sources, places } = explorer.data;
  const list = h("nav", { class: "side", "aria-label": "files" });
  const details = h("aside", { class: "details", "aria-label": "what the line became" });
  const made = sources.map(
    (_, source) => new Set(places.flatMap((place) => (place.source === source ? [place.line] : []))),
  );
  let file = -1;
  const open = (source: number, line: number): void => explorer.set({ line: { source, line } });
  const viewer = codeViewer("ts", {
    label: "the script; Enter shows what a line became",
    onLine: (line) => open(file, line),
  });
  const draw = (look: Look, last: Look | null): void => {
    if (look.view !== "source") return;
    if (sources.length === 0) {
      fill(details, h("p", {}, "No file of the script could be read."));
      return;
    }
    const line = look.line ?? { source: mainSource(explorer), line: 0 };
    const isOther = file !== line.source;
    if (isOther) {
      file = line.source;
      viewer.show(sources[file]?.text ?? "", null);
    }
    if (isOther || last === null || last.line !== look.line || last.view !== look.view) {
      const files = sources.map(({ path }) => ({ title: path, body: [h("span", { class: "name" }, path)] }));
      fill(
        list,
        choices("files", files, file, (source) =>
          open(source, [...(made[source] ?? [1])].sort((a, b) => a - b)[0] ?? 1),
        ),
      );
      viewer.mark(made[file] ?? new Set(), look.line === null ? null : line.line);
      fill(details, ...became(explorer, line.source, line.line));
    }
  };
  explorer.onChange(draw);
  return h("div", { class: "view source" }, list, h("div", { class: "middle" }, viewer.element), details);
}

/** The file from which most nodes come. */
function mainSource({ data: { places } }: Explorer): number {
  const counts = new Map<number, number>();
  for (const { source } of places) if (source !== null) counts.set(source, (counts.get(source) ?? 0) + 1);
  return [...counts].toSorted(([, a], [, b]) => b - a)[0]?.[0] ?? 0;
}

function became(explorer: Explorer, source: number, line: number): Child[] {
  const { places, stages, kernels, buffers } = explorer.data;
  const own = new Set(places.flatMap((place, i) => (place.source === source && place.line === line ? [i] : [])));
  if (own.size === 0) {
    return [
      h("h2", {}, line === 0 ? "Pick a line" : `Line ${line}`),
      h(
        "p",
        {},
        line === 0 ? "Marked lines made nodes: pick one to see what it became." : "No node comes from this line.",
      ),
    ];
  }
  const of = (nodes: readonly NodeView[]): readonly NodeView[] =>
    nodes.filter((node) => node.places.some((place) => own.has(place)));
  const shown: Child[] = [];
  const seen = new Set<number>();
  for (const [stage, { name, graph }] of stages.entries()) {
    if (seen.has(graph)) continue;
    seen.add(graph);
    const nodes = of(explorer.graphAt(stage).nodes);
    const keys = new Set(nodes.map(({ key }) => key));
    const show = (): void => explorer.set({ view: "stages", stage, nodes: keys });
    shown.push(h("li", {}, button(`${name}: ${plural(nodes.length, "node")}`, show, { class: "link" })));
  }
  const last = of(explorer.graphAt(stages.length - 1).nodes);
  const usedKernels = [...new Set(last.flatMap((node) => node.kernels ?? []))];
  const usedBuffers = [...new Set(last.flatMap(({ buffer }) => (buffer === undefined ? [] : [buffer])))];
  const flops = usedKernels.reduce((sum, kernel) => sum + (kernels[kernel]?.flops ?? 0), 0);
  const code = usedKernels.reduce((sum, kernel) => sum + (kernels[kernel]?.code.bytes ?? 0), 0);
  const list = (items: readonly Child[]): Child => h("ul", {}, ...items.map((item) => h("li", {}, item)));
  const most = 30;
  return [
    h("h2", {}, `Line ${line}`),
    h("h3", {}, "Stage by stage"),
    h("ol", {}, ...shown),
    h("h3", {}, `In ${plural(usedKernels.length, "kernel")}`),
    h(
      "p",
      { class: "note" },
      `${flopsText(flops)} and ${code.toLocaleString("en")} bytes of code, with what else is computed in them`,
    ),
    list(
      usedKernels.map((kernel) =>
        h(
          "span",
          {},
          kernelLink(explorer, kernel),
          h("small", {}, ` ${(kernels[kernel]?.code.bytes ?? 0).toLocaleString("en")} bytes of code`),
        ),
      ),
    ),
    h("h3", {}, `In ${plural(usedBuffers.length, "buffer")}`),
    list(
      usedBuffers.map((buffer) => {
        const { segment, bytes, offset } = buffers[buffer] ?? { segment: "arena", bytes: 0, offset: 0 };
        return h(
          "span",
          {},
          bufferLink(explorer, buffer),
          h("small", {}, ` ${segment}, ${bytesText(bytes)} at ${offset.toLocaleString("en")}`),
        );
      }),
    ),
    h("h3", {}, `${plural(last.length, "node")} in the end`),
    list(last.slice(0, most).map(({ key }) => nodeLink(explorer, key))),
    last.length > most ? h("p", { class: "note" }, `and ${last.length - most} more`) : null,
  ];
}
