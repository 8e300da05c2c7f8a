/** Long texts, each once: kernels that are alike, and moves that change nothing, would be written again and again. */
import type { TextId } from "./exploration.ts";

export class Texts {
  readonly #ids = new Map<string, TextId>();

  id(text: string): TextId {
    const known = this.#ids.get(text) ?? this.#ids.size;
    this.#ids.set(text, known);
    return known;
  }

  all(): readonly string[] {
    return [...this.#ids.keys()];
  }
}
