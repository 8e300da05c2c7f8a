/** Layers of Keras with their values and gradients, as test/fixtures has them (README.md there). */
import { readFileSync } from "node:fs";

export interface Numbers {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

export interface KerasCase {
  readonly name: string;
  readonly class: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly mask?: Numbers;
  readonly inputs: readonly Numbers[];
  readonly weights: readonly Numbers[];
  readonly outputs: readonly Numbers[];
  readonly cotangents: readonly Numbers[];
  readonly grad_inputs: readonly Numbers[];
  readonly grad_weights: readonly Numbers[];
}

/** Those of one file: "conv", "pool", "recurrent". */
export function kerasCases(name: string): readonly KerasCase[] {
  const text = readFileSync(new URL(`fixtures/keras-${name}.json`, import.meta.url), "utf8");
  return (JSON.parse(text) as { cases: readonly KerasCase[] }).cases;
}
