/** Random kernels before and after each schedule: see kernels.ts for what must hold. */
import { describe, test } from "vitest";
import { kernelProperties } from "./kernels.ts";
import { patience, prove } from "./property.ts";

describe("random kernels", () => {
  for (const property of kernelProperties) test(property.name, patience, () => prove(property));
});
