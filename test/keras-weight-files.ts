/** Keras's files of weights in test/fixtures/keras-weights, and what Keras says is in them. */
import { readdirSync, readFileSync } from "node:fs";

const folder = new URL("./fixtures/keras-weights/", import.meta.url);

export const weightFile = (name: string): Uint8Array => new Uint8Array(readFileSync(new URL(name, folder)));
export const weightFiles: readonly string[] = readdirSync(folder).filter((name) => /\.(?:h5|keras)$/.test(name));

export interface Numbers {
  readonly shape: readonly number[];
  /** Left out where another file of the same model has it. */
  readonly data?: readonly unknown[];
}

interface Stored extends Partial<Numbers> {
  readonly path: string;
  readonly dtype?: string;
  readonly stored?: string;
  readonly attributes?: Readonly<Record<string, unknown>>;
}

export interface WeightCase {
  readonly name: string;
  readonly x: Required<Numbers>;
  /** What the model predicts for x. */
  readonly y: Required<Numbers>;
  readonly files: Readonly<Record<string, readonly Stored[] | { readonly weights: readonly string[] }>>;
  /** In the model's order. */
  readonly weights: readonly { readonly path: string; readonly trainable: boolean }[];
}

export const weightCases: readonly WeightCase[] = JSON.parse(
  readFileSync(new URL("weights.json", folder), "utf8"),
).cases;

/** The arrays of a case's .weights.h5, by path. */
export function arraysOf({ name, files }: WeightCase): ReadonlyMap<string, Stored & Required<Numbers>> {
  const listed = files[`${name}.weights.h5`];
  const entries = (Array.isArray(listed) ? (listed as readonly Stored[]) : []).filter(isArray);
  return new Map(entries.map((entry) => [entry.path, entry]));
}

function isArray(entry: Stored): entry is Stored & Required<Numbers> {
  return entry.shape !== undefined && entry.data !== undefined;
}
