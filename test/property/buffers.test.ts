/** Random programs on targets of few buffers: see buffers.ts for what must hold of them. */
import { describe, test } from "vitest";
import { bufferProperties } from "./buffers.ts";
import { patience, prove } from "./property.ts";

describe("few buffers a kernel", () => {
  for (const property of bufferProperties) test(property.name, patience, () => prove(property));
});
