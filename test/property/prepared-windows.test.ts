/** Random convolutional programs: see prepared-windows.ts for what must hold of what is prepared of them. */
import { describe, test } from "vitest";
import { preparedProperties } from "./prepared-windows.ts";
import { patience, prove } from "./property.ts";

describe("random convolutional programs", () => {
  for (const property of preparedProperties) test(property.name, patience, () => prove(property));
});
