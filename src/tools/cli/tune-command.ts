/**
 * The command line of `tensorloom tune`.
 *
 *   tensorloom tune mnist.ts --target wasm --dims batch=128 --seconds 30
 */
import { type Command, InvalidArgumentError, Option } from "commander";
import type { Dims } from "../../graph/shape.ts";
import { type TargetName, targetNames } from "../../kernel/target.ts";
import { nodeTarget } from "../../node.ts";
import { firstF64 } from "../../program/check.ts";
import type { Skippable } from "../../stages.ts";
import { chooseTarget } from "../../targets.ts";
import { type TuneReport, tune } from "../../tuning/tuner.ts";
import { checkDims, chooseEntry, dimsHelp, parseDims, parseSkip, skipHelp } from "./choose.ts";
import { loadProgram } from "./load.ts";

interface TuneFlags {
  readonly target: "auto" | TargetName;
  readonly entry?: string;
  readonly dims?: Dims;
  readonly skip?: readonly Skippable[];
  readonly seconds: number;
  readonly again: boolean;
  readonly file?: string;
  readonly json: boolean;
}

export function addTuneCommand(program: Command): void {
  program
    .command("tune")
    .description(
      "measure on this machine how each kernel of a script's program is fastest, and keep it for later compilations",
    )
    .argument("<script>", "exports a program or trainer as default; its main is not called")
    .addOption(new Option("--target <target>", "what to tune for").choices(["auto", ...targetNames]).default("auto"))
    .option("--entry <name>", "this entry alone (default: all)")
    .option("--dims <sizes>", dimsHelp, parseDims)
    .option("--skip <stages>", skipHelp, parseSkip)
    .option(
      "--seconds <n>",
      "how long to measure at most; kernels that were not reached stay as they are",
      parseSeconds,
      60,
    )
    .option("--again", "measure what is known, too", false)
    .option("--file <path>", "where to keep it (default: tuning.json in $TENSORLOOM_CACHE, or in your cache folder)")
    .option("--json", "as one JSON object", false)
    .action(tuneScript);
}

async function tuneScript(script: string, { target, entry, file, json, ...flags }: TuneFlags): Promise<void> {
  const program = await loadProgram(script);
  checkDims(program, flags.dims ?? {}, "all");
  const { precision = "f32" } = program;
  const setup = await chooseTarget(
    { ...(await nodeTarget(target, { precision })), precision },
    firstF64(program) !== undefined,
  );
  const report = await tune(program, setup, {
    ...flags,
    ...(entry === undefined ? {} : { entries: [chooseEntry(program, entry)] }),
    ...(file === undefined ? {} : { tuningFile: file }),
    onKernel: (kernel, done, of) => process.stderr.write(`${done + 1} of ${of}: ${kernel}\n`),
    onWarning: (message) => process.stderr.write(`${message}\n`),
  });
  process.stdout.write(json ? `${JSON.stringify(report)}\n` : printTuning(report));
}

function parseSeconds(given: string): number {
  const seconds = given.trim() === "" ? Number.NaN : Number(given);
  if (seconds > 0 && seconds < 86_400) return seconds;
  throw new InvalidArgumentError("It must be a number of seconds, above 0 and below a day.");
}

/** A row for each kernel: what it took as usual, what it takes now, and the part that this is. */
function printTuning({ device, kernels, known, left, file }: TuneReport): string {
  const rows = kernels.map(({ entry, kernel, usualMs, ms, choice }) => {
    return [`${entry} ${kernel}`, usualMs.toFixed(4), ms.toFixed(4), (ms / usualMs).toFixed(2), choice ?? "as usual"];
  });
  const table = [["kernel", "ms before", "after", "ratio", "by"], ...rows];
  const widths = table[0]?.map((_, i) => Math.max(...table.map((row) => row[i]?.length ?? 0))) ?? [];
  const lines = table.map((row) =>
    row
      .map((cell, i) => (i === 0 || i === 4 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
      .join("  ")
      .trimEnd(),
  );
  const better = kernels.filter(({ choice }) => choice !== null).length;
  const notes = [
    `${better} of ${kernels.length} kernels are faster on ${device}${known === 0 ? "" : `; ${known} were measured before (--again measures them anew)`}`,
    ...(left === 0 ? [] : [`${left} kernels were not reached in the time: run it again, or with more --seconds`]),
    file === null ? "nothing is kept: TENSORLOOM_CACHE is off" : `kept in ${file}`,
  ];
  return `${[...(kernels.length === 0 ? [] : [...lines, ""]), ...notes].join("\n")}\n`;
}
