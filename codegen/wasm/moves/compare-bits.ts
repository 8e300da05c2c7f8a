/**
 * Finds the largest or smallest f32 among bits, as whole numbers (`maxBits`, `minBits` of src/kernel/folds.ts).
 *
 *   compareBits acc      fold acc: f32 = max over c < 512 of x[c]      ->      fold top: i32, low: u32, far: u32 = maxBits over c < 512 of bits
 *                                                                              let acc = the float that these are
 *
 * It gives the same bits, but for those of a NaN.
 */
import {
  type Around,
  atFold,
  type Moved,
  nameNow,
  type Piece,
  refuse,
  withName,
} from "../../../passes/schedule/piece.ts";
import { fold as foldOf, letValue } from "../../../src/kernel/build.ts";
import { folds } from "../../../src/kernel/folds.ts";
import type { MoveOf } from "../../../src/kernel/moves.ts";

export function compareBits(piece: Piece, { of }: MoveOf<"compareBits">, { fresh }: Around): Moved {
  const name = nameNow(piece, of) ?? of;
  const names = folds.maxBits.names.map((hint) => fresh(`${name}_${hint}`));
  const made = atFold(piece, of, (fold, { after }) => {
    const { fn, axes, block, body, guard, from } = fold;
    const [value] = fold.values;
    if ((fn !== "max" && fn !== "min") || value?.type !== "f32") return refuse(`${of} is no max or min of f32`);
    if (block.length > 0) refuse("it is in a block");
    const about = folds[`${fn}Bits`];
    const compared = foldOf(`${fn}Bits`, names, axes, about.element(value, [], axes), { body, guard, from });
    const result = about.result?.(compared.accumulators.map((held) => fresh.pool.name(held.type, held.name)));
    return [compared, ...(result === undefined ? [] : [letValue(name, result)]), ...after];
  });
  return withName(made, of, names[0] ?? name);
}
