/**
 * The command line of `tensorloom explain`.
 *
 *   tensorloom explain mnist.ts --target wgsl --dims batch=128 --json
 */
import { type Command, Option } from "commander";
import { targetNames } from "../../kernel/target.ts";
import { dimsHelp, entryHelp, parseDims, parseSkip, skipHelp } from "./choose.ts";
import { type ExplainOptions, explainProgram, printExplanation } from "./explain.ts";
import { loadProgram } from "./load.ts";

export function addExplainCommand(program: Command): void {
  program
    .command("explain")
    .description("say what the compiler does with a script's program: passes, kernels, updates, memory")
    .argument("<script>", "exports a program or trainer as default; its main is not called")
    .addOption(new Option("--target <target>", "what to compile for").choices(targetNames).default("js"))
    .option("--entry <name>", entryHelp)
    .option("--dims <sizes>", dimsHelp, parseDims)
    .option("--skip <stages>", skipHelp, parseSkip)
    .option("--json", "as one JSON object", false)
    .action(async (script: string, { json, ...options }: ExplainOptions & { readonly json: boolean }) => {
      const explanation = explainProgram(await loadProgram(script), options);
      process.stdout.write(json ? `${JSON.stringify(explanation, null, 2)}\n` : printExplanation(explanation));
    });
}
