/**
 * Indented text, built from the outside in, into which lines can still be put before a block that is being written.
 *
 *   w.block("for (...) {", () => {        const at0 = i * 512;
 *     w.line("const at0 = i * 512;", 0);  for (...) {
 *     w.line("y[at0] = 1;");        ->      y[at0] = 1;
 *   });                                   }
 *
 * So a printer that meets a loop-invariant expression inside a loop prints it in front of the loop, in one walk.
 */
import { CompilerBug } from "../src/core/errors.ts";

/** What stands in a block: lines, and the blocks in it. */
type Lines = (string | Lines)[];

export class Writer {
  /** Each open block, outermost first. */
  readonly #open: Lines[] = [[]];

  /** How many blocks are open. */
  get depth(): number {
    return this.#open.length - 1;
  }

  /** Adds a line to the innermost block, or to the open block at `depth`: there it stands before what is open inside. */
  line(text: string, depth = this.#open.length - 1): void {
    const block = this.#open[depth];
    if (block === undefined) throw new CompilerBug(`no block is open at depth ${depth}`);
    block.push(text);
  }

  /** Writes `header`, what `body` writes, indented, and `footer`. */
  block(header: string, body: () => void, footer = "}"): void {
    const inner: Lines = [];
    this.#open.push(inner);
    body();
    this.#open.pop();
    const outer = this.#open[this.depth];
    if (outer === undefined) throw new CompilerBug("no block is open");
    outer.push(header, inner, footer);
  }

  /** What was written so far, without a newline at the end. */
  toString(): string {
    const all: string[] = [];
    indent(all, this.#open[0] ?? [], "");
    return all.join("\n");
  }
}

function indent(all: string[], lines: Lines, before: string): void {
  for (let i = 0; i < lines.length; i += 1) {
    const line = lines[i];
    if (typeof line === "string") all.push(before + line);
    else if (line !== undefined) indent(all, line, `${before}  `);
  }
}
