/**
 * Commands one after the other in one process, for tests: a line on stdin is a list of them, as JSON (`[["graph", "a.ts"], ["run"]]`),
 * and the line that comes back what each wrote, and ended with. run-script.ts starts it, and has no other use for it than speed: of
 * the command as a process (its exit code, what nobody caught, a pipe that is closed) cli/run.test.ts starts the real one.
 */
import { createInterface } from "node:readline";
import { Command } from "commander";
import { addCompileCommand } from "../../src/tools/cli/compile-command.ts";
import { addExplainCommand } from "../../src/tools/cli/explain-command.ts";
import { addExploreCommand } from "../../src/tools/cli/explore-command.ts";
import { addGraphCommand } from "../../src/tools/cli/graph-command.ts";
import { addReportCommand } from "../../src/tools/cli/report-command.ts";
import { addRunCommand } from "../../src/tools/cli/run-command.ts";
import { addTuneCommand } from "../../src/tools/cli/tune-command.ts";
import { withVariables } from "../../src/tools/names/error-places.ts";
import { runCommand } from "../../src/tools/script.ts";

async function run(args: readonly string[]): Promise<void> {
  const command = new Command("tensorloom");
  addRunCommand(command);
  addGraphCommand(command);
  addExplainCommand(command);
  addExploreCommand(command);
  addCompileCommand(command);
  addReportCommand(command);
  addTuneCommand(command);
  await runCommand(command, args, false, withVariables);
}

/** Runs a command with our standard streams gathered; its exit code is not ours. */
async function gathered(args: readonly string[]): Promise<{ code: unknown; stdout: string; stderr: string }> {
  const written = { stdout: "", stderr: "" };
  const real = { stdout: process.stdout.write, stderr: process.stderr.write };
  for (const name of ["stdout", "stderr"] as const) {
    process[name].write = (text: string | Uint8Array) => {
      written[name] += text;
      return true;
    };
  }
  try {
    await run([...process.argv.slice(0, 2), ...args]);
  } finally {
    for (const name of ["stdout", "stderr"] as const) process[name].write = real[name];
    process.removeAllListeners("uncaughtException"); // those of `run`
  }
  const code = process.exitCode ?? 0;
  process.exitCode = 0;
  return { code, ...written };
}

for await (const line of createInterface({ input: process.stdin })) {
  const ends = [];
  for (const args of JSON.parse(line) as readonly (readonly string[])[]) ends.push(await gathered(args));
  process.stdout.write(`${JSON.stringify(ends)}\n`);
}
