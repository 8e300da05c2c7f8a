/** IDX files of any kind: see idx.ts for what must hold. */
import { describe, test } from "vitest";
import { idxProperties } from "./idx.ts";
import { patience, prove } from "./property.ts";

describe("IDX", () => {
  for (const property of idxProperties) test(property.name, patience, () => prove(property));
});
