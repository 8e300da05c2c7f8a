/** Random windows: see windows.ts for what must hold of them. */
import { describe, test } from "vitest";
import { patience, prove } from "./property.ts";
import { windowProperties } from "./windows.ts";

describe("random windows", () => {
  for (const property of windowProperties) test(property.name, patience, () => prove(property));
});
