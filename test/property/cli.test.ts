/** The command line with any arguments: see cli.ts for what must hold. */
import { describe, test } from "vitest";
import { cliProperties } from "./cli.ts";
import { patience, prove } from "./property.ts";

describe("command line", () => {
  for (const property of cliProperties) test(property.name, patience, () => prove(property));
});
