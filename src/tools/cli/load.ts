/**
 * The program that a user's script exports: its default export is a program or a trainer; `main` is left alone.
 *
 * The script's "tensorloom" must be the very modules that this command uses, since an op is known by its identity.
 */

import { UserError } from "../../core/errors.ts";
import { isRecord } from "../../core/records.ts";
import type { Program } from "../../dsl/program.ts";
import { neededNodes } from "../../graph/entry.ts";
import { input, state } from "../../graph/ops/source.ts";
import { Trainer } from "../../nn/trainer.ts";
import { lacksDefaultExport } from "./exports.ts";
import { findScript, importScript } from "./import-script.ts";

export interface Exported {
  readonly program: Program<unknown>;
  /** Where that is what the script exports. */
  readonly trainer: Trainer | undefined;
}

/**
 * The program that a script exports. Whatever goes wrong in the script is the user's error, with their line. `meanwhile` is done while
 * esbuild, another process, reads the script.
 */
export async function loadProgram(script: string, meanwhile: () => void = () => {}): Promise<Program<unknown>> {
  return (await loadExported(script, meanwhile)).program;
}

/** The program or trainer that a script exports. */
export async function loadExported(script: string, meanwhile: () => void = () => {}): Promise<Exported> {
  const noDefault = `${script} has no default export: end it with "export default program({ ... })", or a trainer`;
  const lacksDefault = lacksDefaultExport(findScript(script));
  meanwhile();
  if (await lacksDefault) throw new UserError(`${noDefault} (it was not run)`);
  const exported = (await importScript(script)).exports.default;
  if (exported === undefined) throw new UserError(noDefault);
  const program = isRecord(exported) && "program" in exported ? exported.program : exported;
  if (!isProgram(program)) {
    throw new UserError(`the default export of ${script} is neither a program nor a trainer`);
  }
  checkIsOurs(program, script);
  return { program, trainer: exported instanceof Trainer ? exported : undefined };
}

function isProgram(value: unknown): value is Program<unknown> {
  return (
    isRecord(value) &&
    "entries" in value &&
    value.entries instanceof Map &&
    "inputs" in value &&
    Array.isArray(value.inputs) &&
    "states" in value &&
    Array.isArray(value.states)
  );
}

/** Two copies of tensorloom do not know each other's ops. */
function checkIsOurs(program: Program<unknown>, script: string): void {
  for (const entry of program.entries.values()) {
    for (const { op } of neededNodes(entry)) {
      if ((op.name !== "input" || op === input) && (op.name !== "state" || op === state)) continue;
      throw new UserError(
        `${script} uses another copy of tensorloom than this command: run the command from the script's project, ` +
          "as npx tensorloom, and install tensorloom there only once",
      );
    }
  }
}
