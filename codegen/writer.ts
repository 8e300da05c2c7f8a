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

export class Writer {
  /** The lines of each open block, outermost first. */
  readonly #open: string[][] = [[]];

  /** How many blocks are open. */
  get depth(): number {
    return this.#open.length - 1;
  }

  /** Adds a line to the innermost block, or to the open block at `depth`: there it stands before what is open inside. */
  line(text: string, depth = this.depth): void {
    const block = this.#open[depth];
    if (block === undefined) throw new CompilerBug(`no block is open at depth ${depth}`);
    block.push(text);
  }

  /** Writes `header`, what `body` writes, indented, and `footer`. */
  block(header: string, body: () => void, footer = "}"): void {
    const inner: string[] = [];
    this.#open.push(inner);
    body();
    this.#open.pop();
    const outer = this.#open[this.depth];
    if (outer === undefined) throw new CompilerBug("no block is open");
    outer.push(header);
    for (let i = 0; i < inner.length; i += 1) outer.push(`  ${inner[i]}`);
    outer.push(footer);
  }

  /** What was written so far, without a newline at the end. */
  toString(): string {
    return (this.#open[0] ?? []).join("\n");
  }
}
