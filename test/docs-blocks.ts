/** Blocks of TypeScript in a page of docs/, each with the text behind it, which is what it prints. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./installed.ts";

export interface DocsBlock {
  /** The heading that it stands under. */
  readonly title: string;
  readonly code: string;
  readonly prints: string;
}

export function blocksOf(page: string): readonly DocsBlock[] {
  const text = readFileSync(join(root, "docs", page), "utf8");
  const titles = [...text.matchAll(/^### (.+)$/gm)];
  return [...text.matchAll(/^```ts\n(.*?)^```\n(?:\n```text\n(.*?)\n```)?/gms)].map(
    ({ index, 1: code = "", 2: prints = "" }) => {
      const title = titles.findLast((each) => each.index < index)?.[1] ?? "";
      return { title, code, prints };
    },
  );
}
