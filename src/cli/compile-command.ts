/**
 * The command line of `tensorloom compile`.
 *
 *   tensorloom compile mnist.ts --target wgsl --dims batch=128 -o build
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Command, Option } from "commander";
import { UserError } from "../errors.ts";
import { dimsHelp, parseDims, plannedTargets } from "./choose.ts";
import { type ExportOptions, exportProgram } from "./export.ts";
import { loadProgram } from "./load.ts";

export function addCompileCommand(program: Command): void {
  program
    .command("compile")
    .description("write a script's program as source files, one per kernel, and a manifest that says how to run them")
    .argument("<script>", "exports a program or trainer as default; its main is not called")
    .addOption(new Option("--target <target>", "what to compile for").choices(plannedTargets).default("js"))
    .requiredOption("-o, --output <folder>", "where to write the files; it is made if need be")
    .option("--entry <name>", "this entry alone (default: all)")
    .option("--dims <sizes>", dimsHelp, parseDims)
    .action(async (script: string, { output, ...options }: ExportOptions & { readonly output: string }) => {
      const files = exportProgram(await loadProgram(script), options);
      await writeAll(output, files);
      process.stdout.write(`${output}: ${files.size - 1} kernels and manifest.json\n`);
    });
}

async function writeAll(folder: string, files: ReadonlyMap<string, string>): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
    for (const [name, content] of files) await writeFile(join(folder, name), content);
  } catch (error) {
    throw new UserError(`could not write to ${folder}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
