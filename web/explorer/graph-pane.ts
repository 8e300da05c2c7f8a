/**
 * A graph that can be moved about: dragging, two fingers and the wheel, buttons, and keys. Moving it changes one transform, whatever it
 * holds. A box is a button; arrows go along lines (up to what it reads, down to who reads it) and along rows.
 */

import type { GraphView } from "../../src/tools/explorer/exploration.ts";
import { type Box, type Boxes, type Folding, makeBoxes, startFolding } from "./boxes.ts";
import { button, fill, h, svg } from "./dom.ts";
import { boxHeight, type Laid, layOut, type Spot, shownLabel } from "./layout.ts";
import { plural } from "./units.ts";

export type Mark = "added" | "removed" | "rewritten";
const marks: Readonly<Record<Mark, string>> = { added: "+", removed: "−", rewritten: "~" };

export interface PaneParts {
  readonly title: string;
  readonly kernelName: (kernel: number) => string;
  choose(keys: ReadonlySet<string>): void;
}

export class GraphPane {
  readonly element: HTMLElement;
  readonly #parts: PaneParts;
  readonly #canvas = svg("svg", { class: "graph", tabindex: 0, role: "group" });
  readonly #world = svg("g");
  readonly #note = h("p", { class: "note", role: "status" });
  readonly #title = h("h3");
  readonly #tools = h("div", { class: "tools" });
  #graph: GraphView | null = null;
  #marks: ReadonlyMap<string, Mark> = new Map();
  #folding: Folding = { by: "nothing", open: new Set(), small: false };
  #boxes: Boxes = { boxes: [], lines: [], boxOf: new Map() };
  #laid: Laid = { spots: new Map(), lines: [], width: 0, height: 0 };
  #drawn = new Map<string, SVGGElement>();
  #edges = new Map<string, SVGPathElement[]>();
  #view = { x: 0, y: 0, scale: 1 };
  #waiting = false;

