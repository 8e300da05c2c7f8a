/** What is known of chosen nodes: their line, what they read, who computes them, where they lie, which line of the script they are of. */
import type { NodeView } from "../../src/tools/explorer/exploration.ts";
import { button, type Child, h } from "./dom.ts";
import type { Explorer, Look } from "./state.ts";
import { bytesText, plural } from "./units.ts";

const most = 12;

/** `nodes` may be those of the graph before the stage, where they have gone. */
export function nodeFacts(explorer: Explorer, look: Look, nodes: readonly NodeView[]): HTMLElement {
  const shown = nodes.slice(0, most);
  const { before } = explorer.counterparts(look.stage);
  const olds = explorer.nodesOf(look.stage - 1);
  const oldOf = ({ key }: NodeView): readonly NodeView[] =>
    look.nodes.has(key) ? (before.get(key) ?? []).flatMap((one) => olds.get(one) ?? []) : [];
  const title = nodes.length === 1 ? (nodes[0]?.name ?? `%${nodes[0]?.key}`) : plural(nodes.length, "node");
  return h(
    "section",
    { class: "facts", "aria-label": "what is chosen" },
    h("h2", {}, title),
    ...shown.map((node) => oneNode(explorer, node, oldOf(node))),
    nodes.length > most ? h("p", { class: "note" }, `and ${nodes.length - most} more`) : null,
  );
}

function oneNode(explorer: Explorer, node: NodeView, old: readonly NodeView[]): HTMLElement {
  const { change } = explorer.stage;
  const laws = change.laws.filter(({ before, after }) => after === node.key || old.some(({ key }) => key === before));
  const was = old.filter(({ text }) => text !== node.text);
  const buffer = node.buffer === undefined ? undefined : explorer.data.buffers[node.buffer];
  const row = (name: string, ...children: readonly Child[]): Child =>
    children.length === 0 ? null : h("div", { class: "row" }, h("dt", {}, name), h("dd", {}, ...children));
  const kernels = (node.kernels ?? []).map((kernel) => kernelLink(explorer, kernel));
  return h(
    "dl",
    {},
    h("code", { class: "line" }, node.text),
    row("part", [node.role, ...node.group.slice(1)].join(" › ")),
    ...(was.length === 0 ? [] : [row("was", ...was.slice(0, 4).map(({ text }) => h("code", {}, text)))]),
    ...(laws.length === 0 ? [] : [row("laws", laws.map(({ law }) => law).join("; "))]),
    ...(kernels.length === 0 ? [] : [row("kernel", ...kernels)]),
    ...(buffer === undefined
      ? []
      : [
          row(
            "buffer",
            bufferLink(explorer, node.buffer ?? 0),
            ` ${buffer.segment}, ${bytesText(buffer.bytes)} at ${buffer.offset.toLocaleString("en")}`,
          ),
        ]),
    ...(node.places.length === 0 ? [] : [row("script", ...placeLinks(explorer, node.places))]),
  );
}

export function kernelLink(explorer: Explorer, kernel: number): HTMLElement {
  const name = explorer.data.kernels[kernel]?.name ?? "";
  return button(name, () => explorer.set({ view: "kernels", kernel }), { class: "link" });
}

export function bufferLink(explorer: Explorer, buffer: number): HTMLElement {
  const name = explorer.data.buffers[buffer]?.name ?? "";
  return button(name, () => explorer.set({ view: "memory", buffer }), { class: "link" });
}

/** The innermost places come last: they are named first. */
export function placeLinks(explorer: Explorer, places: readonly number[]): readonly HTMLElement[] {
  return places.toReversed().flatMap((place) => {
    const found = explorer.data.places[place];
    if (found === undefined) return [];
    const words = `${found.file}:${found.line}`;
    const { source, line } = found;
    if (source === null) return [h("span", {}, words)];
    return [button(words, () => explorer.set({ view: "source", line: { source, line } }), { class: "link" })];
  });
}

export function nodeLink(explorer: Explorer, key: string): HTMLElement {
  const stage = explorer.fuseStage;
  const node = explorer.nodesOf(stage).get(key);
  return button(node?.text ?? `%${key}`, () => explorer.set({ view: "stages", stage, nodes: new Set([key]) }), {
    class: "link",
  });
}
