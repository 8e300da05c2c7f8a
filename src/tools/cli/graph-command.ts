/**
 * The command line of `tensorloom graph`.
 *
 *   tensorloom graph mnist.ts --stage kernels --dims batch=128 -o step.svg
 *   tensorloom graph transformer.ts --fold -o step.svg
 *   tensorloom graph mnist.ts --diff wider.ts                                or -o changes.svg
 *   tensorloom graph mnist.ts --format mermaid                               or -o step.mmd
 */
import { writeFile } from "node:fs/promises";
import { extname } from "node:path";
import { type Command, Option } from "commander";
import { isTooLarge } from "../../../codegen/picture/mermaid-parts.ts";
import { messageOf, UserError } from "../../core/errors.ts";
import type { Dims } from "../../graph/shape.ts";
import { type TargetName, targetNames } from "../../kernel/target.ts";
import type { Skippable } from "../../stages.ts";
import { namingOf } from "../names/naming.ts";
import { loadTypeScript } from "../names/typescript.ts";
import { dimsHelp, entryHelp, noNamesHelp, parseDims, parseSkip, skipHelp } from "./choose.ts";
import { drawProgram, type Format, formats, passNames, printedAfter, type Stage, stages } from "./graph.ts";
import { drawDiff, type Side } from "./graph-diff.ts";
import { loadProgram } from "./load.ts";

interface GraphFlags {
  readonly stage: Stage;
  readonly format?: Format;
  readonly output?: string;
  readonly entry?: string;
  readonly dims?: Dims;
  readonly target: TargetName;
  readonly fold: boolean;
  readonly skip?: readonly Skippable[];
  readonly printAfter?: string;
  readonly diff?: string;
  readonly names: boolean;
}

export function addGraphCommand(program: Command): void {
  program
    .command("graph")
    .description("show a script's program at a stage of its compilation")
    .argument("<script>", "exports a program or trainer as default; its main is not called")
    .addOption(new Option("--stage <stage>", "how far to compile").choices(stages).default("optimized"))
    .addOption(
      new Option("--format <format>", "how to show it (default: by the file's ending, else text)").choices(formats),
    )
    .option("-o, --output <file>", "where to write it (default: to the terminal)")
    .option("--entry <name>", entryHelp)
    .option("--dims <sizes>", dimsHelp, parseDims)
    .addOption(new Option("--target <target>", "whose kernels and memory").choices(targetNames).default("js"))
    .addOption(
      new Option("--print-after <pass>", "in place of a stage, what this pass made, as text")
        .choices(passNames)
        .conflicts(["stage", "fold"]),
    )
    .option("--skip <stages>", skipHelp, parseSkip)
    .option("--no-names", noNamesHelp)
    .option("--fold", "draw calls as boxes, repeated ones once, in place of every node: for large programs", false)
    .addOption(
      new Option("--diff <later>", "what another version of the script changes (by default in the forward stage)").conflicts(["fold", "printAfter", "skip"]), // biome-ignore format: one line
    )
    .action(async (script: string, flags: GraphFlags, command: Command) => {
      const { output, format: wanted, printAfter, names, diff, ...options } = flags;
      const format = wanted ?? formatOf(output);
      if (printAfter !== undefined) {
        if (format !== "text") throw new UserError(`what --print-after shows is text, and no ${format}`);
        const program = await loadProgram(script, names ? loadTypeScript : undefined);
        const text = printedAfter(program, printAfter, { ...options, naming: names ? namingOf(program) : undefined });
        if (output === undefined) process.stdout.write(text);
        else await write(output, text);
        return;
      }
      if (format === "png" && output === undefined && process.stdout.isTTY === true) {
        throw new UserError("a PNG is no text for a terminal: add -o FILE.png");
      }
      if (diff !== undefined) {
        const side = async (path: string): Promise<Side> => {
          const made = await loadProgram(path, names ? loadTypeScript : undefined);
          return { script: path, program: made, naming: names ? namingOf(made) : undefined };
        };
        const stage = command.getOptionValueSource("stage") === "default" ? "forward" : options.stage;
        const told = await drawDiff(await side(script), await side(diff), { ...options, stage, format });
        if (output === undefined) process.stdout.write(told);
        else await write(output, told);
        return;
      }
      const program = await loadProgram(script, names ? loadTypeScript : undefined);
      const hint = (message: string): void => void process.stderr.write(`note: ${message}\n`);
      const naming = names ? namingOf(program) : undefined;
      const drawn = await drawProgram(program, { ...options, format, naming, hint });
      if (format === "mermaid" && isTooLarge(String(drawn))) {
        process.stderr.write("note: by default Mermaid draws no more than 500 lines and 50,000 characters, and this has more: use --fold, an earlier --stage or --format svg\n"); // biome-ignore format: one line
      }
      if (output === undefined) process.stdout.write(drawn);
      else await write(output, drawn);
    });
}

/** Other endings than the name of the format. */
const endings: Readonly<Record<string, Format>> = { "": "text", txt: "text", mmd: "mermaid" };

function formatOf(output: string | undefined): Format {
  const ending = output === undefined ? "" : extname(output).slice(1).toLowerCase();
  const format = formats.find((name) => name === (endings[ending] ?? ending));
  if (format !== undefined) return format;
  throw new UserError(
    `no format has the ending .${ending}: add --format ${formats.join("|")}, or end ${output} with one`,
  );
}

async function write(file: string, content: string | Uint8Array): Promise<void> {
  try {
    await writeFile(file, content);
  } catch (error) {
    throw new UserError(`could not write ${file}: ${messageOf(error)}`);
  }
}
