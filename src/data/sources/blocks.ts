/**
 * Blocks: a file read piece by piece, each piece whole lines, so that a file may be larger than memory. Node only.
 */
import { type FileHandle, open, stat } from "node:fs/promises";
import { DataError, messageOf } from "../../core/errors.ts";

/** Bytes read at a time. */
const blockBytes = 1 << 19;
/** A line longer than this is no line: a quote was never closed, or it is no text. */
const longestLine = 1 << 26;

/** Where the last whole line of buffer[0] to buffer[length - 1] ends; 0 where there is none. */
export type LineEnd = (buffer: Buffer, length: number) => number;

export const lastNewline: LineEnd = (buffer, length) => buffer.lastIndexOf(10, length - 1) + 1;

export class LineBlocks {
  readonly path: string;
  #file: FileHandle | null = null;
  #buffer = Buffer.allocUnsafe(2 * blockBytes);
  /** Bytes in the buffer: behind `#used` those that are still to be given. */
  #length = 0;
  #used = 0;
  #isOver = false;
  readonly #endOf: LineEnd;

  constructor(path: string, endOf: LineEnd) {
    this.path = path;
    this.#endOf = endOf;
  }

  /** The next whole lines, until the next call; null behind the last. What ends without a newline is a line too. */
  async next(): Promise<Buffer | null> {
    this.#buffer.copyWithin(0, this.#used, this.#length);
    this.#length -= this.#used;
    this.#used = 0;
    for (;;) {
      if (!this.#isOver) await this.#read();
      const end = this.#isOver ? this.#length : this.#endOf(this.#buffer, this.#length);
      this.#used = end;
      if (end > 0) return this.#buffer.subarray(0, end);
      if (this.#isOver) return null;
      if (this.#length > longestLine) throw new DataError(`${this.path}: a line has more than ${longestLine} bytes: a quote that is never closed, or no text file`); // biome-ignore format: short
    }
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = null;
    this.#isOver = true;
    await file?.close();
  }

  async #read(): Promise<void> {
    this.#file ??= await openFile(this.path);
    if (this.#buffer.length - this.#length < blockBytes) {
      const larger = Buffer.allocUnsafe(2 * this.#buffer.length);
      this.#buffer.copy(larger, 0, 0, this.#length);
      this.#buffer = larger;
    }
    const { bytesRead } = await this.#file.read(this.#buffer, this.#length, blockBytes, null);
    this.#length += bytesRead;
    if (bytesRead === 0) await this.close();
  }
}

/** Opens a file to read; a DataError says why that cannot be done. */
export async function openFile(path: string): Promise<FileHandle> {
  try {
    if (!(await stat(path)).isFile()) throw new Error("it is no file"); // to open a pipe would wait for a writer
    return await open(path, "r");
  } catch (error) {
    const isMissing = error instanceof Error && "code" in error && error.code === "ENOENT";
    const why = isMissing ? "there is no such file" : messageOf(error);
    throw new DataError(`${path}: could not be read: ${why}`, { cause: error });
  }
}