  constructor(parts: PaneParts) {
    this.#parts = parts;
    fill(this.#canvas, this.#world);
    this.element = h("section", { class: "pane", "aria-label": parts.title }, this.#title, this.#tools, this.#note);
    this.element.append(this.#canvas);
    this.#listen();
  }

  /** Draws a graph, with what changed in it. */
  show(graph: GraphView, marked: ReadonlyMap<string, Mark>, words: string): void {
    this.#marks = marked;
    fill(this.#title, words);
    if (graph !== this.#graph) {
      this.#graph = graph;
      this.#folding = startFolding(graph);
      this.#draw(true);
    } else this.#mark();
  }

  get folding(): Folding {
    return this.#folding;
  }

  fold(change: Partial<Folding>): void {
    this.#folding = { ...this.#folding, ...change };
    this.#draw(true);
  }

  /** Marks nodes as chosen; `follow` brings them into sight. */
  select(keys: ReadonlySet<string>, follow: boolean): void {
    const ids = new Set([...keys].flatMap((key) => this.#boxOf(key) ?? []));
    for (const [id, box] of this.#drawn) {
      const isChosen = ids.has(id);
      box.classList.toggle("chosen", isChosen);
      box.setAttribute("aria-pressed", String(isChosen));
    }
    for (const [id, paths] of this.#edges) for (const path of paths) path.classList.toggle("chosen", ids.has(id));
    const [first] = ids;
    if (follow && first !== undefined) this.#reveal(first);
  }

  /** The box that shows a node, or the one that reads it where it is drawn in that. */
  #boxOf(key: string): string | undefined {
    const own = this.#boxes.boxOf.get(key);
    if (own !== undefined) return own;
    const reader = this.#graph?.nodes.find(({ args }) => args.includes(key));
    return reader === undefined ? undefined : this.#boxes.boxOf.get(reader.key);
  }

  #draw(isNew: boolean): void {
    if (this.#graph === null) return;
    const started = performance.now();
    this.#boxes = makeBoxes(this.#graph, this.#folding, this.#parts.kernelName);
    this.#laid = layOut(this.#boxes);
    const { spots, lines } = this.#laid;
    this.#drawn = new Map();
    this.#edges = new Map();
    const paths = lines.map(({ from, to, points, isLong }) => {
      const path = svg("path", { class: isLong ? "edge long" : "edge", d: curve(points) });
      for (const id of [from, to]) this.#edges.set(id, [...(this.#edges.get(id) ?? []), path]);
      return path;
    });
    const boxes = this.#boxes.boxes.flatMap((box) => {
      const spot = spots.get(box.id);
      return spot === undefined ? [] : [this.#box(box, spot)];
    });
    fill(this.#world, svg("g", { "aria-hidden": "true" }, ...paths), svg("g", {}, ...boxes));
    this.#canvas.dataset.boxes = String(boxes.length);
    this.#canvas.dataset.layoutMs = (performance.now() - started).toFixed(0);
    this.#canvas.setAttribute(
      "aria-label",
      `${this.#parts.title}: ${plural(boxes.length, "box", "boxes")}. Arrow keys go along lines, + and − zoom, 0 shows all.`,
    );
    fill(this.#note, `${plural(this.#graph.nodes.length, "node")} as ${plural(boxes.length, "box", "boxes")}`);
    this.#drawTools();
    this.#mark();
    if (isNew) this.fit();
  }

  #box(box: Box, { x, y, width }: Spot): SVGGElement {
    const isGroup = box.group !== null;
    const made = svg(
      "g",
      {
        class: `box ${box.role}${isGroup ? " group" : ""}`,
        role: "button",
        tabindex: -1,
        "aria-pressed": "false",
        transform: `translate(${x - width / 2} ${y - boxHeight / 2})`,
      },
      svg(
        "title",
        {},
        isGroup ? `${box.label}: ${box.about}; double-click or Enter twice opens it` : (box.nodes[0]?.text ?? ""),
      ),
      svg("rect", { width, height: boxHeight, rx: isGroup ? 9 : 4 }),
      svg("text", { x: 9, y: 15, class: "label" }, shownLabel(box.label)),
      svg("text", { x: 9, y: 28, class: "about" }, box.about),
      svg("text", { x: width - 7, y: 16, class: "badge", "text-anchor": "end" }),
    );
    made.dataset.id = box.id;
    this.#drawn.set(box.id, made);
    return made;
  }

  #mark(): void {
    for (const { id, nodes, label, about, role } of this.#boxes.boxes) {
      const box = this.#drawn.get(id);
      if (box === undefined) continue;
      const found = new Set(nodes.flatMap(({ key }) => this.#marks.get(key) ?? []));
      for (const mark of Object.keys(marks)) box.classList.toggle(mark, found.has(mark as Mark));
      const badge = box.querySelector(".badge");
      if (badge !== null) badge.textContent = [...found].map((mark) => marks[mark]).join("");
      const words = [label, about, role, ...found].join(", ");
      box.setAttribute("aria-label", words);
    }
  }

  #drawTools(): void {
    const by = h(
      "select",
      {
        "aria-label": "collapse by",
        title: "draw every node, or those of a layer, a call or a loop as one, or those of a kernel",
        onchange: (event) => {
          const { value } = event.target as HTMLSelectElement;
          this.fold({ by: value === "layer" || value === "kernel" ? value : "nothing", open: new Set() });
        },
      },
      ...(["nothing", "layer", "kernel"] as const)
        .filter((one) => one !== "kernel" || this.#graph?.nodes.some(({ kernels }) => (kernels?.length ?? 0) > 0))
        .map((one) => {
          const words = { nothing: "every node", layer: "by layer", kernel: "by kernel" }[one];
          return h("option", { value: one, ...(one === this.#folding.by ? { selected: "" } : {}) }, words);
        }),
    );
    const constants = h("input", {
      type: "checkbox",
      ...(this.#folding.small ? { checked: "" } : {}),
      onchange: (event) => this.fold({ small: (event.target as HTMLInputElement).checked }),
    });
    fill(
      this.#tools,
      by,
      h("label", {}, constants, " constants"),
      button("−", () => this.#zoom(1 / 1.3), { "aria-label": "zoom out" }),
      button("+", () => this.#zoom(1.3), { "aria-label": "zoom in" }),
      button("fit", () => this.fit()),
      this.#folding.open.size === 0 ? null : button("close groups", () => this.fold({ open: new Set() })),
    );
  }

  // ---- moving about ------------------------------------------------------------------------------------------------

  /** Shows all of it, but no smaller than a shape can be told; else its beginning. */
  fit(): void {
    const { width, height } = this.#canvas.getBoundingClientRect();
    if (width === 0 || this.#laid.width === 0) return;
    const scale = Math.min(1.15, (width - 24) / this.#laid.width, (height - 24) / this.#laid.height);
    const clear = Math.max(scale, 0.34);
    const x = (width - this.#laid.width * clear) / 2;
    this.#view = {
      scale: clear,
      x: Math.max(x, width / 2 - this.#laid.width * clear),
      y: scale < clear ? 12 : (height - this.#laid.height * clear) / 2,
    };
    this.#move();
  }

  #move(): void {
    if (this.#waiting) return;
    this.#waiting = true;
    requestAnimationFrame(() => {
      this.#waiting = false;
      const { x, y, scale } = this.#view;
      this.#world.setAttribute("transform", `translate(${x} ${y}) scale(${scale})`);
      this.#canvas.classList.toggle("far", scale < 0.45);
    });
  }

  #zoom(by: number, at?: { readonly x: number; readonly y: number }): void {
    const { width, height } = this.#canvas.getBoundingClientRect();
    const { x, y, scale } = this.#view;
    const center = at ?? { x: width / 2, y: height / 2 };
    const next = Math.min(4, Math.max(0.02, scale * by));
    const factor = next / scale;
    this.#view = { scale: next, x: center.x - (center.x - x) * factor, y: center.y - (center.y - y) * factor };
    this.#move();
  }

  #reveal(id: string): void {
    const spot = this.#laid.spots.get(id);
    const { width, height } = this.#canvas.getBoundingClientRect();
    if (spot === undefined || width === 0) return;
    const { x, y, scale } = this.#view;
    const [left, top] = [spot.x * scale + x, spot.y * scale + y];
    const margin = 60;
    if (scale >= 0.45 && left > margin && left < width - margin && top > margin && top < height - margin) return;
    const next = Math.max(scale, 0.8);
    this.#view = { scale: next, x: width / 2 - spot.x * next, y: height / 2 - spot.y * next };
    this.#move();
  }

  #listen(): void {
    const canvas = this.#canvas;
    const pointers = new Map<number, { x: number; y: number }>();
    let moved = 0;
    canvas.addEventListener("pointerdown", (event) => {
      pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
      if (pointers.size === 1) moved = 0;
    });
    canvas.addEventListener("pointermove", (event) => {
      const last = pointers.get(event.pointerId);
      if (last === undefined) return;
      const [dx, dy] = [event.clientX - last.x, event.clientY - last.y];
      const others = [...pointers].filter(([id]) => id !== event.pointerId).map(([, place]) => place);
      const [other] = others;
      if (other !== undefined) {
        const before = Math.hypot(last.x - other.x, last.y - other.y);
        const now = Math.hypot(event.clientX - other.x, event.clientY - other.y);
        const frame = canvas.getBoundingClientRect();
        this.#zoom(now / Math.max(1, before), {
          x: (event.clientX + other.x) / 2 - frame.x,
          y: (event.clientY + other.y) / 2 - frame.y,
        });
      }
      pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
      moved += Math.abs(dx) + Math.abs(dy);
      if (moved > 4 && !canvas.hasPointerCapture(event.pointerId)) canvas.setPointerCapture(event.pointerId);
      this.#view = { ...this.#view, x: this.#view.x + dx, y: this.#view.y + dy };
      this.#move();
    });
    const release = (event: PointerEvent): void => {
      pointers.delete(event.pointerId);
    };
    for (const type of ["pointerup", "pointercancel"] as const) canvas.addEventListener(type, release);
    canvas.addEventListener(
      "wheel",
      (event) => {
        event.preventDefault();
        const frame = canvas.getBoundingClientRect();
        if (event.ctrlKey || event.metaKey || !event.shiftKey) {
          this.#zoom(Math.exp(-event.deltaY / 400), { x: event.clientX - frame.x, y: event.clientY - frame.y });
          return;
        }
        this.#view = { ...this.#view, x: this.#view.x - event.deltaX - event.deltaY };
        this.#move();
      },
      { passive: false },
    );
    canvas.addEventListener("click", (event) => {
      const id = idOf(event.target);
      if (id !== null && moved <= 4) this.#chosen(id);
    });
    canvas.addEventListener("dblclick", (event) => {
      const id = idOf(event.target);
      if (id !== null) this.#open(id);
    });
    canvas.addEventListener("keydown", (event) => this.#key(event));
  }

  #chosen(id: string): void {
    const box = this.#boxes.boxes.find((one) => one.id === id);
    if (box === undefined) return;
    this.#focus(id);
    this.#parts.choose(new Set(box.nodes.map(({ key }) => key)));
  }

  #open(id: string): void {
    const group = this.#boxes.boxes.find((one) => one.id === id)?.group;
    if (group === null || group === undefined) return;
    this.fold({ open: new Set([...this.#folding.open, group]) });
  }

  #focus(id: string): void {
    for (const box of this.#drawn.values()) box.setAttribute("tabindex", "-1");
    const box = this.#drawn.get(id);
    box?.setAttribute("tabindex", "0");
    box?.focus({ preventScroll: true });
    this.#reveal(id);
  }

  #key(event: KeyboardEvent): void {
    const id = idOf(event.target);
    if (event.key === "+" || event.key === "=") this.#zoom(1.3);
    else if (event.key === "-") this.#zoom(1 / 1.3);
    else if (event.key === "0") this.fit();
    else if (id === null) {
      const [first] = this.#boxes.boxes;
      if (!event.key.startsWith("Arrow") || first === undefined) return;
      this.#focus(first.id);
    } else if (event.key === "Enter" || event.key === " ") {
      const isChosen = this.#drawn.get(id)?.classList.contains("chosen") === true;
      if (isChosen) this.#open(id);
      else this.#chosen(id);
    } else {
      const next = this.#neighbour(id, event.key);
      if (next === null) return;
      this.#focus(next);
    }
    event.preventDefault();
  }

  #neighbour(id: string, key: string): string | null {
    const { lines } = this.#boxes;
    const at = this.#laid.spots.get(id);
    if (at === undefined) return null;
    if (key === "ArrowUp") return lines.find(({ to }) => to === id)?.from ?? null;
    if (key === "ArrowDown") return lines.find(({ from }) => from === id)?.to ?? null;
    if (key !== "ArrowLeft" && key !== "ArrowRight") return null;
    const row = [...this.#laid.spots].filter(([, spot]) => spot.row === at.row).toSorted(([, a], [, b]) => a.x - b.x);
    const place = row.findIndex(([one]) => one === id) + (key === "ArrowLeft" ? -1 : 1);
    return row[place]?.[0] ?? null;
  }
}

function idOf(target: EventTarget | null): string | null {
  const box = target instanceof Element ? target.closest<SVGGElement>("g.box") : null;
  return box?.dataset.id ?? null;
}

/** Down out of a box, and down into the next. */
function curve(points: readonly (readonly [number, number])[]): string {
  const [[x0, y0] = [0, 0], ...rest] = points;
  let text = `M${x0.toFixed(1)} ${y0.toFixed(1)}`;
  let [x, y] = [x0, y0];
  for (const [x1, y1] of rest) {
    const half = Math.max(12, Math.abs(y1 - y) / 2);
    text += `C${x.toFixed(1)} ${(y + half).toFixed(1)} ${x1.toFixed(1)} ${(y1 - half).toFixed(1)} ${x1.toFixed(1)} ${y1.toFixed(1)}`;
    [x, y] = [x1, y1];
  }
  return text;
}
