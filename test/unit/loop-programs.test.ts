/** Programs with loops on every target that needs no GPU, every stage left out in turn, against the oracle. */
import { test } from "vitest";
import { loopPrograms, statesProgram } from "../loop-programs.ts";
import { expectSound } from "../program-case.ts";

test.each([...loopPrograms, statesProgram()])("$name", async ({ hasFlags = false, ...one }) => {
  await expectSound(one, 1e-5, { hasFlags });
});
