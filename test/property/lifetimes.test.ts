/** Random lifetimes: see lifetimes.ts for what must hold of the plan. */
import { describe, test } from "vitest";
import { lifetimeProperties } from "./lifetimes.ts";
import { loopLifetimeProperties } from "./loop-lifetimes.ts";
import { patience, prove } from "./property.ts";

describe("random lifetimes", () => {
  for (const property of [...lifetimeProperties, ...loopLifetimeProperties])
    test(property.name, patience, () => prove(property));
});
