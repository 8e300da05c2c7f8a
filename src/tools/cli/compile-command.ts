/**
 * The command line of `tensorloom compile`.
 *
 *   tensorloom compile mnist.ts --target wasm --dims batch=128 -o build
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Command, Option } from "commander";
import { UserError } from "../../core/errors.ts";
import { dimsHelp, parseDims, plannedTargets } from "./choose.ts";
import { type ExportedFiles, type ExportOptions, exportProgram } from "./export.ts";
import { loadProgram } from "./load.ts";

export function addCompileCommand(program: Command): void {
  program
    .command("compile")
    .description(
      "write a script's program as files (a source per kernel, or on wasm a module per entry) and a manifest to run them by",
    )
    .argument("<script>", "exports a program or trainer as default; its main is not called")
    .addOption(new Option("--target <target>", "what to compile for").choices(plannedTargets).default("js"))
    .requiredOption("-o, --output <folder>", "where to write the files; it is made if need be")
    .option("--entry <name>", "this entry alone (default: all)")
    .option("--dims <sizes>", dimsHelp, parseDims)
    .action(async (script: string, { output, ...options }: ExportOptions & { readonly output: string }) => {
      const files = exportProgram(await loadProgram(script), options);
      await writeAll(output, files);
      const [count, what] = options.target === "wasm" ? [files.size - 2, "module"] : [files.size - 1, "kernel"];
      const rest = options.target === "wasm" ? "example.mjs and manifest.json" : "manifest.json";
      process.stdout.write(`${output}: ${count} ${what}${count === 1 ? "" : "s"}, ${rest}\n`);
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
