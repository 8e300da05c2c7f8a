/** Elements of index.html. */

/** The element with this id; a page without it is a mistake of ours. */
export function byId<E extends HTMLElement>(id: string, kind: new () => E): E {
  const found = document.getElementById(id);
  if (found instanceof kind) return found;
  throw new Error(`index.html has no ${kind.name} with the id ${id}`);
}

/** An element with text and children. Text is text: nothing here is read as markup. */
export function make<K extends keyof HTMLElementTagNameMap>(
  name: K,
  given: { readonly class?: string; readonly text?: string } = {},
  ...children: readonly Node[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(name);
  if (given.class !== undefined) made.className = given.class;
  if (given.text !== undefined) made.textContent = given.text;
  made.append(...children);
  return made;
}

/** What a canvas is drawn with. */
export function contextOf(
  canvas: HTMLCanvasElement,
  settings: CanvasRenderingContext2DSettings = {},
): CanvasRenderingContext2D {
  const context = canvas.getContext("2d", settings);
  if (context === null) throw new Error("this browser draws on no canvas");
  return context;
}

/** Offers bytes as a download. */
export function download(name: string, type: string, content: Uint8Array<ArrayBuffer> | string): void {
  const link = make("a");
  const url = URL.createObjectURL(new Blob([content], { type }));
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** Percent with a decimal; never 100% where something is missing. */
export function percent(part: number): string {
  const shown = Math.floor(1000 * part) / 10;
  return `${part > 0.99995 ? "100" : shown.toFixed(1)}%`;
}
