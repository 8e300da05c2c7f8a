/**
 * The command line of `tensorloom compile`.
 *
 *   tensorloom compile mnist.ts --target wasm --dims batch=128 -o build
 */
import { readdir, readFile } from "node:fs/promises";
import { basename } from "node:path";
import { type Command, Option } from "commander";
import { messageOf, UserError } from "../../core/errors.ts";
import type { Program } from "../../dsl/program.ts";
import { type TargetName, targetNames } from "../../kernel/target.ts";
import { namingOf } from "../names/naming.ts";
import { loadTypeScript } from "../names/typescript.ts";
import { dimsHelp, noNamesHelp, parseDims, parseSeed, parseSkip, skipHelp } from "./choose.ts";
import { type Exported, type ExportOptions, exporters } from "./export.ts";
import { loadProgram } from "./load.ts";
import { writeFiles } from "./write-files.ts";

interface CompileFlags extends Omit<ExportOptions, "entries"> {
  readonly target: TargetName | "c";
  readonly output: string;
  readonly entries?: readonly string[];
  readonly standalone: boolean;
  readonly names: boolean;
  readonly seed?: number;
  readonly state?: string;
}

export function addCompileCommand(program: Command): void {
  program
    .command("compile")
    .description(
      "write a script's program as files: a module per entry, or on wgsl a shader per kernel, and a manifest to run them by; " +
        "or a folder that trains and predicts with nothing else (--standalone)",
    )
    .argument("<script>", "exports a program or trainer as default; its main is not called")
    .addOption(
      new Option("--target <target>", "what to compile for; c with --standalone alone")
        .choices([...targetNames, "c"])
        .default("js"),
    )
    .requiredOption("-o, --output <folder>", "where to write the files; it is made if need be")
    .option("--entry, --entries <names>", "these entries alone, as train,predict (default: all)", parseEntries)
    .option("--dims <sizes>", `${dimsHelp}; with --standalone predict.batch=1 is that of one entry`, parseDims)
    .option("--standalone", "a module with its types that needs no tensorloom, in an empty folder", false)
    .option("--seed <seed>", "with --standalone: what the states start from (default: 0)", parseSeed)
    .option("--state <file>", "with --standalone: a checkpoint or safetensors file, whose states it starts with")
    .option("--skip <stages>", skipHelp, parseSkip)
    .option("--no-names", noNamesHelp)
    .action(async (script: string, { output, target, entries, names, ...options }: CompileFlags) => {
      const made = await loadProgram(script, names ? loadTypeScript : undefined);
      const naming = names ? namingOf(made) : undefined;
      const chosen = entries === undefined ? {} : { entries: entriesIn(made, entries) };
      const { files, told } = options.standalone
        ? await standaloneFiles(made, script, output, { target, ...chosen, ...options, naming })
        : exporters[withFiles(target)](made, {
            ...withoutStandalone(options),
            ...chosen,
            naming,
          });
      await writeFiles(output, files);
      process.stdout.write(`${output}: ${told}\n`);
    });
}

type StandaloneFlags = Omit<CompileFlags, "output" | "names">;

/** What makes them is loaded for them alone. */
async function standaloneFiles(
  program: Program<unknown>,
  script: string,
  output: string,
  { state, ...options }: StandaloneFlags,
): Promise<Exported> {
  await checkEmpty(output);
  const file = state === undefined ? {} : { state: { name: state, bytes: await readState(state) } };
  const { standalone } = await import("./standalone/standalone.ts");
  return standalone(program, { ...options, ...file, script: basename(script) });
}

function withFiles(target: CompileFlags["target"]): TargetName {
  if (target !== "c") return target;
  throw new UserError("--target c is for --standalone: one C file and its header");
}

function withoutStandalone({ seed, state, standalone: _, ...options }: Omit<StandaloneFlags, "target" | "entries">) {
  const [odd] = [seed === undefined ? [] : "--seed", state === undefined ? [] : "--state"].flat();
  if (odd !== undefined) throw new UserError(`${odd} is for --standalone: the files of other programs hold no states`);
  return options;
}

/** One --entries; it may be given several times. */
function parseEntries(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text];
}

/** A comma parts names, but where it stands in one. */
function entriesIn({ entries }: Program<unknown>, given: readonly string[]): readonly string[] {
  const names = given.flatMap((text) => (entries.has(text) ? [text] : text.split(",").map((name) => name.trim())));
  return [...new Set(names)];
}

/** What lies there may be states that somebody has trained. */
async function checkEmpty(folder: string): Promise<void> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw new UserError(`could not write to ${folder}: ${error.message}`);
  });
  const [first] = names;
  if (first === undefined) return;
  throw new UserError(`the folder ${folder} is not empty (it has ${first}): name another, or empty it`);
}

async function readState(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new UserError(`could not read ${path}: ${messageOf(error)}`);
  }
}
