/** Random programs: see programs.ts and transforms.ts for what must hold of them. */
import { describe, test } from "vitest";
import { programProperties } from "./programs.ts";
import { patience, prove } from "./property.ts";
import { transformProperties } from "./transforms.ts";

describe("random programs", () => {
  for (const property of [...programProperties, ...transformProperties])
    test(property.name, patience, () => prove(property));
});
