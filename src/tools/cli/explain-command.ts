/**
 * The command line of `tensorloom explain`.
 *
 *   tensorloom explain mnist.ts --target wgsl --dims batch=128 --json
 */
import { type Command, Option } from "commander";
import { targetNames } from "../../kernel/target.ts";
import { namingOf } from "../names/naming.ts";
import { loadTypeScript } from "../names/typescript.ts";
import { dimsHelp, entryHelp, noNamesHelp, parseDims, parseSkip, skipHelp } from "./choose.ts";
import { type ExplainOptions, explainProgram, printExplanation } from "./explain.ts";
import { loadProgram } from "./load.ts";

interface ExplainFlags extends ExplainOptions {
  readonly json: boolean;
  readonly names: boolean;
}

export function addExplainCommand(program: Command): void {
  program
    .command("explain")
    .description("say what the compiler does with a script's program: passes, kernels, updates, memory")
    .argument("<script>", "exports a program or trainer as default; its main is not called")
    .addOption(new Option("--target <target>", "what to compile for").choices(targetNames).default("js"))
    .option("--entry <name>", entryHelp)
    .option("--dims <sizes>", dimsHelp, parseDims)
    .option("--skip <stages>", skipHelp, parseSkip)
    .option("--no-names", noNamesHelp)
    .option("--json", "as one JSON object", false)
    .action(async (script: string, { json, names, ...options }: ExplainFlags) => {
      const program = await loadProgram(script, names ? loadTypeScript : undefined);
      const explanation = explainProgram(program, { ...options, naming: names ? namingOf(program) : undefined });
      process.stdout.write(json ? `${JSON.stringify(explanation, null, 2)}\n` : printExplanation(explanation));
    });
}
