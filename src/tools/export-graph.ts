/** The hook of exporters of graphs: an entry of a program, specialized and spelled by the exporter. */
import { type Spellings, spellGraph } from "../../codegen/graph-exporter.ts";
import { specializedEntry } from "../compile.ts";
import { UserError } from "../core/errors.ts";
import type { Program } from "../dsl/program.ts";
import type { Entry } from "../graph/entry.ts";
import type { Dims } from "../graph/shape.ts";

/** Writes an entry in another language: `spellings` for its ops, `frame` for what stands around them. */
export interface GraphExporter<T, Text> {
  readonly spellings: Spellings<T>;
  frame(entry: Entry, ops: readonly T[]): Text;
}

export function exportGraph<T, Text>(
  program: Program<unknown>,
  name: string,
  dims: Dims,
  { spellings, frame }: GraphExporter<T, Text>,
): Text {
  const written = program.entries.get(name);
  if (written === undefined) {
    throw new UserError(`there is no entry "${name}": the program has ${[...program.entries.keys()].join(", ")}`);
  }
  const entry = specializedEntry(written, dims);
  return frame(entry, spellGraph(entry, spellings));
}
