/** Where a node comes from in the user's code. */
import type { Origin } from "../core/origin.ts";

/** The origins of one node, each once: a constant of a large program is met at thousands of places, over and over. */
export class Places {
  readonly list: Origin[];
  #seen: Set<Origin> | undefined;

  constructor(origins: readonly Origin[]) {
    this.list = origins.slice(0, 1);
    if (origins.length > 1) this.add(origins);
  }

  add(origins: readonly Origin[]): void {
    for (let i = 0; i < origins.length; i += 1) {
      const origin = origins[i];
      if (origin === undefined || this.#has(origin)) continue;
      this.list.push(origin);
      this.#seen?.add(origin);
    }
  }

  #has(origin: Origin): boolean {
    if (this.list.length < 8) return this.list.includes(origin);
    this.#seen ??= new Set(this.list);
    return this.#seen.has(origin);
  }
}
