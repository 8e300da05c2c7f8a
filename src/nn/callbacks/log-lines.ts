/**
 * A text file of a line for each epoch, as loggers write it: a line is on the disk when the next step begins. Node only.
 *
 * Where a run goes on the file goes on too, without the lines of epochs that will be trained again.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { appendFile } from "node:fs/promises";
import { dirname } from "node:path";
import { UserError } from "../../core/errors.ts";
import { atLine, here, type Origin } from "../../core/origin.ts";
import { fileProblem } from "../../io/files.ts";
import { makeFolder } from "../../io/folder.ts";

export class LineFile {
  readonly #path: string;
  readonly #call: string;
  readonly #origin: Origin;

  constructor(call: string, path: string) {
    this.#path = path;
    this.#call = call;
    this.#origin = here(call);
  }

  /** The lines that are there, without their ends; none where there is no file. */
  lines(): readonly string[] {
    return this.#guarded(() => {
      const text = textOf(this.#path);
      return text === "" ? [] : text.replace(/\r?\n$/, "").split(/\r?\n/);
    });
  }

  /** Begins anew, with these lines. */
  begin(lines: readonly string[]): void {
    this.#guarded(() => {
      makeFolder(dirname(this.#path));
      writeFileSync(this.#path, lines.map((line) => `${line}\n`).join(""));
    });
  }

  async add(line: string): Promise<void> {
    try {
      await appendFile(this.#path, `${line}\n`);
    } catch (error) {
      throw this.#failed(error);
    }
  }

  /** What is wrong with the file, for its user. */
  refuse(why: string): UserError {
    return new UserError(`${this.#call}: ${this.#path}: ${why}${atLine(this.#origin)}`);
  }

  #guarded<T>(run: () => T): T {
    try {
      return run();
    } catch (error) {
      throw this.#failed(error);
    }
  }

  #failed(error: unknown): UserError {
    const why = `${this.#call}: ${this.#path}: could not be written: ${fileProblem(error)}${atLine(this.#origin)}`;
    return new UserError(why, { cause: error });
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return "";
    throw error;
  }
}
