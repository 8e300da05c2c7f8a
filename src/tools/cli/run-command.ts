/**
 * tensorloom run: a user's script, TypeScript or JavaScript, and its `main`, if it has one, called with what stands behind `--`.
 *
 *   tensorloom run train.ts -- --epochs 3        export async function main(args: readonly string[]) { ... }
 *
 * An error in the script is its author's: a line, its place, and exit code 2; --debug shows the stack.
 */
import type { Command } from "commander";
import { tell } from "../script.ts";
import { findScript, importScript, usersError } from "./import-script.ts";

export function addRunCommand(program: Command): void {
  program
    .command("run")
    .description("run a script, and call the main(args) that it exports, if any")
    .argument("<script>", "TypeScript or JavaScript")
    .argument("[args...]", "what main is called with, and finds in process.argv, behind --")
    .showHelpAfterError("(flags of the script itself go behind --: tensorloom run train.ts -- --epochs 5)")
    .action(runScript);
}

async function runScript(script: string, args: readonly string[], _: object, command: Command): Promise<void> {
  const path = findScript(script);
  let what = script;
  const asUsers = (error: unknown): Error => usersError(error, path, `${what} failed`);
  // What a script leaves behind, a timer or a promise that nobody awaits, ends as the script itself does.
  process.on("uncaughtException", (error) => {
    process.exit(tell(asUsers(error), command.parent?.opts().debug === true));
  });
  const { main } = (await importScript(script, args)).exports;
  if (typeof main !== "function") return; // importing it has run it
  what = `main of ${script}`;
  try {
    await main(args);
  } catch (error) {
    throw asUsers(error);
  }
}
