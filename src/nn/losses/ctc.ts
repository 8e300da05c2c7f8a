/**
 * Connectionist temporal classification (Graves et al. 2006): minus the logarithm of all ways to read a text out of a sequence of
 * classes, of which repeats are one and class 0 is none.
 *
 * Of a text of L letters a way stands at a letter or in one of the L + 1 gaps; both are summed over step by step, in logarithms.
 */
import { ShapeError } from "../../core/errors.ts";
import { add, arange, batchMatmul, cast, concat, equal, full, logSoftmax, logSumExp, neg, notEqual, oneHot, permute, reshape, scan, slice, sum, where } from "../../dsl/ops.ts"; // biome-ignore format: names
import type { Tensor } from "../../dsl/tensor.ts";
import { printShape } from "../../graph/shape.ts";
import { finite, type Loss, type LossOptions, lossOf, lossOptions, lossSchema } from "./loss.ts";

export const ctcSchema = lossSchema({
  name: "ctc",
  options: lossOptions({}),
  labels: "texts",
  range: finite,
  accuracy: null,
  each: "row",
  check: (output) =>
    output.length === 2
      ? null
      : `ctc needs outputs of [steps, classes], logits of each step; these are ${printShape(output)}`,
  compute(output, given) {
    const texts = cast(given, "i32");
    const [batch = "batch", letters] = texts.shape;
    const [, steps, classes] = output.shape;
    if (typeof letters !== "number" || texts.shape.length !== 2 || output.shape.length !== 3 || Number(steps) < 1) {
      throw new ShapeError(
        `ctc compares outputs [batch, steps, classes] with texts [batch, letters]; these are ${printShape(output.shape)} and ${printShape(texts.shape)}`,
      );
    }
    const logs: Tensor = permute(logSoftmax(output), [1, 0, 2]); // a step each
    const isLetter: Tensor = permute(oneHot(texts, Number(classes)), [0, 2, 1]);
    const before: Tensor = concat([full([batch, 1], -1, "i32"), slice(texts, null, [0, letters - 1])], 1);
    const isNew = notEqual(texts, before); // a repeat needs a gap
    const never = (width: number): Tensor => full([batch, width], impossible);
    const start = { gaps: concat([full([batch, 1], 0), never(letters)], 1), at: never(letters) }; // in the first gap
    const { carry } = scan(
      ({ gaps, at }: { gaps: Tensor; at: Tensor }, row: Tensor) => {
        const last = concat([never(1), slice(at, null, [0, letters - 1])], 1);
        const letter = reshape(batchMatmul(reshape(row, [batch, 1, Number(classes)]), isLetter), [batch, letters]);
        const gap: Tensor = slice(row, null, [0, 1]);
        const next = {
          gaps: add(both(gaps, concat([never(1), at], 1)), gap),
          at: add(both(at, slice(gaps, null, [0, letters]), where(isNew, last, impossible)), letter),
        };
        return { carry: next };
      },
      start as { gaps: Tensor; at: Tensor },
      logs,
    );
    const length: Tensor = reshape(sum(cast(notEqual(texts, 0), "i32"), { axis: -1 }), [batch, 1]);
    const inLastGap = where(equal(arange(letters + 1), length), carry.gaps, impossible);
    const atLastLetter = where(equal(add(arange(letters), 1), length), carry.at, impossible);
    return neg(logSumExp(concat([inLastGap, atLastLetter], 1), { axis: -1 }));
  },
});

/** The logarithm of a way that is none: far below any, and no infinity, from which no gradient comes back. */
const impossible = -1e9;

/** The logarithm of the sum of what these are logarithms of. */
function both(...logs: readonly Tensor[]): Tensor {
  const columns = logs.map((x): Tensor => reshape(x, [...x.shape, 1]));
  return logSumExp(concat(columns, 2), { axis: -1 });
}

/** Outputs are logits [batch, steps, classes], of which class 0 is the gap; texts are class numbers [batch, letters], filled up with 0. */
export function ctc(options: LossOptions = {}): Loss {
  return lossOf(ctcSchema, options, arguments);
}
