/** Another engine held to the float64 oracle, op by op. */
import { expect, test } from "vitest";
import { specializedEntry } from "../../src/compile.ts";
import { startOfDraws } from "../../src/core/random.ts";
import { randomState } from "../../src/graph/ops/source.ts";
import { shortTypes } from "../op-case.ts";
import { casesOf, opCases } from "../op-cases.ts";
import { compareOps, type Engine, type Outputs } from "../op-report.ts";
import type { RunEntry } from "./told.ts";

export const minutes = 60_000;

/** Ops that no entry has when it is exported: what others are written in for our own targets. */
const inner = /^\w+ (mergeRuns|searchSorted|covering|chosen|spread|runBlock)\b/;

/** Every op and composite, value and gradient, in f32 and in the short floats. */
export function testEveryOp(label: string, tolerances: Engine["tolerances"], run: RunEntry): void {
  const engine = engineOf(tolerances, run);
  const compared = async (cases: typeof opCases) => {
    const exported = cases.filter(({ op }) => !inner.test(op));
    const { rows, failures } = await compareOps(engine, label, exported);
    expect(failures.join("\n")).toBe("");
    return rows.length;
  };

  test("is within its tolerances of the oracle, value and gradient", { timeout: 10 * minutes }, async () => {
    expect(await compared(opCases)).toBeGreaterThan(190);
  });

  test.each(shortTypes)("of %s is rounded as we round", { timeout: 5 * minutes }, async (dtype) => {
    expect(await compared(casesOf(dtype))).toBeGreaterThan(100);
  });
}

function engineOf(tolerances: Engine["tolerances"], run: RunEntry): Engine {
  return {
    tolerances,
    accumulator: "f32",
    async run(program, feeds) {
      const entry = program.entries.get("step") ?? expect.fail("the program has no entry step");
      const numbers = Object.entries(feeds).map(
        ([name, fed]) => [name, typeof fed === "number" ? [fed] : fed] as const,
      );
      const given = new Map([...numbers, [randomState, startOfDraws(0)] as const]);
      const outputs: Record<string, Record<string, ArrayLike<number>>> = {};
      for (const [path, value] of await run(specializedEntry(entry, {}), given)) {
        const [place = "", key = ""] = path.split(".");
        outputs[place] = { ...outputs[place], [key]: value };
      }
      return outputs satisfies Outputs;
    },
  };
}
