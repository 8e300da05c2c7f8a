/**
 * Binary search along a sorted axis.
 */
import type { Expr } from "../../kernel/kernel.ts";
import { gatherOp } from "../define.ts";
import { generate, reader } from "../ndarray.ts";
import { fixedShape } from "../shape.ts";
import { tensorType } from "../type.ts";
import { position, withAxis } from "./view.ts";

/** For each place 0, 1, ... of an axis of `size`: the first sorted index that is not below it, or the last one. */
export const searchSorted = gatherOp({
  name: "searchSorted",
  arity: 1,
  schema: { axis: "axis", size: "number" },
  infer: ([{ shape }], { axis, size }) => tensorType("i32", withAxis(shape, axis, size)),
  evaluate([sorted], { axis }, type) {
    const read = reader(sorted);
    const count = sorted.shape[axis] ?? 0;
    return generate("i32", fixedShape(type.shape), (at) => {
      let below = 0;
      while (below < count - 1 && read(at.map((p, i) => (i === axis ? below : p))) < (at[axis] ?? 0)) below++;
      return below;
    });
  },
  element(at, { axis }, _type, reads) {
    const { apply } = reads;
    const count = reads.shapes[0][axis] ?? 0;
    const wanted = position(at, axis);
    let below: Expr = reads.pool.integer(0); // so many are known to be below
    for (let step = 2 ** Math.floor(Math.log2(Math.max(1, count))); step >= 1; step /= 2) {
      const more = reads.once(apply("add", below, step));
      const last = reads.index(reads.once(apply("min", apply("sub", more, 1), count - 1)), count);
      const held = reads.read(
        0,
        at.map((own, i) => (i === axis ? last : own)),
      );
      const isBelow = apply("and", apply("lt", more, count), apply("lt", held, wanted));
      below = reads.once(apply("select", isBelow, more, below));
    }
    return below;
  },
});
