/** What a box says besides its op: what its node is called, and where the value goes. The same in DOT and Mermaid. */
import { printBuffer } from "../../src/program/buffer.ts";
import type { Box } from "./drawn.ts";
import { longestName, shortName } from "./short.ts";

/** The name of the node; empty where it has none, or where its place says it already. */
export function nameText(box: Box): string {
  return box.name === undefined || isToldBy(box, box.name) ? "" : box.name;
}

/** Whether the place says it already: `next_model_w1` is next model.w1. */
function isToldBy({ results, store }: Box, name: string): boolean {
  return (
    results.some((result) => result.replace(/[^A-Za-z0-9]+/g, "_") === name) ||
    (store?.segment === "arena" && store.name === name)
  );
}

/** Where the value goes: its results, and a scratch buffer if it has one. */
export function placeText({ results, store }: Box): string {
  const isStored = store !== null && store !== undefined;
  const scratch = isStored && (store.segment === "arena" || results.length === 0) ? [printBuffer(store)] : [];
  return shortName([...scratch, ...results.map((name) => shortName(name))].join(", "), 3 * longestName);
}
