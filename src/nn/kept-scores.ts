/**
 * Scores that are kept on the device: metrics with slots of their own, read at the end of an epoch or of an evaluation by an entry
 * of theirs. A step pays for their updates alone.
 */
import { CompilerBug } from "../core/errors.ts";
import { joinPath } from "../dsl/tree.ts";
import { sizeOf } from "../graph/shape.ts";
import type { Executable } from "../runtime/executable-type.ts";
import type { TypedArray } from "../runtime/typed-arrays.ts";
import type { Table } from "./history.ts";
import { type KeptPart, resultsEntry } from "./scoring.ts";
import type { Session } from "./session.ts";

/** Numbers by name, and tables where there are some. */
export interface KeptScores {
  readonly numbers: Readonly<Record<string, number>>;
  readonly tables: { readonly tables?: Readonly<Record<string, Table>> };
}

/** As at the begin. */
export function clearKept({ executable, training }: Session, part: KeptPart): void {
  for (const [name, { slots }] of training.kept) {
    for (const [slot, { shape, start = 0 }] of Object.entries(slots)) {
      executable.state.write(joinPath(joinPath(part, name), slot), new Float32Array(sizeOf(shape)).fill(start));
    }
  }
}

/** What they amount to. In a turn. */
export async function readKept({ executable, training }: Session, part: KeptPart): Promise<KeptScores> {
  if (training.kept.size === 0) return { numbers: {}, tables: {} };
  const entry = resultsEntry(part);
  const found = await (executable as unknown as Executable<Results>).run({ entry }); // an entry of programs with such metrics
  const values = new Map(Object.entries(found[part]));
  const [numbers, tables]: [[string, number][], [string, Table][]] = [[], []];
  for (const [name, { shape }] of training.kept) {
    const value = values.get(name);
    if (typeof value === "number") numbers.push([name, value]);
    else if (value instanceof Float32Array) tables.push([name, { shape: shape(), data: value }]);
    else throw new CompilerBug(`the metric "${name}" gave no result`);
  }
  return {
    numbers: Object.fromEntries(numbers),
    tables: tables.length === 0 ? {} : { tables: Object.fromEntries(tables) },
  };
}

interface Results {
  readonly results: { readonly [P in KeptPart]: Readonly<Record<string, number | TypedArray>> };
  readonly evaluationResults: Results["results"];
}
