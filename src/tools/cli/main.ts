#!/usr/bin/env node
/**
 * The tensorloom command. Exit codes: 0 done, 1 something that is not the user's fault, 2 a wrong call or input.
 */
import { Command } from "commander";
import { version } from "../../core/version.ts";
import { withVariables } from "../names/error-places.ts";
import { runCommand } from "../script.ts";
import { addCompileCommand } from "./compile-command.ts";
import { doctor } from "./doctor.ts";
import { addExplainCommand } from "./explain-command.ts";
import { addExploreCommand } from "./explore-command.ts";
import { addExportCommand } from "./export-command.ts";
import { addGraphCommand } from "./graph-command.ts";
import { addReportCommand } from "./report-command.ts";
import { addRunCommand } from "./run-command.ts";
import { addTuneCommand } from "./tune-command.ts";

const command = new Command("tensorloom")
  .description("Compiles whole training steps into one program, for the GPU and the CPU.")
  .version(version, "-v, --version")
  .option("--debug", "show where an error came from", false)
  .showHelpAfterError("(tensorloom --help shows what there is)");

command
  .command("doctor")
  .description("say which targets work here, on what, and what to do about those that do not")
  .option("--json", "as one line of JSON", false)
  .action(async (options: { readonly json: boolean }) => {
    process.exitCode = await doctor(options);
  });

addRunCommand(command);
addGraphCommand(command);
addExplainCommand(command);
addExploreCommand(command);
addCompileCommand(command);
addExportCommand(command);
addReportCommand(command);
addTuneCommand(command);

// A reader that has seen enough (| head) closes the pipe: no error of anybody.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit();
});

// Nothing is left that could go on, and yet the command is not done. (It is not awaited at the top of this file: of such an await
// Node ends with a code of its own, and from 26 on shows our line as well.)
let [isDone, isIdle] = [false, false];
process.on("beforeExit", () => {
  isIdle = true;
});
process.on("exit", () => {
  if (isDone || !isIdle) return;
  process.exitCode = 2;
  process.stderr.write("error: the script awaits something that never comes, and nothing else is left to do\n");
});

// What a script has going, a timer say, is waited for where the script is run, and not where its program is looked at.
let isLookedAt = false;
command.hook("preAction", (_, action) => {
  isLookedAt = action.name() !== "run";
});

void run();

async function run(): Promise<void> {
  await runCommand(command, process.argv, isDebug(process.argv), withVariables);
  isDone = true;
  if (isLookedAt) process.stdout.write("", () => process.exit());
}

/** What stands behind -- is for the script. */
function isDebug(argv: readonly string[]): boolean {
  const end = argv.indexOf("--");
  return argv.slice(0, end < 0 ? argv.length : end).includes("--debug");
}
