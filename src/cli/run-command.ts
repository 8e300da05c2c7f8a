/**
 * tensorloom run: a user's script, TypeScript or JavaScript, and its `main` called with what stands behind `--`.
 *
 *   tensorloom run train.ts -- --epochs 3        export async function main(args: readonly string[]) { ... }
 *
 * An error in the script is its author's: a line, its place, and exit code 2; --debug shows the stack.
 */
import type { Command } from "commander";
import { UserError } from "../errors.ts";
import { tell } from "../script.ts";
import { importScript, usersError } from "./import-script.ts";

export function addRunCommand(program: Command): void {
  program
    .command("run")
    .description("run a script: call the main(args) that it exports")
    .argument("<script>", "exports main; TypeScript or JavaScript")
    .argument("[args...]", "what main is called with, behind --")
    .showHelpAfterError("(flags of the script itself go behind --: tensorloom run train.ts -- --epochs 5)")
    .action(runScript);
}

async function runScript(script: string, args: readonly string[], _: object, command: Command): Promise<void> {
  const { path, exports } = await importScript(script, args);
  const { main } = exports;
  if (typeof main !== "function") {
    throw new UserError(
      `${script} has no main to run: export async function main(args: readonly string[]) { ... } from it`,
    );
  }
  const asUsers = (error: unknown): Error => usersError(error, path, `main of ${script} failed`);
  // What main left behind, a timer or a promise that nobody awaits, ends as main itself does.
  process.on("uncaughtException", (error) => {
    process.exit(tell(asUsers(error), command.parent?.opts().debug === true));
  });
  try {
    await main(args);
  } catch (error) {
    throw asUsers(error);
  }
}
