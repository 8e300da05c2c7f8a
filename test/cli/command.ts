/**
 * The commands that look into a program, without the rest: what the tests of them start.
 *
 *   command.js graph script.ts                              as a user types it
 *   command.js --each '[["graph", "a.ts"], ["graph"]]'      one after the other in this process; what each wrote, as JSON
 */
import { Command } from "commander";
import { addCompileCommand } from "../../src/tools/cli/compile-command.ts";
import { addExplainCommand } from "../../src/tools/cli/explain-command.ts";
import { addGraphCommand } from "../../src/tools/cli/graph-command.ts";
import { runCommand } from "../../src/tools/script.ts";

async function run(args: readonly string[]): Promise<void> {
  const command = new Command("tensorloom");
  addGraphCommand(command);
  addExplainCommand(command);
  addCompileCommand(command);
  await runCommand(command, args);
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
  }
  const code = process.exitCode ?? 0;
  process.exitCode = 0;
  return { code, ...written };
}

const [, , first, lists = "[]"] = process.argv;
if (first === "--each") {
  const all = [];
  for (const args of JSON.parse(lists) as readonly (readonly string[])[]) all.push(await gathered(args));
  process.stdout.write(JSON.stringify(all));
} else await run(process.argv);
