/**
 * Every case of the table on one target, against the oracle, as a report: op by op, forward and gradient, how much was
 * compared and how near to its tolerance the worst number came. `reportGaps` says what a report leaves out.
 *
 * Another target is one line: `await compareOps(target, "its name and options")`.
 */
import { compileOn } from "../src/compile.ts";
import { shortFloats } from "../src/core/dtype.ts";
import type { Program } from "../src/dsl/program.ts";
import type { TargetSetup } from "../src/target-setup.ts";
import type { Bounded } from "./error-bound.ts";
import { caseFeeds, caseProgram, type OpCase, shortOf } from "./op-case.ts";
import { opCases } from "./op-cases.ts";
import { type FlatFeeds, ProgramOracle } from "./program-oracle.ts";

export interface Tally {
  /** Outputs compared. */
  readonly count: number;
  /** The largest |found - wanted| in units of its tolerance: at most 1. */
  readonly worst: number;
  /** The largest tolerance, in ulps of the largest number of its output. */
  readonly width: number;
}

export interface ReportRow {
  readonly op: string;
  /** The target, with its options. */
  readonly label: string;
  readonly forward: Tally;
  readonly gradient: Tally;
}

export interface OpComparison {
  readonly rows: readonly ReportRow[];
  /** What was outside of its tolerance, or did not run: one line each. */
  readonly failures: readonly string[];
}

/**
 * A tolerance that is wider than this, in ulps of the largest number of its output, says nothing: a chain that adds up to
 * more needs a case whose numbers cancel less. An accumulator of f32 owes (K + 8) / 2 ulps a sum, of up
 * to 67 terms here.
 */
const widest = { f64: 32, f32: 256 } as const;

/** Cases that compute in short floats: their outputs are f32 numbers, of which so many ulps are one of theirs. */
const ulpsOf = (of: OpCase): number => {
  const short = shortOf(of);
  return short === undefined ? 1 : 2 ** (23 - shortFloats[short].fraction);
};

/** Cases of one program: compiling few programs takes less time than compiling many. */
const perProgram = 48;

/** What a program of these cases gave: `c3` has the outputs of the fourth. */
export type Outputs = Readonly<Record<string, Readonly<Record<string, number | ArrayLike<number>>>>>;

/** What runs programs: a target of ours, or another engine that a program was exported to. */
export interface Engine extends Pick<TargetSetup, "tolerances"> {
  readonly accumulator: TargetSetup["traits"]["accumulator"];
  /** The outputs of its only entry. */
  run(program: Program<unknown>, feeds: FlatFeeds): Promise<Outputs>;
}

function engineOf(target: TargetSetup): Engine {
  return {
    tolerances: target.tolerances,
    accumulator: target.traits.accumulator,
    async run(program, feeds) {
      const executable = await compileOn(program, target, { onWarning: () => undefined });
      try {
        return (await executable.run({ entry: "step" as never, feeds })) as Outputs;
      } finally {
        executable.dispose();
      }
    },
  };
}

/** Compiles and runs all cases on a target. `label` names it in the report; `seen` is told all outputs. */
export async function compareOps(
  target: TargetSetup | Engine,
  label: string,
  cases: readonly OpCase[] = opCases,
  seen: (cases: readonly OpCase[], outputs: Outputs) => void = () => undefined,
): Promise<OpComparison> {
  const engine = "run" in target ? target : engineOf(target);
  const rows = new Map<string, ReportRow>();
  const failures: string[] = [];
  for (let i = 0; i < cases.length; i += perProgram) {
    const chunk = cases.slice(i, i + perProgram);
    try {
      for (const found of await compareProgram(engine, chunk, seen)) {
        const { op } = found.of;
        const row = rows.get(op) ?? { op, label, forward: nothing, gradient: nothing };
        rows.set(op, { ...row, [found.part]: joined(row[found.part], found.tally) });
        if (found.problem !== "") failures.push(`${label}: ${op} of ${shapesOf(found.of)}: ${found.problem}`);
      }
    } catch (error) {
      const names = [...new Set(chunk.map(({ op }) => op))].join(", ");
      failures.push(`${label}: the program of ${names}: ${error instanceof Error ? error.stack : error}`);
    }
  }
  return { rows: [...rows.values()], failures };
}

