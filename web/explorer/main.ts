/*!
 * This page contains CodeMirror and Lezer, copyright 2018-2024 Marijn Haverbeke and others, and d3-dag, copyright 2018 Erik Brinkman,
 * under the MIT licence: Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
 * documentation files (the "Software"), to deal in the Software without restriction, including without limitation the rights to use, copy,
 * modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is
 * furnished to do so, subject to the following conditions: The above copyright notice and this permission notice shall be included in all
 * copies or substantial portions of the Software. THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED,
 * INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL
 * THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR
 * OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
 */
/** The explorer's page: takes an exploration from the server that gave the page, or from the page itself, and shows it. */
import type { Exploration } from "../../src/tools/explorer/exploration.ts";
import type { Offer } from "../../src/tools/explorer/offer.ts";
import { button, fill, h } from "./dom.ts";
import { kernelsView } from "./kernels-view.ts";
import { memoryView } from "./memory-view.ts";
import { searchBox } from "./search.ts";
import { sourceView } from "./source-view.ts";
import { stagesView } from "./stages-view.ts";
import { Explorer, type ViewName } from "./state.ts";
import { pageStyle } from "./style.ts";

const views: Readonly<
  Record<ViewName, { readonly words: string; readonly make: (explorer: Explorer) => HTMLElement }>
> = {
  stages: { words: "Stages", make: stagesView },
  kernels: { words: "Kernels", make: kernelsView },
  memory: { words: "Memory", make: memoryView },
  source: { words: "Script", make: sourceView },
};

async function start(): Promise<void> {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(pageStyle);
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
  const offer = JSON.parse(document.getElementById("offer")?.textContent ?? "null") as Offer;
  document.title = `${offer.script}: explorer`;
  await show(offer, 0);
}

async function show(offer: Offer, choice: number): Promise<void> {
  const wanted = offer.choices[choice];
  if (wanted === undefined) throw new Error("there is nothing to explore");
  document.body.setAttribute("aria-busy", "true");
  const explorer = new Explorer(await load(wanted.data));
  document.querySelector(".page")?.remove();
  document.body.append(page(offer, choice, explorer)); // beside the data of the other choices
  document.body.removeAttribute("aria-busy");
}

function page(offer: Offer, choice: number, explorer: Explorer): HTMLElement {
  const { data } = explorer;
  const sizes = Object.entries(data.dims).map(([name, count]) => `${name} ${count}`);
  const select = h(
    "select",
    {
      "aria-label": "entry and target",
      onchange: (event) => void attempt(show(offer, (event.target as HTMLSelectElement).selectedIndex)),
    },
    ...offer.choices.map(({ entry, target }, i) =>
      h("option", i === choice ? { selected: "" } : {}, `${entry} on ${target}`),
    ),
  );
  const names = Object.keys(views) as ViewName[];
  const made = new Map<ViewName, HTMLElement>();
  const main = h("main");
  const tabs = h("div", { class: "tabs", role: "tablist", "aria-label": "what to look at" });
  const draw = (): void => {
    const { view } = explorer.look;
    if (!made.has(view)) {
      const panel = views[view].make(explorer);
      panel.setAttribute("role", "tabpanel");
      panel.setAttribute("aria-label", views[view].words);
      made.set(view, panel);
      main.append(panel);
    }
    for (const [name, panel] of made) panel.hidden = name !== view;
    fill(
      tabs,
      ...names.map((name) =>
        button(views[name].words, () => explorer.set({ view: name }), {
          role: "tab",
          "aria-selected": String(name === view),
          tabindex: name === view ? "0" : "-1",
        }),
      ),
    );
  };
  tabs.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step === undefined) return;
    const at = names.indexOf(explorer.look.view);
    const next = names[(at + step + names.length) % names.length];
    if (next !== undefined) explorer.set({ view: next });
    tabs.querySelector<HTMLElement>('[aria-selected="true"]')?.focus();
    event.preventDefault();
  });
  // Before the views listen: what is seen first must be there when they draw.
  explorer.onChange((look, last) => {
    if (look.view === last.view) return;
    const isNew = !made.has(look.view);
    draw();
    if (isNew) queueMicrotask(() => explorer.set({}));
  });
  draw();
  const warnings = data.warnings.map((text) => h("p", { class: "warning" }, text));
  return h(
    "div",
    { class: "page" },
    h(
      "header",
      {},
      h("h1", {}, offer.script),
      h(
        "p",
        { class: "note" },
        [`${data.entry} on ${data.target}`, ...sizes, `${data.codeBytes.toLocaleString("en")} bytes of code`].join(
          ", ",
        ),
      ),
      offer.choices.length > 1 ? select : null,
      searchBox(explorer),
    ),
    tabs,
    ...warnings,
    main,
  );
}

async function load({ kind, at }: Offer["choices"][number]["data"]): Promise<Exploration> {
  if (kind === "address") {
    const answer = await fetch(at);
    if (!answer.ok) throw new Error(await answer.text());
    return (await answer.json()) as Exploration;
  }
  const packed = document.getElementById(at)?.textContent?.trim() ?? "";
  const bytes = Uint8Array.from(atob(packed), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return JSON.parse(await new Response(stream).text()) as Exploration;
}

async function attempt(work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (error) {
    document.body.removeAttribute("aria-busy");
    const words = error instanceof Error ? error.message : String(error);
    document.body.prepend(h("p", { class: "warning", role: "alert" }, words));
  }
}

void attempt(start());
