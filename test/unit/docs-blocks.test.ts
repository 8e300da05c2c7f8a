/**
 * Blocks of code in docs/extending.md: each is a program that runs as it is written, and prints what stands under it.
 * (declarations.test.ts holds their types.)
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { format } from "node:util";
import { afterAll, expect, test, vi } from "vitest";
import { blocksOf } from "../docs-blocks.ts";
import { root } from "../installed.ts";

// Inside the repository, where "tensorloom" means the sources.
mkdirSync(join(root, ".cache", "tests"), { recursive: true });
const folder = mkdtempSync(join(root, ".cache", "tests", "docs-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const blocks = blocksOf("extending.md");

test("there is a block for each thing that users write", () => {
  expect(blocks.map(({ title }) => title)).toEqual([
    "A layer",
    "A loss and a metric",
    "A metric with a state",
    "An optimizer",
    "A schedule",
    "A callback",
    "A source of data",
    "An op",
  ]);
});

test.each(blocks.map(({ title, code, prints }, i) => ({ title, code, prints, i })))(
  "$title",
  async ({ code, prints, i }) => {
    const file = join(folder, `block${i}.ts`);
    writeFileSync(file, code);
    const lines: string[] = [];
    const log = vi.spyOn(console, "log").mockImplementation((...values) => void lines.push(format(...values)));
    try {
      await import(/* @vite-ignore */ file);
    } finally {
      log.mockRestore();
    }
    expect(lines.join("\n")).toBe(prints);
  },
);
