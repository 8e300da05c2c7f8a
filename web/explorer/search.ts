/** Finds nodes, kernels, buffers, lines and laws by any words of theirs. */
import { button, type Child, fill, h } from "./dom.ts";
import type { Explorer } from "./state.ts";

interface Found {
  readonly kind: string;
  readonly words: string;
  show(): void;
}

const most = 40;

export function searchBox(explorer: Explorer): HTMLElement {
  const results = h("div", { class: "results", role: "region", "aria-label": "what was found", "aria-live": "polite" });
  const field = h("input", {
    type: "search",
    placeholder: "Search nodes, kernels, buffers, lines",
    "aria-label": "search",
    oninput: () => list(),
    onkeydown: (event) => {
      if (event.key === "Escape") close();
      if (event.key === "ArrowDown") {
        results.querySelector("button")?.focus();
        event.preventDefault();
      }
    },
  });
  const close = (): void => {
    fill(results);
    results.hidden = true;
  };
  const list = (): void => {
    const words = field.value
      .toLowerCase()
      .split(/\s+/)
      .filter((word) => word !== "");
    if (words.length === 0) {
      close();
      return;
    }
    const found = everything(explorer).filter(({ kind, words: text }) => {
      const all = `${kind} ${text}`.toLowerCase();
      return words.every((word) => all.includes(word));
    });
    const items: Child[] = found.slice(0, most).map(({ show }) =>
      button("", () => {
        close();
        show();
      }),
    );
    for (const [i, item] of items.entries()) {
      const { kind = "", words: text = "" } = found[i] ?? {};
      if (item instanceof HTMLElement) fill(item, h("span", { class: "kind" }, kind), text);
    }
    results.hidden = false;
    const count = found.length > most ? `${most} of ${found.length}` : String(found.length);
    fill(results, h("p", { class: "note" }, `${count} found in ${explorer.stage.name}`), ...items);
  };
  results.addEventListener("keydown", (event) => {
    const buttons = [...results.querySelectorAll("button")];
    const at = buttons.indexOf(document.activeElement as HTMLButtonElement);
    if (event.key === "Escape") {
      close();
      field.focus();
    } else if (event.key === "ArrowDown") buttons[at + 1]?.focus();
    else if (event.key === "ArrowUp") (buttons[at - 1] ?? field).focus();
    else return;
    event.preventDefault();
  });
  close();
  return h("search", { class: "search" }, field, results);
}

function everything(explorer: Explorer): readonly Found[] {
  const { data, look } = explorer;
  const nodes = explorer.graphAt(look.stage).nodes.map(({ key, name, text, label, group }) => ({
    kind: "node",
    words: `${name === null ? "" : `${name} = `}${text}   ${label === text ? "" : label} ${group.join(" ")}`,
    show: () => explorer.set({ view: "stages", panes: "after", nodes: new Set([key]) }),
  }));
  const kernels = data.kernels.map(({ name }, kernel) => ({
    kind: "kernel",
    words: name,
    show: () => explorer.set({ view: "kernels", kernel }),
  }));
  const buffers = data.buffers.map(({ name, type, segment }, buffer) => ({
    kind: "buffer",
    words: `${name} ${type} ${segment}`,
    show: () => explorer.set({ view: "memory", buffer }),
  }));
  const laws = data.stages.flatMap(({ change, name }, stage) =>
    change.laws.map(({ law, before, after }) => ({
      kind: "law",
      words: `${law}   ${name}`,
      show: () => explorer.set({ view: "stages", stage, nodes: new Set([after ?? `before ${before}`]) }),
    })),
  );
  const lines = data.sources.flatMap(({ path, text }, source) =>
    text.split("\n").flatMap((words, i) =>
      words.trim() === ""
        ? []
        : [
            {
              kind: "line",
              words: `${path}:${i + 1}  ${words.trim()}`,
              show: () => explorer.set({ view: "source", line: { source, line: i + 1 } }),
            },
          ],
    ),
  );
  return [...nodes, ...kernels, ...buffers, ...laws, ...lines];
}
