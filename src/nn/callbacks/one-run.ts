/**
 * OneRun: what a callback remembers is of one run. The next one begins anew, when `onTrainBegin` is called again; two at once would count
 * each other's epochs.
 */
import { UserError } from "../../core/errors.ts";
import { atLine, here, type Origin } from "../../core/origin.ts";
import type { FitControl } from "./callback.ts";

export class OneRun {
  readonly #call: string;
  readonly #origin: Origin;
  #control: FitControl | null = null;

  /** `call` is the function that made the callback. */
  constructor(call: string) {
    this.#call = call;
    this.#origin = here(call);
  }

  /** In `onTrainBegin`, before anything else. A UserError where another run has not ended, or this one has the callback twice. */
  begin(control: FitControl): void {
    const held = this.#control;
    if (held !== null && !held.isOver) {
      const why =
        held === control ? "is twice among the callbacks of a fit" : "serves another fit, which has not ended";
      throw new UserError(`${this.#call}: this callback ${why}: make one for each${atLine(this.#origin)}`);
    }
    this.#control = control;
  }
}
