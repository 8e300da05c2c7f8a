import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { makeFolder } from "../../src/io/folder.ts";

const root = mkdtempSync(join(tmpdir(), "tensorloom-folder-"));
afterAll(() => rmSync(root, { recursive: true }));

test("a folder is made with what is missing above it, and one that is there stays", () => {
  const folder = join(root, "a", "b", "c");
  makeFolder(folder);
  expect(statSync(folder).isDirectory()).toBe(true);
  makeFolder(folder);
  makeFolder("/");
});

test("where a file stands in the way, the error is Node's, and it comes at once", () => {
  writeFileSync(join(root, "file"), "");
  expect(() => makeFolder(join(root, "file"))).toThrow("EEXIST");
  expect(() => makeFolder(join(root, "file", "below"))).toThrow(/ENOTDIR|EEXIST/);
});
