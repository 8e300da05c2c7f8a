/** Escaped text: see escapes.ts for what must hold of it. */
import { describe, expect, test } from "vitest";
import { scriptJson } from "../../codegen/escape.ts";
import { escapeProperties, loadReaders } from "./escapes.ts";
import { patience, prove } from "./property.ts";

const readers = await loadReaders();

describe("escapes", () => {
  for (const property of escapeProperties(readers)) test(property.name, patience, () => prove(property));

  test("the XML parser refuses what is not escaped, and JSON has no undefined", () => {
    expect(() => readers.parseXml("<title>a < b</title>")).toThrow();
    expect(scriptJson(undefined)).toBe("null");
  });
});
