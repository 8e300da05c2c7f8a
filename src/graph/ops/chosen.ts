/**
 * What stands at chosen places of windows that lie side by side: all that is left of windows of which one place each counts, as it
 * is of the slopes of a pool.
 *
 *   x [n, 2*p, c..], place [n, p, f..]      ->      y [n, p, f.., c..] = x[n, 2*p + place[n, p, f..], c..]
 */
import { ShapeError } from "../../core/errors.ts";
import type { Index } from "../../kernel/kernel.ts";
import { gatherOp } from "../define.ts";
import { generate, reader } from "../ndarray.ts";
import { fixedShape, sizeOf } from "../shape.ts";
import { tensorType } from "../type.ts";
import { position } from "./view.ts";

/**
 * The first `shared` axes of both operands go together, but that x has `size` elements along `axes` for each of a place's. Places
 * count those of a window, the last axis fastest, and lie in it.
 */
export const chosen = gatherOp({
  name: "chosen",
  arity: 2,
  schema: { axes: "axes", size: "list", shared: "number" },
  shift: ({ axes, size, shared }) => ({ axes: axes.map((axis) => axis + 1), size, shared: shared + 1 }),
  infer([x, place], { axes, size, shared }) {
    const places = place.shape.slice(0, shared).map((extent, axis) => Number(extent) * (size[axes.indexOf(axis)] ?? 1));
    const isWhole = places.length === shared && places.every((extent, axis) => extent === x.shape[axis]);
    if (!isWhole || axes.some((axis) => axis >= shared)) throw new ShapeError("the windows do not cover the operand");
    return tensorType(x.dtype, [...place.shape, ...x.shape.slice(shared)]);
  },
  evaluate([x, place], { axes, size, shared }, type) {
    const [read, placeAt] = [reader(x), reader(place)];
    const rank = place.shape.length;
    return generate(type.dtype, fixedShape(type.shape), (at) => {
      const from = [...at.slice(0, shared), ...at.slice(rank)];
      let left = placeAt(at.slice(0, rank));
      for (let i = axes.length - 1; i >= 0; i -= 1) {
        const [axis, extent] = [axes[i] ?? 0, size[i] ?? 1];
        from[axis] = extent * (at[axis] ?? 0) + (left % extent);
        left = Math.floor(left / extent);
      }
      return read(from);
    });
  },
  element(at, { axes, size, shared }, _type, reads) {
    const rank = reads.shapes[1].length;
    const place = reads.index(reads.once(reads.convert("i32", reads.read(1, at.slice(0, rank)))), sizeOf(size));
    const from: Index[] = [...at.slice(0, shared), ...at.slice(rank)];
    let left: Index = place;
    for (let i = axes.length - 1; i >= 0; i -= 1) {
      const [axis, extent] = [axes[i] ?? 0, size[i] ?? 1];
      const inside = i === 0 ? left : reads.modIndex(left, extent);
      const terms = [{ factor: extent, index: position(at, axis) }, { factor: 1, index: inside }]; // biome-ignore format: short
      from[axis] = reads.sumIndex(terms, 0, reads.pool);
      left = reads.floorDivIndex(left, extent);
    }
    return reads.read(0, from);
  },
});
