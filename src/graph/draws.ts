/**
 * Random numbers of which it cannot be told how often they are to be drawn: once, or anew for each row of a loop or example. A
 * literal has no place until it is used, so one that is made outside of a function and first read in it looks as if the function
 * drew it. Where that would give other numbers than the program says, it is refused.
 */
import { UserError } from "../core/errors.ts";
import { atLine } from "../core/origin.ts";
import type { Literal, Node } from "./node.ts";

/** `call` draws these numbers anew each time; whoever reads them elsewhere would have others. */
export function refuseElsewhere({ origin }: Literal, call: string): never {
  throw new UserError(
    `${origin.call}: these random numbers are read by the function of ${call}, which draws others for each row or example, and in ` +
      `another place too: draw them there, or give them to the function as a tensor that it carries or is given${atLine(origin)}`,
  );
}

/** The function of `call` was given constants only, and has met the program when `draw` was there already. */
export function refuseUncertain(call: string, draw: Node): never {
  throw new UserError(
    `${call}: whether these random numbers are to be drawn once, or by its function again and again, cannot be told, as it is ` +
      `given constants only: give it a tensor of the program, which may be what the function reads from around ` +
      `it${atLine(draw.origins[0])}`,
  );
}
