/** Elements, made of data alone: strings become text and never markup. */

export type Child = Node | string | null;

type Handlers = { readonly [K in keyof HTMLElementEventMap as `on${K}`]?: (event: HTMLElementEventMap[K]) => void };
type Attributes = Readonly<Record<`aria-${string}` | `data-${string}`, string | undefined>>;
export type Props = Handlers &
  Partial<Attributes> & {
    readonly class?: string;
    readonly id?: string;
    readonly role?: string;
    readonly title?: string;
    readonly type?: string;
    readonly value?: string;
    readonly placeholder?: string;
    readonly for?: string;
    readonly tabindex?: string;
    readonly hidden?: "";
    readonly checked?: "";
    readonly disabled?: "";
    readonly selected?: "";
  };

export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  props: Props = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (typeof value === "function") made.addEventListener(name.slice(2), value as EventListener);
    else if (typeof value === "string") made.setAttribute(name, value);
  }
  fill(made, ...children);
  return made;
}

export function svg<K extends keyof SVGElementTagNameMap>(
  tag: K,
  attributes: Readonly<Record<string, string | number>> = {},
  ...children: readonly Child[]
): SVGElementTagNameMap[K] {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value));
  fill(made, ...children);
  return made;
}

/** Puts these in the place of what an element holds. */
export function fill(parent: Element, ...children: readonly Child[]): void {
  parent.replaceChildren(...children.filter((child) => child !== null));
}

/** A list of choices of which one is chosen, for the keyboard too: arrows go through it, and the list is one stop for Tab. */
export function choices(
  label: string,
  items: readonly Choice[],
  chosen: number,
  choose: (index: number) => void,
): HTMLElement {
  const list = h("div", { class: "choices", role: "listbox", "aria-label": label });
  const parts = items.map(({ body, title }, i) =>
    h(
      "div",
      {
        class: "choice",
        role: "option",
        "aria-selected": String(i === chosen),
        tabindex: i === Math.max(0, chosen) ? "0" : "-1",
        ...(title === undefined ? {} : { title }),
        onclick: () => choose(i),
        onkeydown: (event) => {
          const to = { ArrowDown: i + 1, ArrowUp: i - 1, Home: 0, End: items.length - 1 }[event.key];
          if (event.key === "Enter" || event.key === " ") choose(i);
          else if (to === undefined || items[to] === undefined) return;
          else {
            choose(to);
            // Choosing may have drawn the list anew.
            const all = document.querySelectorAll<HTMLElement>(
              `[role="listbox"][aria-label="${CSS.escape(label)}"] > .choice`,
            );
            all[to]?.focus();
          }
          event.preventDefault();
        },
      },
      ...body,
    ),
  );
  fill(list, ...parts);
  return list;
}

export interface Choice {
  readonly body: readonly Child[];
  readonly title?: string;
}

export function button(words: string, onclick: () => void, props: Props = {}): HTMLButtonElement {
  return h("button", { type: "button", ...props, onclick }, words);
}
