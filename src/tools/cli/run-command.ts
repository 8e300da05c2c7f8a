/**
 * tensorloom run: a user's script, TypeScript or JavaScript, and its `main`, if it has one, called with what stands behind `--`.
 *
 *   tensorloom run train.ts -- --epochs 3        export async function main(args: readonly string[]) { ... }
 *
 * An error in the script is its author's: a line, its place, and exit code 2; --debug shows the stack.
 */
import type { Command } from "commander";
import { withVariables } from "../names/error-places.ts";
import { tell } from "../script.ts";
import { findScript, importScript, usersError } from "./import-script.ts";

export function addRunCommand(program: Command): void {
  program
    .command("run")
    .description("run a script, and call the main(args) that it exports, if any")
    .argument("<script>", "TypeScript or JavaScript")
    .argument("[args...]", "what main is called with, and finds in process.argv, behind --")
    .option("--profile", "say at its end where the time went, kernel by kernel", false)
    .option("--trace <file>", "the same as a trace, which ui.perfetto.dev opens")
    .option(
      "--profile-steps <from-to>",
      "which runs of each entry count: 10-20 passes over ten, and looks at ten (default: all)",
    )
    .showHelpAfterError("(flags of the script itself go behind --: tensorloom run train.ts -- --epochs 5)")
    .action(runScript);
}

interface RunFlags {
  readonly profile: boolean;
  readonly trace?: string;
  readonly profileSteps?: string;
}

async function runScript(script: string, args: readonly string[], flags: RunFlags, command: Command): Promise<void> {
  const { profile, trace, profileSteps } = flags;
  if (!profile && trace === undefined && profileSteps === undefined) {
    await runPlainly(script, args, command);
    return;
  }
  findScript(script);
  const { parseSteps, profileRun } = await import("./profile-run.ts");
  const options = {
    width: process.stderr.columns ?? 80,
    ...(trace === undefined ? {} : { trace }),
    ...(profileSteps === undefined ? {} : { steps: parseSteps(profileSteps) }),
  };
  // What a script that has no main leaves going is waited for, as without a profile.
  const run = async (): Promise<void> => {
    const idle = new Promise<void>((resolve) => process.once("beforeExit", () => resolve()));
    if (!(await runPlainly(script, args, command))) await idle;
  };
  await profileRun(run, options, (text) => process.stderr.write(text));
}

/** Whether the script has a main, which is over now. */
async function runPlainly(script: string, args: readonly string[], command: Command): Promise<boolean> {
  const path = findScript(script);
  let what = script;
  const asUsers = (error: unknown): Error => usersError(error, path, `${what} failed`);
  // What a script leaves behind, a timer or a promise that nobody awaits, ends as the script itself does.
  process.on("uncaughtException", (error) => {
    process.exit(tell(withVariables(asUsers(error)), command.parent?.opts().debug === true));
  });
  const { main } = (await importScript(script, args)).exports;
  if (typeof main !== "function") return false; // importing it has run it
  what = `main of ${script}`;
  try {
    await main(args);
    return true;
  } catch (error) {
    throw asUsers(error);
  }
}
