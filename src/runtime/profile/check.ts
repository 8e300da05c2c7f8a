/** Whether something is a profile, of this version or as it came back from JSON. */
import { UserError } from "../../core/errors.ts";
import { show } from "../../core/options.ts";
import { atLine, here } from "../../core/origin.ts";

export function checkProfiles(call: string, given: readonly unknown[]): void {
  const wrong = given.findIndex((one) => !isProfile(one));
  if (given.length > 0 && wrong < 0) return;
  const words = given.length === 0 ? "none" : show(given[wrong]);
  throw new UserError(`${call} takes what executable.profile() gave (await it), not ${words}${atLine(here(call))}`);
}

function isProfile(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  return "entries" in value && "timeline" in value && Array.isArray(value.entries) && Array.isArray(value.timeline);
}
