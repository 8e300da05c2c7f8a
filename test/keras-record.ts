/**
 * What the tests against Keras's fixtures found, for the report of case and target (keras-report.ts): each test notes how far it was from
 * Keras, and the notes go to the reporter with the test's result.
 */
import { TestRunner } from "vitest";

export interface KerasNote {
  /** The fixture: "losses". */
  readonly file: string;
  readonly name: string;
  /** "js", "wasm"; "start" of what a weight starts with, on the host. */
  readonly target: string;
  /** The largest difference, over the largest number that Keras has there. */
  readonly error: number;
}

declare module "vitest" {
  interface TaskMeta {
    keras?: readonly KerasNote[];
  }
}

/** One comparison of the test that runs; of several of a case the largest error counts. Without numbers (a law, a choice) it is 0. */
export function note(file: string, name: string, target: string, error = 0): void {
  const meta = TestRunner.getCurrentTest()?.meta;
  if (meta !== undefined) meta.keras = [...(meta.keras ?? []), { file, name, target, error }];
}
