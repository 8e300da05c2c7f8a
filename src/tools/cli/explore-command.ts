/**
 * The command line of `tensorloom explore`.
 *
 *   tensorloom explore mnist.ts --dims batch=128                     a page on this machine, until Ctrl+C
 *   tensorloom explore mnist.ts --dims batch=128 --html mnist.html   the same in one file
 */
import { basename } from "node:path";
import { type Command, Option } from "commander";
import { UserError } from "../../core/errors.ts";
import type { Program } from "../../dsl/program.ts";
import type { Dims } from "../../graph/shape.ts";
import { writeFileAtomically } from "../../io/files.ts";
import { type TargetName, targetNames } from "../../kernel/target.ts";
import { nodeTarget } from "../../node.ts";
import { firstF64 } from "../../program/check.ts";
import type { Skippable } from "../../stages.ts";
import type { TargetSetup } from "../../target-setup.ts";
import { chooseTarget } from "../../targets.ts";
import type { Exploration } from "../explorer/exploration.ts";
import { explore } from "../explorer/explore.ts";
import { measure } from "../explorer/measure.ts";
import { namingOf } from "../names/naming.ts";
import { checkDims, chooseEntry, dimsHelp, entryHelp, noNamesHelp, parseDims, parseSkip, skipHelp } from "./choose.ts";
import { wholePage } from "./explore-page.ts";
import { startServer } from "./explore-server.ts";
import { loadProgram } from "./load.ts";

interface ExploreFlags {
  readonly target?: TargetName;
  readonly entry?: string;
  readonly dims?: Dims;
  readonly skip?: readonly Skippable[];
  readonly html?: string;
  readonly names: boolean;
  readonly run: boolean;
}

export function addExploreCommand(program: Command): void {
  program
    .command("explore")
    .description("look into a script's program in a browser: stages, kernels, code, memory, line by line of the script")
    .argument("<script>", "exports a program or trainer as default; its main is not called")
    .addOption(new Option("--target <target>", "what to compile for (default: all, one after the other)").choices(targetNames)) // biome-ignore format: one line
    .option("--entry <name>", entryHelp)
    .option("--dims <sizes>", dimsHelp, parseDims)
    .option("--skip <stages>", skipHelp, parseSkip)
    .option("--html <file>", "write one file that opens without a server; it holds the script's source")
    .option(
      "--run",
      "run the entry here, on zeros, and show what each kernel took against the machine's ceiling",
      false,
    )
    .option("--no-names", noNamesHelp)
    .action(exploreScript);
}

type At = (entry: string, target: TargetName) => Promise<Exploration>;

async function exploreScript(script: string, flags: ExploreFlags): Promise<void> {
  const program = await loadProgram(script);
  const { dims = {}, skip = [], names, run } = flags;
  const entry = chooseEntry(program, flags.entry);
  checkDims(program, dims, "all");
  const naming = names ? namingOf(program) : undefined;
  const at: At = async (name, target) => {
    const options = { entry: name, target, dims, skip, naming, folder: process.cwd() };
    if (!run) return explore(program, options);
    const { setup, lack } = await setupOf(program, target);
    if (setup === undefined) {
      const made = explore(program, options);
      return { ...made, warnings: [...made.warnings, `not measured: ${lack}`] };
    }
    const measured = await measure(program, setup, { entry: name, dims });
    return explore(program, { ...options, bound: setup, measured });
  };
  if (flags.html === undefined) return serve(script, program, entry, flags, at);
  const made = flags.target === undefined ? await everyTarget(entry, at) : [await at(entry, flags.target)];
  const page = new TextEncoder().encode(await wholePage(basename(script), made));
  await writeFileAtomically(flags.html, page);
  const targets = made.map(({ target }) => target).join(", ");
  process.stdout.write(`${flags.html}: ${entry} on ${targets}, ${(page.length / 1024).toFixed(0)} KiB\n`);
}

/** The target on this machine, or what it lacks. */
async function setupOf(
  program: Program<unknown>,
  target: TargetName,
): Promise<{ readonly setup?: TargetSetup; readonly lack?: string }> {
  const { precision = "f32" } = program;
  try {
    const options = { ...(await nodeTarget(target, { precision })), precision };
    return { setup: await chooseTarget(options, firstF64(program) !== undefined) };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { lack: error.message };
  }
}

/** All that the program can be compiled for; a program that no target takes is told why the first does not. */
async function everyTarget(entry: string, at: At): Promise<readonly Exploration[]> {
  const refused: UserError[] = [];
  const made: Exploration[] = [];
  for (const target of targetNames) {
    try {
      made.push(await at(entry, target));
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      refused.push(error);
    }
  }
  const [first] = refused;
  if (made.length === 0 && first !== undefined) throw first;
  return made;
}

async function serve(
  script: string,
  { entries }: Program<unknown>,
  entry: string,
  { target = targetNames[0] }: ExploreFlags,
  at: At,
): Promise<void> {
  const names = [entry, ...[...entries.keys()].filter((name) => name !== entry)];
  const wanted = [target, ...targetNames.filter((name) => name !== target)];
  const choices = names.flatMap((name) => wanted.map((one) => ({ name, target: one })));
  const known = new Map<number, Promise<string>>();
  const made = async (choice: number): Promise<string> => {
    const chosen = choices[choice];
    if (chosen === undefined) throw new UserError(`there is no choice ${choice}`);
    return JSON.stringify(await at(chosen.name, chosen.target));
  };
  const server = await startServer({
    offer: {
      script: basename(script),
      choices: choices.map(({ name, target: one }, i) => ({
        entry: name,
        target: one,
        data: { kind: "address", at: `data/${i}` },
      })),
    },
    data(choice) {
      const data = known.get(choice) ?? made(choice);
      known.set(choice, data);
      return data;
    },
  });
  process.stdout.write(`${server.address}\nOpen it in a browser; Ctrl+C ends it.\n`);
  await new Promise<void>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => resolve());
  });
  await server.close();
}
