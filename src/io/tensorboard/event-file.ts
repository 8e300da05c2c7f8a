/**
 * An event file that is being written: records wait in memory and are appended as fast as the disk takes them, so that nobody
 * who writes one waits. Node only.
 *
 * The file is opened for each piece and closed again: nothing is left open where a run ends by an error, and each piece is a
 * whole number of records.
 */
import { writeFileSync } from "node:fs";
import { appendFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { UserError } from "../../core/errors.ts";
import { fileProblem } from "../files.ts";
import { makeFolder } from "../folder.ts";
import { encodeVersion } from "./event-writing.ts";
import { RecordFramer } from "./records.ts";

export class EventFile {
  readonly path: string;
  readonly #framer = new RecordFramer();
  #waiting: Uint8Array[] = [];
  /** Ends when nothing waits any more; it does not fail. */
  #writing: Promise<void> | null = null;
  #failure: unknown = null;

  /** Makes the folder and a new file in it. A UserError says why it cannot be done. */
  constructor(folder: string) {
    const time = Date.now() / 1000;
    const first = this.#framer.frame(encodeVersion(time));
    if (folder.includes("tfevents")) {
      throw new UserError(
        `${folder}: TensorBoard takes a folder with "tfevents" in its name for a file: name it otherwise`,
      );
    }
    try {
      makeFolder(folder);
      this.path = newFile(folder, Math.floor(time), first);
    } catch (error) {
      throw new UserError(`${folder}: no event file can be written there: ${fileProblem(error)}`, { cause: error });
    }
  }

  /** Takes a record. Throws where an earlier one could not be written. */
  add(record: Uint8Array): void {
    this.#check();
    this.#waiting.push(this.#framer.frame(record));
    this.#writing ??= this.#write();
  }

  /** Waits until all is on the disk. */
  async flush(): Promise<void> {
    await this.#writing;
    this.#check();
  }

  async #write(): Promise<void> {
    await null; // what is written in the same turn goes in one piece
    while (this.#waiting.length > 0 && this.#failure === null) {
      const piece = Buffer.concat(this.#waiting);
      this.#waiting = [];
      try {
        await appendFile(this.path, piece);
      } catch (error) {
        this.#failure = error;
      }
    }
    this.#writing = null;
  }

  #check(): void {
    if (this.#failure === null) return;
    throw new UserError(`${this.path}: could not be written: ${fileProblem(this.#failure)}`, { cause: this.#failure });
  }
}

/** A name like those of TensorFlow; TensorBoard reads the files of a folder in the order of their names. */
function newFile(folder: string, seconds: number, first: Uint8Array): string {
  const host = hostname().replace(/[^\w-]/g, "_");
  for (let i = 0; ; i++) {
    const path = join(folder, `events.out.tfevents.${seconds}.${host}.${process.pid}.${i}.v2`);
    try {
      writeFileSync(path, first, { flag: "wx" });
      return path;
    } catch (error) {
      const isThere = error instanceof Error && "code" in error && error.code === "EEXIST";
      if (!isThere) throw error;
    }
  }
}
