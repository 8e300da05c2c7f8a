/**
 * TypeScript's parser, as ts-morph brings it: the project's own TypeScript may be of a version that has no such thing, or be missing.
 *
 * It is 9 MB of JavaScript, so it is loaded where a command asks for names and nowhere else; by `require`, as an `import` of it would read
 * all of it once more to find out what it exports (60 ms of 270).
 */
import { createRequire } from "node:module";
import type { ts } from "ts-morph";

export type TypeScript = typeof ts;
export type { ts };

/** Loaded the first time, in 150 to 200 ms; null where it cannot be. */
export function loadTypeScript(): TypeScript | null {
  try {
    const morph: { readonly ts: TypeScript } = createRequire(import.meta.url)("ts-morph");
    return morph.ts;
  } catch {
    return null;
  }
}
