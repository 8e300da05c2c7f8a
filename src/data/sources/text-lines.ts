/** Text files as datasets of their lines: read in blocks, so a file may be larger than memory. Node only. */
import { checkArguments, checkValue, text } from "../../core/options.ts";
import { Cursor, type MaybePromise } from "../pipeline/cursor.ts";
import { Dataset } from "../pipeline/dataset.ts";
import { LineBlocks, lastNewline } from "./blocks.ts";

/** The lines of a UTF-8 text file, without their ends (LF or CRLF); empty ones too. */
export function textLines(path: string): Dataset<string> {
  checkArguments("textLines", arguments, 1);
  checkValue("textLines", "the path", path, text);
  return new Dataset<string>({ open: () => new LinesCursor(path), size: null });
}

class LinesCursor extends Cursor<string> {
  readonly #blocks: LineBlocks;
  #lines: readonly string[] | null = null;
  #at = -1;

  constructor(path: string) {
    super();
    this.#blocks = new LineBlocks(path, lastNewline);
  }

  advance(): MaybePromise<boolean> {
    return this.#lines !== null && ++this.#at < this.#lines.length ? true : this.#readOn();
  }

  async #readOn(): Promise<boolean> {
    const block = await this.#blocks.next();
    if (block === null) return false;
    const whole = block.toString("utf8");
    const lines = (this.#lines === null ? whole.replace(/^\uFEFF/, "") : whole).split(/\r?\n/);
    if (whole.endsWith("\n")) lines.pop();
    this.#lines = lines;
    this.#at = 0;
    return true;
  }

  value(): string {
    return this.#lines?.[this.#at] ?? "";
  }

  override close(): Promise<void> {
    return this.#blocks.close();
  }
}
