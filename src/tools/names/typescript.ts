/**
 * TypeScript's parser, as ts-morph brings it: the project's own TypeScript may be of a version that has no such thing, or be missing.
 *
 * It is 9 MB of JavaScript, so it is loaded where a command asks for names and nowhere else, and alone where that can be: what ts-morph
 * has around it takes as long again. By `require`, as an `import` would read all of it once more to find out what it exports.
 */
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { ts } from "ts-morph";

export type TypeScript = typeof ts;
export type { ts };

/** Loaded the first time, in 150 to 200 ms (twice that where tsx looks on); null where it cannot be. */
export function loadTypeScript(): TypeScript | null {
  const require = createRequire(import.meta.url);
  try {
    return parserOf(require) ?? wholeOf(require);
  } catch {
    return null;
  }
}

/** The file beside what ts-morph stands on; null where another version has it elsewhere. */
function parserOf(require: NodeJS.Require): TypeScript | null {
  try {
    const common = createRequire(require.resolve("ts-morph")).resolve("@ts-morph/common");
    const found: Partial<TypeScript> = require(join(dirname(common), "typescript.js"));
    return isParser(found) ? found : null;
  } catch {
    return null;
  }
}

function isParser(found: Partial<TypeScript>): found is TypeScript {
  return typeof found.createSourceFile === "function" && typeof found.findAncestor === "function";
}

function wholeOf(require: NodeJS.Require): TypeScript {
  const { ts }: { readonly ts: TypeScript } = require("ts-morph");
  return ts;
}
