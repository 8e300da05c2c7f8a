/**
 * Hooks: objects of the user's with functions that are called now and then. They may hold anything else, so only what looks like
 * a hook is held against the names: `onEpochend`, which nobody would ever call.
 */
import { UserError } from "../core/errors.ts";
import { show } from "../core/options.ts";
import { isRecord } from "../core/records.ts";
import { closest } from "../core/spelling.ts";

/** `what` is for messages: "fit: callbacks[0]". `others` are functions that it may have besides. */
export function checkHooks(
  what: string,
  given: unknown,
  hooks: readonly string[],
  others: readonly string[] = [],
): void {
  if (!isRecord(given)) {
    throw new UserError(`${what} must be an object with ${hooks.join(" or ")}, not ${show(given)}`);
  }
  for (const [name, value] of Object.entries(given)) {
    const isKnown = hooks.includes(name) || others.includes(name);
    if (isKnown && value !== undefined && typeof value !== "function") {
      throw new UserError(`${what}: ${name} must be a function, not ${show(value)}`);
    }
    if (isKnown || typeof value !== "function") continue;
    const meant = closest(name, hooks);
    if (meant === undefined && !/^on[A-Z_]/.test(name)) continue;
    const hint = meant === undefined ? "" : `; did you mean "${meant}"?`;
    throw new UserError(`${what}: nobody calls "${name}"${hint} (there are: ${hooks.join(", ")})`);
  }
  if (hooks.some((name) => name in given)) return;
  throw new UserError(`${what} has none of ${hooks.join(", ")}: nobody would call it`);
}
