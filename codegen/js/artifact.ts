/** What the `js` target prints for an entry: the functions of its kernels, as one text that needs nothing from us. */
import type { Artifact } from "../../src/program/artifact.ts";

export interface JsArtifact extends Artifact {
  /** Declarations only: no `return`, no `export`. */
  readonly source: string;
  /** The name of each kernel's function, each once, in the order in which it comes first. */
  readonly names: readonly string[];
}

/** The body of a function without parameters that returns the kernels' functions in an array. */
export function factoryText({ source, names }: Pick<JsArtifact, "source" | "names">): string {
  return `"use strict";\n${source}\nreturn [${names.join(", ")}];\n`;
}

/** The text of an ES module that exports the kernels' functions. */
export function moduleText({ source, names }: Pick<JsArtifact, "source" | "names">): string {
  return `${source}\n\nexport { ${names.join(", ")} };\n`;
}
