/**
 * Follows a pass of several rounds: which node of its first graph each later one stands for, what stands for that in the end, and which laws
 * fired on the way.
 */
import type { Rewrites } from "../../../passes/graph/pass.ts";
import type { Node } from "../../graph/node.ts";
import type { Told } from "./changes.ts";

export class Laws implements Rewrites, Told {
  readonly #next = new Map<Node, Node>();
  readonly #first = new Map<Node, Node>();
  readonly #fired: { readonly law: string; readonly before: Node }[] = [];

  moved(before: Node, after: Node): void {
    this.#next.set(before, after);
    // Several nodes may become one: that stands for the first of them.
    if (!this.#first.has(after)) this.#first.set(after, this.#first.get(before) ?? before);
  }

  fired(law: string, before: Node): void {
    this.#fired.push({ law, before });
  }

  endOf(before: Node): Node | undefined {
    let end = this.#next.get(before);
    for (let next = end; next !== undefined; next = this.#next.get(next)) end = next;
    return end;
  }

  get laws(): readonly { readonly law: string; readonly before: Node }[] {
    return this.#fired.map(({ law, before }) => ({ law, before: this.#first.get(before) ?? before }));
  }
}
