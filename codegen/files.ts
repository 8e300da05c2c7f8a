/**
 * Artifacts as files: what `tensorloom compile` writes of each target (codegen/<name>/files.ts). It stands beside the target and
 * not in it, as a page that trains needs none of this.
 */
import type { LaunchStep } from "../src/program/artifact.ts";

export interface PrintedEntry<A> {
  readonly name: string;
  readonly artifact: A;
}

export interface TargetFiles {
  readonly files: ReadonlyMap<string, string | Uint8Array>;
  /** What the manifest says of each entry, besides its buffers and steps. */
  readonly entries: readonly Readonly<Record<string, unknown>>[];
  /** What was written, in words: "3 kernels, manifest.json". */
  readonly told: string;
}

/** The entries of one program as files; `name` makes file names of hints. */
export type Exporter<A> = (entries: readonly PrintedEntry<A>[], name: (hint: string) => string) => TargetFiles;

/** The parameters of a kernel, as manifests tell them. */
export function parametersOf({ bindings }: LaunchStep): readonly object[] {
  return bindings.map(({ param, role, buffer }) => ({ name: param, role, element: buffer.dtype, count: buffer.count }));
}

/** "1 kernel", "3 kernels". */
export function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}
