/**
 * Whose random numbers are: of the function that was being traced when they were made. They are a literal, which has no place
 * until it meets a tensor that has; so that one made before a loop is told from one that the loop's function makes, both bear the
 * moment when they were made. Where numbers would be drawn otherwise than the program says, it is refused.
 */
import { UserError } from "../core/errors.ts";
import { atLine } from "../core/origin.ts";
import type { Literal, Node } from "./node.ts";

/**
 * A literal and the traces have no thread in common but the order in which they came: `randomUniform([2])` is given nothing that
 * knows of the function around it. So it is the one variable that modules share; nothing reads more than that order from it, and no
 * number that is drawn depends on it.
 */
let moments = 0;

/** A later one at each call. */
export function moment(): number {
  moments += 1;
  return moments;
}

/** `call` draws these numbers anew each time; whoever reads them elsewhere would have others. */
export function refuseElsewhere({ origin }: Literal, call: string): never {
  throw new UserError(
    `${origin.call}: these random numbers are drawn in the function of ${call}, others for each row or example, and read in ` +
      `another place too: draw them outside, or give them back${atLine(origin)}`,
  );
}

/** The function of `call` was given constants only, and what it drew met a tensor from outside before it was known to be inside. */
export function refuseMisplaced(call: string, draw: Node): never {
  throw new UserError(
    `${call}: its function draws random numbers and mixes them with a tensor from outside, and is itself given constants only, so ` +
      `they look as if they were drawn outside: give it a tensor of the program, which may be the one that it ` +
      `reads${atLine(draw.origins[0])}`,
  );
}
