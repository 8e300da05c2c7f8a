/**
 * tensorloom run: a user's script, TypeScript or JavaScript, and its `main` called with what stands behind `--`.
 *
 *   tensorloom run train.ts -- --epochs 3        export async function main(args: readonly string[]) { ... }
 *
 * An error in the script is its author's: a line, its place, and exit code 2; --debug shows the stack.
 */
import type { Command } from "commander";
import { UserError } from "../errors.ts";
import { importScript, usersError } from "./import-script.ts";

export function addRunCommand(program: Command): void {
  program
    .command("run")
    .description("run a script: call the main(args) that it exports")
    .argument("<script>", "exports main; TypeScript or JavaScript")
    .argument("[args...]", "what main is called with, behind --")
    .action(runScript);
}

async function runScript(script: string, args: readonly string[]): Promise<void> {
  process.argv = [process.execPath, script, ...args]; // as node script.ts would have it
  const { path, exports } = await importScript(script);
  const { main } = exports;
  if (typeof main !== "function") {
    throw new UserError(
      `${script} has no main to run: export async function main(args: readonly string[]) { ... } from it`,
    );
  }
  try {
    await main(args);
  } catch (error) {
    throw usersError(error, path, `main of ${script} failed`);
  }
}
