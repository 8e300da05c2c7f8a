/** Random programs on `js`: see programs.ts for what must hold of them. */
import { describe, test } from "vitest";
import { programProperties } from "./programs.ts";
import { patience, prove } from "./property.ts";

describe("random programs", () => {
  for (const property of programProperties) test(property.name, patience, () => prove(property));
});
