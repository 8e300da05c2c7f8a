/**
 * Watched values: what a trainer watches, as it was in the last step that was read. Callbacks ask for it; whatever is evaluated
 * between steps does not touch it.
 */

import { UserError } from "../core/errors.ts";
import { atLine, here } from "../core/origin.ts";
import { joinPath } from "../dsl/tree.ts";
import type { TypedArray } from "../runtime/typed-arrays.ts";
import type { Session } from "./session.ts";

export class WatchedValues {
  readonly #session: Session;
  readonly #names: readonly string[];
  #values: ReadonlyMap<string, number | TypedArray> = new Map();

  constructor(session: Session) {
    this.#session = session;
    this.#names = [...session.training.definition.watch.keys()];
  }

  /** Reads the values of the step that was enqueued last, which must be one of training. */
  async take(): Promise<void> {
    if (this.#names.length === 0) return;
    const { executable } = this.#session;
    const values = this.#names.map(async (name) => {
      const value: number | TypedArray = await executable.read(joinPath("watch", name));
      return [name, value] as const;
    });
    this.#values = new Map(await Promise.all(values));
  }

  of(name: string): number | TypedArray {
    const found = this.#values.get(name);
    if (found !== undefined) return found;
    if (this.#names.includes(name))
      throw new UserError(`watched("${name}"): no step was read yet${atLine(here("watched"))}`);
    const known = this.#names.length === 0 ? "it watches nothing" : `it watches ${this.#names.join(", ")}`;
    throw new UserError(
      `watched("${name}"): the trainer watches nothing of that name (${known})${atLine(here("watched"))}`,
    );
  }
}
