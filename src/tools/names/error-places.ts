/**
 * Errors that name a line of the user's, with the variable that was to be made there:
 *
 *   error: matmul(f32[4,4], f32[3,3]): ...
 *       at net.ts:12:18 (hidden)
 */
import { UserError } from "../../core/errors.ts";
import { assigned } from "./assigned.ts";
import { Sources } from "./sources.ts";

/** The error itself, its message with variables where the source has any. Loads the parser where there is a line to look at. */
export function withVariables(error: unknown): unknown {
  if (!(error instanceof UserError)) return error;
  const sources = new Sources();
  error.message = error.message.replace(/\n {4}at (.+:\d+:\d+)(?=\n|$)/g, (line, place: string) => {
    const call = sources.callAt(place);
    const name = call === null || sources.typeScript === null ? null : assigned(sources.typeScript, call, []).name;
    return name === null ? line : `${line} (${name})`;
  });
  return error;
}
