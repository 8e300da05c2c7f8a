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
import type { Skippable } from "../../stages.ts";
import type { Exploration } from "../explorer/exploration.ts";
import { explore } from "../explorer/explore.ts";
import { checkDims, chooseEntry, dimsHelp, entryHelp, parseDims, parseSkip, skipHelp } from "./choose.ts";
import { wholePage } from "./explore-page.ts";
import { startServer } from "./explore-server.ts";
import { loadProgram } from "./load.ts";

interface ExploreFlags {
  readonly target?: TargetName;
  readonly entry?: string;
  readonly dims?: Dims;
  readonly skip?: readonly Skippable[];
  readonly html?: string;
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
    .action(exploreScript);
}

async function exploreScript(script: string, flags: ExploreFlags): Promise<void> {
  const program = await loadProgram(script);
  const { dims = {} } = flags;
  const entry = chooseEntry(program, flags.entry);
  checkDims(program, dims, "all");
  const at = (name: string, target: TargetName): Exploration =>
    explore(program, { entry: name, target, dims, folder: process.cwd(), ...skipped(flags) });
  if (flags.html === undefined) return serve(script, program, entry, flags, at);
  const made = flags.target === undefined ? everyTarget(entry, at) : [at(entry, flags.target)];
  const page = new TextEncoder().encode(await wholePage(basename(script), made));
  await writeFileAtomically(flags.html, page);
  const targets = made.map(({ target }) => target).join(", ");
  process.stdout.write(`${flags.html}: ${entry} on ${targets}, ${(page.length / 1024).toFixed(0)} KiB\n`);
}

function skipped({ skip }: ExploreFlags): { readonly skip?: readonly Skippable[] } {
  return skip === undefined ? {} : { skip };
}

/** All that the program can be compiled for; a program that no target takes is told why the first does not. */
function everyTarget(entry: string, at: (entry: string, target: TargetName) => Exploration): readonly Exploration[] {
  const refused: UserError[] = [];
  const made = targetNames.flatMap((target): Exploration[] => {
    try {
      return [at(entry, target)];
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      refused.push(error);
      return [];
    }
  });
  const [first] = refused;
  if (made.length === 0 && first !== undefined) throw first;
  return made;
}

async function serve(
  script: string,
  { entries }: Program<unknown>,
  entry: string,
  { target = targetNames[0] }: ExploreFlags,
  at: (entry: string, target: TargetName) => Exploration,
): Promise<void> {
  const names = [entry, ...[...entries.keys()].filter((name) => name !== entry)];
  const wanted = [target, ...targetNames.filter((name) => name !== target)];
  const choices = names.flatMap((name) => wanted.map((one) => ({ name, target: one })));
  const known = new Map<number, string>();
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
      const chosen = choices[choice];
      if (chosen === undefined) throw new UserError(`there is no choice ${choice}`);
      const made = known.get(choice) ?? JSON.stringify(at(chosen.name, chosen.target));
      known.set(choice, made);
      return made;
    },
  });
  process.stdout.write(`${server.address}\nOpen it in a browser; Ctrl+C ends it.\n`);
  await new Promise<void>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => resolve());
  });
  await server.close();
}
