/**
 * What weights a trainer's program takes: of each output one for each sample, or one for each step of a sample.
 */
import { sizeOf } from "../graph/shape.ts";
import type { SampleShape } from "./layers/layer.ts";
import type { Head } from "./model-contract.ts";
import type { Ports } from "./ports.ts";

/** The outputs whose weights are for each step of a sample; those of the others are for each sample. */
export type Weighting = ReadonlySet<string>;

export const bySample: Weighting = new Set();

/** Outputs that have steps: [steps, features], or rows of pixels. */
export function withSteps(outputs: Ports<Head>): Weighting {
  return new Set(outputs.names.filter((name) => rowsOf(outputs, name) > 1));
}

/** The program takes these, and those that it took before. */
export function bothWeightings(a: Weighting | null, b: Weighting | null): Weighting | null {
  if (a === null || b === null) return a ?? b;
  const added = [...b].filter((name) => !a.has(name));
  return added.length === 0 ? a : new Set([...a, ...added]);
}

/** What of a sample an output's weights stand beside: [] or [steps]. */
export function weightShape(outputs: Ports<Head>, weighting: Weighting, name: string): SampleShape {
  return weighting.has(name) ? outputs.get(name).shape.slice(0, -1) : [];
}

/** How many rows a sample of an output has. */
export function rowsOf(outputs: Ports<Head>, name: string): number {
  return sizeOf(outputs.get(name).shape.slice(0, -1));
}