const nothing: Tally = { count: 0, worst: 0, width: 0 };

function joined(a: Tally, b: Tally): Tally {
  return { count: a.count + b.count, worst: Math.max(a.worst, b.worst), width: Math.max(a.width, b.width) };
}

export const shapesOf = (c: OpCase): string => c.inputs.map(({ shape }) => `[${shape}]`).join(" ");

interface Found {
  readonly of: OpCase;
  readonly part: "forward" | "gradient";
  readonly tally: Tally;
  readonly problem: string;
}

async function compareProgram(
  engine: Engine,
  cases: readonly OpCase[],
  seen: (cases: readonly OpCase[], outputs: Outputs) => void,
): Promise<readonly Found[]> {
  const program = caseProgram(cases);
  const feeds = caseFeeds(cases);
  const wanted = new ProgramOracle(program).bounds("step", feeds, engine.tolerances);
  const outputs = await engine.run(program, feeds);
  seen(cases, outputs);
  return [...wanted].map(([path, should]): Found => {
    const [place = "", key = ""] = path.split(".");
    const of = cases[Number(place.slice(1))] as OpCase;
    const is = outputs[place]?.[key];
    const numbers = is === undefined ? [Number.NaN] : typeof is === "number" ? [is] : is;
    const { worst, width, problem } = compareNumbers(numbers, should);
    const part = /^g\d/.test(key) ? "gradient" : "forward";
    // the weighted sum that gradients are taken of is held to its tolerance, but is not what the case is about
    if (key === "loss") return { of, part, tally: nothing, problem: problem && `its weighted sum: ${problem}` };
    const most = widest[engine.accumulator] * ulpsOf(of);
    const vague = width > most ? `a tolerance of ${width} ulps says nothing` : "";
    const found = problem || vague;
    return { of, part, tally: { count: 1, worst, width }, problem: found && `${key}: ${found}` };
  });
}

/** The worst number in units of its tolerance. Tolerance 0 asks for the very number; -0 counts as 0. */
function compareNumbers(
  found: ArrayLike<number>,
  { value, bound }: Bounded,
): { readonly worst: number; readonly width: number; readonly problem: string } {
  const wanted = value.data;
  const scale = wanted.reduce((most, x) => (Number.isFinite(x) ? Math.max(most, Math.abs(x)) : most), 0);
  let [worst, width, problem] = [0, 0, ""];
  if (found.length !== wanted.length) problem = `${found.length} numbers, not ${wanted.length}`;
  for (let i = 0; i < wanted.length; i++) {
    const [is, should, allowed] = [found[i] as number, wanted[i] as number, bound[i] as number];
    width = Math.max(width, allowed / (Math.max(scale, 2 ** -126) * 2 ** -23));
    if (is === should || (Number.isNaN(is) && Number.isNaN(should))) continue;
    const error = Math.abs(is - should) / allowed;
    if (error <= worst) continue;
    worst = Number.isNaN(error) ? Number.POSITIVE_INFINITY : error;
    if (!(worst <= 1)) problem = `element ${i} is ${is}, not ${should} within ${allowed}`;
  }
  return { worst, width, problem };
}

/** The report as text: a line for each op. */
export function printReport(rows: readonly ReportRow[]): string {
  const columns = ["compared", "worst", "ulps"];
  const labels = Math.max("target".length, ...rows.map(({ label }) => label.length));
  const line = (op: string, label: string, parts: readonly (readonly string[])[]): string => {
    const cells = parts.map((part) => part.map((cell, i) => cell.padStart(columns[i]?.length ?? 0)).join("  "));
    return [op.padEnd(40), label.padEnd(labels), ...cells].join("  ").trimEnd();
  };
  const cellsOf = ({ count, worst, width }: Tally): string[] => {
    return count === 0 ? ["none", "", ""] : [`${count}`, worst.toFixed(2), width.toFixed(1)];
  };
  return [
    "forward, then gradient: outputs compared; the worst error as a part of its tolerance; the widest tolerance, in",
    "ulps of the largest number of its output",
    line("op", "target", [columns, columns]),
    ...rows.map(({ op, label, forward, gradient }) => line(op, label, [cellsOf(forward), cellsOf(gradient)])),
  ].join("\n");
}
