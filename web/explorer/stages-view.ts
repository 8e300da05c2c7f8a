/** The pipeline: pick a pass, see the graph before and behind it, what it changed, and by which law. */
import type { NodeView, StageView } from "../../src/tools/explorer/exploration.ts";
import { codeViewer } from "./code.ts";
import { button, type Child, choices, fill, h } from "./dom.ts";
import { nodeFacts } from "./facts.ts";
import { GraphPane, type Mark } from "./graph-pane.ts";
import type { Explorer, Look, Panes } from "./state.ts";
import { plural } from "./units.ts";

export function stagesView(explorer: Explorer): HTMLElement {
  const list = h("nav", { class: "side", "aria-label": "stages" });
  const middle = h("div", { class: "graphs" });
  const details = h("aside", { class: "details", "aria-label": "what the stage changed" });
  const kernelName = (kernel: number): string => explorer.data.kernels[kernel]?.name ?? "";
  const choose = (keys: ReadonlySet<string>): void => explorer.set({ nodes: keys });
  const before = new GraphPane({
    title: "before",
    kernelName,
    choose: (keys) => {
      const { after } = explorer.counterparts(explorer.look.stage);
      choose(new Set([...keys].map((key) => after.get(key) ?? `before ${key}`)));
    },
  });
  const after = new GraphPane({ title: "after", kernelName, choose });
  const text = codeViewer("graph");
  const drawList = (look: Look): void => {
    const items = explorer.data.stages.map(({ name, count, unit, change, about }) => ({
      title: about,
      body: [
        h("span", { class: "name" }, name),
        h("span", { class: "count" }, `${count} ${unit}`),
        h("span", { class: "changes" }, ...changeBadges(change)),
      ],
    }));
    fill(
      list,
      choices("stages", items, look.stage, (stage) => explorer.set({ stage, nodes: new Set() })),
    );
  };
  const panes = h("div", { class: "segmented", role: "group", "aria-label": "which graphs" });
  const drawPanes = (look: Look): void => {
    const isFirst = look.stage === 0;
    fill(
      panes,
      ...(["before", "after", "both"] as const).map((one: Panes) =>
        button({ before: "before", after: "after", both: "side by side" }[one], () => explorer.set({ panes: one }), {
          "aria-pressed": String(look.panes === one),
          ...(isFirst && one !== "after" ? { disabled: "" } : {}),
        }),
      ),
    );
  };
  const drawGraphs = (look: Look): void => {
    const { stage } = explorer;
    const isFirst = look.stage === 0;
    before.element.hidden = isFirst || look.panes === "after";
    after.element.hidden = !isFirst && look.panes === "before";
    if (!before.element.hidden) {
      const name = explorer.stageAt(look.stage - 1).name;
      before.show(explorer.graphAt(look.stage - 1), marksOf(stage, "before"), `before: ${name}`);
    }
    if (!after.element.hidden)
      after.show(explorer.graphAt(look.stage), marksOf(stage, "after"), `after: ${stage.name}`);
  };
  const drawChoice = (look: Look, follow: boolean): void => {
    const { before: olds } = explorer.counterparts(look.stage);
    const gone = [...look.nodes].filter((key) => key.startsWith("before ")).map((key) => key.slice(7));
    const old = new Set([...gone, ...[...look.nodes].flatMap((key) => olds.get(key) ?? [])]);
    if (!after.element.hidden) after.select(look.nodes, follow);
    if (!before.element.hidden) before.select(old, follow);
    fill(details, ...detailsOf(explorer, look, old));
  };
  const drawText = (): void => text.show(explorer.text(explorer.stage.text), null);
  const printed = h("details", { class: "printed" }, h("summary", {}, "as text"), text.element);
  printed.addEventListener("toggle", () => printed.open && drawText());
  fill(middle, h("div", { class: "bar" }, panes), h("div", { class: "panes" }, before.element, after.element), printed);
  const draw = (look: Look, last: Look | null): void => {
    if (look.view !== "stages") return;
    const isOther = last === null || last.stage !== look.stage || last.view !== look.view;
    if (isOther) drawList(look);
    if (isOther || last?.panes !== look.panes) {
      drawPanes(look);
      drawGraphs(look);
      if (printed.open) drawText();
    }
    if (isOther || last?.panes !== look.panes || last?.nodes !== look.nodes) drawChoice(look, true);
  };
  explorer.onChange(draw);
  queueMicrotask(() => draw(explorer.look, null));
  return h("div", { class: "view stages" }, list, middle, details);
}

