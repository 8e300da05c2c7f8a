/**
 * Scripts (Node only): flags from the command line, and errors as a person wants to read them.
 *
 *   const flags = { epochs: { kind: "count", default: 5, about: "how often to go through the data" } } as const;
 *
 *   export function main(args: readonly string[]) {                            tensorloom run train.ts -- --epochs 3
 *     const { epochs } = parseFlags({ name: "train", about: "Trains my model.", flags }, args);
 *   }
 *
 *   await script({ name: "train", about, flags }, async ({ epochs }) => { ... });     npx tsx train.ts --epochs 3
 *
 * A wrong flag, and any UserError, is one clear line and exit code 2. What is not the user's fault keeps its stack and
 * exits with 1.
 */
import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { UserError } from "../core/errors.ts";
import { checkOptions, checkValue, type OptionTable, object, oneOf, text } from "../core/options.ts";

/** A flag: text, a number or a switch. */
export type FlagDefinition =
  /** A whole number, `least` (1) or more. With the default "auto" that word may be given too. */
  | { readonly kind: "count"; readonly default: number | "auto"; readonly least?: number; readonly about: string }
  /** Any number. */
  | { readonly kind: "number"; readonly default: number; readonly about: string }
  /** Text; undefined where it is not given. */
  | { readonly kind: "text"; readonly about: string }
  | { readonly kind: "choice"; readonly of: readonly string[]; readonly default: string; readonly about: string }
  /** True where it is given. */
  | { readonly kind: "switch"; readonly about: string };

type FlagValue<F> = F extends { readonly kind: "count" | "number"; readonly default: infer D }
  ? number | (D extends "auto" ? "auto" : never)
  : F extends { readonly kind: "text" }
    ? string | undefined
    : F extends { readonly kind: "choice"; readonly of: readonly (infer C)[] }
      ? C
      : boolean;

export type FlagDefinitions = Readonly<Record<string, FlagDefinition>>;
/** The values of flags, by name. */
export type FlagValues<F extends FlagDefinitions> = { readonly [N in keyof F]: FlagValue<F[N]> };

const kinds: readonly FlagDefinition["kind"][] = ["count", "number", "text", "choice", "switch"];

/** A command: what `script` and `parseFlags` are given. */
export interface Script<F extends FlagDefinitions> {
  /** What --help calls it. */
  readonly name: string;
  /** One sentence for --help. */
  readonly about: string;
  /** By name; "fromScratch" is --from-scratch. */
  readonly flags: F;
}

/** Reads the command line of this process, runs `main`, and sets the exit code. */
export async function script<const F extends FlagDefinitions>(
  definition: Script<F>,
  main: (flags: FlagValues<F>) => void | Promise<void>,
): Promise<void> {
  checkScript("script", definition);
  await runCommand(commandOf(definition).action(main), process.argv);
}

/**
 * The flags that `args` give, for the `main` of a script that `tensorloom run` starts. A wrong flag is told on stderr and
 * `--help` on stdout; both throw then, and `tensorloom run` exits with 2 or 0 and no further word.
 */
export function parseFlags<const F extends FlagDefinitions>(
  definition: Script<F>,
  args: readonly string[],
): FlagValues<F> {
  checkScript("parseFlags", definition);
  return commandOf(definition)
    .exitOverride()
    .parse([...args], { from: "user" })
    .opts<FlagValues<F>>();
}

const scriptTable: OptionTable<Script<FlagDefinitions>> = { name: text, about: text, flags: object() };

function checkScript(call: string, definition: Script<FlagDefinitions>): void {
  const { name, about, flags } = checkOptions(call, definition, scriptTable);
  if (name === undefined || about === undefined || flags === undefined) {
    throw new UserError(`${call} takes { name, about, flags }`);
  }
  for (const [flag, given] of Object.entries(flags)) {
    checkValue(`${call}: the flag ${flag}`, "kind", given?.kind, oneOf(...kinds));
  }
}

function commandOf({ name, about, flags }: Script<FlagDefinitions>): Command {
  const command = new Command(name).description(about).allowExcessArguments(false);
  for (const [flag, definition] of Object.entries(flags)) command.addOption(toOption(flag, definition));
  return command;
}

/**
 * Runs a commander program with our exit codes: 2 for the user's errors, 1 for others. `debug` shows every stack; `explained` may say more
 * in an error.
 */
export async function runCommand(
  command: Command,
  args: readonly string[],
  debug = false,
  explained: (error: unknown) => unknown = (error) => error,
): Promise<void> {
  for (const each of [command, ...command.commands]) each.exitOverride();
  try {
    await command.parseAsync([...args]);
  } catch (error) {
    process.exitCode = tell(explained(error), debug);
  }
}

/** Writes an error to stderr as its reader needs it, and gives the exit code. */
export function tell(error: unknown, debug: boolean): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2; // commander has told already
  if (error instanceof UserError && !debug) {
    process.stderr.write(`error: ${error.message}\n`);
    return 2;
  }
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  return error instanceof UserError ? 2 : 1;
}

function toOption(name: string, flag: FlagDefinition): Option {
  const dashed = `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
  switch (flag.kind) {
    case "switch":
      return new Option(dashed, flag.about).default(false, "off");
    case "text":
      return new Option(`${dashed} <text>`, flag.about);
    case "choice":
      return new Option(`${dashed} <name>`, flag.about).choices(flag.of).default(flag.default);
    case "number":
      return new Option(`${dashed} <number>`, flag.about).default(flag.default).argParser(toNumber);
    case "count":
      return new Option(`${dashed} <n>`, flag.about)
        .default(flag.default)
        .argParser((text) => (text === flag.default ? text : toCount(text, flag.least ?? 1)));
  }
}

function toNumber(text: string): number {
  const value = text.trim() === "" ? Number.NaN : Number(text);
  if (!Number.isFinite(value)) throw new InvalidArgumentError("It must be a number.");
  return value;
}

function toCount(text: string, least: number): number {
  const value = toNumber(text);
  if (Number.isSafeInteger(value) && value >= least) return value;
  throw new InvalidArgumentError(`It must be a whole number, ${least} or more.`);
}
