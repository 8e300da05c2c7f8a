/** What a box of a folded graph says besides its name; the same in DOT and Mermaid. */
import type { FoldedBox } from "./fold.ts";
import { longestName, shortName } from "./short.ts";

/** How many nodes and states it stands for. */
export function countsText({ nodes, states, made }: FoldedBox): string {
  const counts = [countText(nodes.length, made, "node")];
  if (states.length > 0) counts.push(countText(states.length, made, "state"));
  return counts.join(", ");
}

/** Of each repetition. */
function countText(count: number, made: number, word: string): string {
  const each = Math.max(1, Math.round(count / made));
  return `${each} ${word}${each === 1 ? "" : "s"}`;
}

/** One name, or how many. */
export function resultsText(results: readonly string[]): string {
  const next = results.filter((result) => result.startsWith("next "));
  if (next.length < 2) return shortName(results.join(", "), longestName);
  return shortName([...results.filter((result) => !next.includes(result)), `${next.length} next states`].join(", "));
}