function changeBadges({ added, removed, rewritten, laws }: StageView["change"]): Child[] {
  const badge = (kind: Mark, sign: string, count: number): Child =>
    count === 0 ? null : h("span", { class: `mark ${kind}`, title: `${count} ${kind}` }, `${sign}${count}`);
  return [
    badge("added", "+", added.length),
    badge("removed", "−", removed.length),
    badge("rewritten", "~", rewritten.length),
    laws.length === 0 ? null : h("span", { class: "mark" }, plural(laws.length, "law")),
  ];
}

function marksOf({ change }: StageView, side: "before" | "after"): ReadonlyMap<string, Mark> {
  const made = new Map<string, Mark>();
  for (const [old, now] of change.rewritten) made.set(side === "before" ? old : now, "rewritten");
  for (const key of side === "before" ? change.removed : change.added)
    made.set(key, side === "before" ? "removed" : "added");
  return made;
}

/** What the stage changed, and what is chosen. */
function detailsOf(explorer: Explorer, look: Look, old: ReadonlySet<string>): Child[] {
  const { stage } = explorer;
  const olds = explorer.nodesOf(look.stage - 1);
  const news = explorer.nodesOf(look.stage);
  const { change } = stage;
  const pick = (words: string, after: string | null, before: string | null, title = ""): HTMLElement =>
    button(words, () => explorer.set({ nodes: new Set(after !== null ? [after] : [`before ${before}`]) }), {
      class: "link",
      title,
    });
  const line = (node: NodeView | undefined): string => node?.text ?? "";
  const section = (title: string, items: readonly Child[]): Child =>
    items.length === 0
      ? null
      : h(
          "details",
          { class: "section", ...(items.length <= 40 ? { "data-open": "" } : {}) },
          h("summary", {}, title),
          h("ul", {}, ...items.map((item) => h("li", {}, item))),
        );
  const chosen = [...look.nodes].filter((key) => !key.startsWith("before ")).flatMap((key) => news.get(key) ?? []);
  const gone = [...old].filter((key) => look.nodes.has(`before ${key}`)).flatMap((key) => olds.get(key) ?? []);
  const parts: Child[] = [
    chosen.length + gone.length === 0 ? null : nodeFacts(explorer, look, [...chosen, ...gone]),
    h("h2", {}, stage.name),
    h("p", {}, stage.about),
    h(
      "p",
      { class: "note" },
      `${plural(stage.count, stage.unit.replace(/s$/, ""), stage.unit)}, ${stage.ms.toFixed(1)} ms`,
    ),
    section(
      `${plural(change.laws.length, "law")} fired`,
      change.laws.map(({ law, before, after }) =>
        h(
          "span",
          {},
          pick(law, after, before, line(olds.get(before))),
          h("small", {}, ` at %${before}${after === null ? ", which is gone" : ""}`),
        ),
      ),
    ),
    section(
      `${plural(change.added.length, "node")} added`,
      change.added.map((key) => pick(line(news.get(key)), key, null)),
    ),
    section(
      `${plural(change.removed.length, "node")} removed`,
      change.removed.map((key) => pick(line(olds.get(key)), null, key)),
    ),
    section(
      `${plural(change.rewritten.length, "node")} rewritten`,
      change.rewritten.map(([before, after]) =>
        h("span", {}, pick(line(news.get(after)), after, null), h("small", {}, ` was ${line(olds.get(before))}`)),
      ),
    ),
  ];
  for (const part of parts) if (part instanceof HTMLDetailsElement && part.dataset.open === "") part.open = true;
  const isSame = change.added.length + change.removed.length + change.rewritten.length === 0;
  return isSame && look.stage > 0 ? [...parts, h("p", {}, unchanged(explorer, look.stage))] : parts;
}

function unchanged(explorer: Explorer, stage: number): string {
  if (explorer.stageAt(stage).name === "fuse")
    return "The graph stays; drawn by kernel it shows what is computed together.";
  return stage > explorer.fuseStage
    ? "It works on kernels and memory, not on the graph: see the tabs."
    : "It changed nothing in this program.";
}
