/**
 * The command line of `tensorloom compile`.
 *
 *   tensorloom compile mnist.ts --target wasm --dims batch=128 -o build
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Command, Option } from "commander";
import { UserError } from "../../core/errors.ts";
import { type TargetName, targetNames } from "../../kernel/target.ts";
import { dimsHelp, parseDims, parseSkip, skipHelp } from "./choose.ts";
import { type ExportedFiles, type ExportOptions, exporters } from "./export.ts";
import { loadProgram } from "./load.ts";

interface CompileFlags extends ExportOptions {
  readonly target: TargetName;
  readonly output: string;
}

export function addCompileCommand(program: Command): void {
  program
    .command("compile")
    .description(
      "write a script's program as files (a module per entry, or on wgsl a shader per kernel) and a manifest to run them by",
    )
    .argument("<script>", "exports a program or trainer as default; its main is not called")
    .addOption(new Option("--target <target>", "what to compile for").choices(targetNames).default("js"))
    .requiredOption("-o, --output <folder>", "where to write the files; it is made if need be")
    .option("--entry <name>", "this entry alone (default: all)")
    .option("--dims <sizes>", dimsHelp, parseDims)
    .option("--skip <stages>", skipHelp, parseSkip)
    .action(async (script: string, { output, target, ...options }: CompileFlags) => {
      const { files, told } = exporters[target](await loadProgram(script), options);
      await writeAll(output, files);
      process.stdout.write(`${output}: ${told}\n`);
    });
}

async function writeAll(folder: string, files: ExportedFiles): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
    for (const [name, content] of files) await writeFile(join(folder, name), content);
  } catch (error) {
    throw new UserError(`could not write to ${folder}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
