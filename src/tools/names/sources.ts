/**
 * The user's files, each read and parsed once, when something points into it; and the call that stands at a place in one.
 *
 * What cannot be told is null and no error: a file that is not there (any more), is no script, is larger than people write, or has other
 * text at that place than the program was made of. Mistakes in the syntax are no obstacle, as the parser goes on behind them.
 */
import { readFileSync, statSync } from "node:fs";
import { loadTypeScript, type TypeScript, type ts } from "./typescript.ts";

/** Bytes. What is larger was made by a program, and so were its names. */
const largestFile = 2_000_000;
/** Characters. A longer line was made by a program. */
const longestLine = 2_000;

const isScript = /\.[cm]?[jt]sx?$/;

export class Sources {
  readonly #files = new Map<string, ts.SourceFile | null>();
  readonly #calls = new Map<string, ts.Expression | null>();
  #typeScript: TypeScript | null | undefined;

  /** Null where it cannot be loaded. */
  get typeScript(): TypeScript | null {
    if (this.#typeScript === undefined) this.#typeScript = loadTypeScript();
    return this.#typeScript;
  }

  /** The call at "file:line:column" (both from 1), as stacks tell it: the place of its name, or of the bracket behind. */
  callAt(place: string): ts.Expression | null {
    const known = this.#calls.get(place);
    if (known !== undefined) return known;
    const found = this.#find(place);
    this.#calls.set(place, found);
    return found;
  }

  #find(place: string): ts.Expression | null {
    const [, path = "", line = "", column = ""] = /^(.+):(\d+):(\d+)$/.exec(place) ?? [];
    const file = this.#file(path);
    const typeScript = this.typeScript;
    if (file === null || typeScript === null) return null;
    const start = file.getLineStarts()[Number(line) - 1];
    if (start === undefined) return null;
    const next = file.getLineStarts()[Number(line)] ?? file.end;
    const position = start + Number(column) - 1;
    if (position >= next || next - start > longestLine) return null;
    return callAround(typeScript, file, position);
  }

  #file(path: string): ts.SourceFile | null {
    const known = this.#files.get(path);
    if (known !== undefined) return known;
    const file = this.#parsed(path);
    this.#files.set(path, file);
    return file;
  }

  #parsed(path: string): ts.SourceFile | null {
    const text = isScript.test(path) ? textOf(path) : null;
    if (text === null || this.typeScript === null) return null;
    const { createSourceFile, JSDocParsingMode, ScriptTarget } = this.typeScript;
    const options = { languageVersion: ScriptTarget.Latest, jsDocParsingMode: JSDocParsingMode.ParseNone };
    try {
      return createSourceFile(path, text, options, true);
    } catch {
      return null; // nested deeper than the parser's stack
    }
  }
}

function textOf(path: string): string | null {
  try {
    const about = statSync(path);
    return about.isFile() && about.size <= largestFile ? readFileSync(path, "utf8") : null;
  } catch {
    return null;
  }
}

/** The innermost call whose function is named at a position, or called there. */
function callAround(ts: TypeScript, file: ts.SourceFile, position: number): ts.Expression | null {
  let node: ts.Node = file;
  for (let inner: ts.Node | undefined = file; inner !== undefined; ) {
    node = inner;
    inner = ts.forEachChild(node, (child) => (child.pos <= position && position < child.end ? child : undefined));
  }
  for (let around: ts.Node | undefined = node; around !== undefined; around = around.parent) {
    if (ts.isCallExpression(around) || ts.isNewExpression(around)) {
      const { expression } = around;
      if (position >= expression.getStart(file) && position <= expression.end) return around;
    }
    if (ts.isFunctionLike(around)) return null;
  }
  return null;
}
