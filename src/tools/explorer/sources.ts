/**
 * The user's lines: the places that nodes come from, and the files that these are in. Files are read only where a node names them, and
 * never ours or a package's: an exploration may be mailed.
 */
import { readFileSync } from "node:fs";
import { basename, isAbsolute, relative, sep } from "node:path";
import { type Origin, userCalls, userLine } from "../../core/origin.ts";
import type { Node } from "../../graph/node.ts";
import type { Place, Source } from "./exploration.ts";

/** What a file must not be larger than to be shown. */
const mostBytes = 400_000;

export class Places {
  readonly #places: Place[] = [];
  readonly #ids = new Map<string, number>();
  readonly #sources: Source[] = [];
  readonly #files = new Map<string, number | null>();
  readonly #traces = new Map<Error, readonly number[]>();
  readonly #folder: string;

  /** Files are named from `folder` on. */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /** The lines that made a node, each once: from the entry's function inwards, and no line where the engine keeps no stacks. */
  of({ origins }: Node): readonly number[] {
    return [...new Set(origins.flatMap((origin) => this.#ofOrigin(origin)))];
  }

  /** Most nodes share the traces of others: those of other stages, and derivatives. */
  #ofOrigin(origin: Origin): readonly number[] {
    const known = this.#traces.get(origin.trace);
    if (known !== undefined) return known;
    const line = userLine(origin);
    const calls = userCalls(origin).map(({ place }) => place);
    const found = [...calls, ...(line === null ? [] : [line])].flatMap((place) => this.#id(place) ?? []);
    this.#traces.set(origin.trace, found);
    return found;
  }

  get places(): readonly Place[] {
    return this.#places;
  }

  get sources(): readonly Source[] {
    return this.#sources;
  }

  #id(text: string): number | null {
    const known = this.#ids.get(text);
    if (known !== undefined) return known;
    const [, file, line, column] = /^(.*):(\d+):(\d+)$/.exec(text) ?? [];
    if (file === undefined || isPackage(file)) return null;
    const id = this.#places.length;
    this.#places.push({
      source: this.#source(file),
      file: this.#named(file),
      line: Number(line),
      column: Number(column),
    });
    this.#ids.set(text, id);
    return id;
  }

  #source(file: string): number | null {
    const known = this.#files.get(file);
    if (known !== undefined) return known;
    const text = readText(file);
    const id = text === null ? null : this.#sources.length;
    if (text !== null) this.#sources.push({ path: this.#named(file), text });
    this.#files.set(file, id);
    return id;
  }

  /** Without the folders above, which are nobody's business. */
  #named(file: string): string {
    const path = relative(this.#folder, file);
    return path.startsWith("..") || isAbsolute(path) ? basename(file) : path.split(sep).join("/");
  }
}

function isPackage(file: string): boolean {
  return file.split(/[\\/]/).includes("node_modules");
}

function readText(file: string): string | null {
  try {
    const text = readFileSync(file, "utf8");
    return text.length > mostBytes ? null : text;
  } catch {
    return null;
  }
}
