/** XLA as an engine of the op report: a program is exported, and run by the service. */
import { hloModule } from "../../codegen/stablehlo/module.ts";
import { xlaTolerances } from "../../codegen/stablehlo/tolerances.ts";
import { specializedEntry } from "../../src/compile.ts";
import { startOfDraws } from "../../src/core/random.ts";
import { randomState } from "../../src/graph/ops/source.ts";
import type { Engine, Outputs } from "../op-report.ts";
import type { Xla } from "./xla.ts";

export function xlaEngine(xla: Xla): Engine {
  return {
    tolerances: xlaTolerances,
    accumulator: "f32",
    async run(program, feeds) {
      const entry = program.entries.get("step");
      if (entry === undefined) throw new Error("the program has no entry step");
      const numbers = Object.entries(feeds).map(
        ([name, fed]) => [name, typeof fed === "number" ? [fed] : fed] as const,
      );
      const given = new Map([...numbers, [randomState, startOfDraws(0)] as const]);
      const outputs: Record<string, Record<string, ArrayLike<number>>> = {};
      for (const [path, value] of await xla.run(hloModule(specializedEntry(entry, {})), given)) {
        const [place = "", key = ""] = path.split(".");
        outputs[place] = { ...outputs[place], [key]: value };
      }
      return outputs satisfies Outputs;
    },
  };
}
