/** Wrong calls of what makes data ready: with the user's line. */
import { UserError } from "../core/errors.ts";
import { atLine, here } from "../core/origin.ts";

/** "rows takes ...", "rows: there are ...". */
export function fail(call: string, problem: string): never {
  throw new UserError(`${call}${problem.startsWith("takes ") ? "" : ":"} ${problem}${atLine(here(call))}`);
}
