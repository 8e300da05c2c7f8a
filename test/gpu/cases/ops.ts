/**
 * Every op and composite on the GPU, value and gradient, against the float64 oracle: the table of test/op-cases.ts, many cases
 * to a program, so that few programs are compiled.
 */
import { ok } from "node:assert/strict";
import { compile } from "../../../src/compile.ts";
import type { TypedArray } from "../../../src/runtime/compiled.ts";
import { caseFeeds, caseProgram, type OpCase } from "../../op-case.ts";
import { opCases } from "../../op-cases.ts";
import { largestError, ProgramOracle } from "../../program-oracle.ts";
import type { GpuCase } from "../case.ts";

/** Sums are f32 on the GPU where `js` has doubles, and its functions are held to a few ulps more. */
const looser = 10;
const perProgram = 12;

const kinds = [...new Set(opCases.map(({ op }) => op.split(" ")[0] ?? op))];

async function check(device: GPUDevice, cases: readonly OpCase[]): Promise<void> {
  const given = caseProgram(cases);
  const feeds = caseFeeds(cases);
  const wanted = new ProgramOracle(given).run("step", feeds);
  const executable = await compile(given, { target: "wgsl", device, onWarning: () => undefined });
  const outputs = (await executable.run({ entry: "step" as never, feeds })) as Record<string, Record<string, unknown>>;
  executable.dispose();
  cases.forEach((c, n) => {
    for (const [key, value] of Object.entries(outputs[`c${n}`] ?? {})) {
      const found = typeof value === "number" ? [value] : (value as TypedArray);
      const error = largestError(found, wanted.get(`c${n}.${key}`) ?? []);
      const shapes = c.inputs.map(({ shape }) => `[${shape}]`).join(" ");
      ok(error <= c.tolerance * looser, `${c.op} ${key} of ${shapes}: off by ${error}`);
    }
  });
}

export const cases: readonly GpuCase[] = kinds.map((kind) => ({
  name: `${kind} ops against the oracle, value and gradient`,
  async run({ device }) {
    const chosen = opCases.filter(({ op }) => op.startsWith(`${kind} `));
    const failures: string[] = [];
    for (let i = 0; i < chosen.length; i += perProgram) {
      await check(device, chosen.slice(i, i + perProgram)).catch((error: unknown) => failures.push(String(error)));
    }
    // Dawn warns on stdout, with no line end, of the empty dispatches of empty tensors; the next message needs a line of its own.
    process.stdout.write("\n");
    ok(failures.length === 0, failures.join("\n"));
  },
}));
