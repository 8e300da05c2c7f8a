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
import { placeIn, placeIndexes, placesIn } from "../place-in-grid.ts";
import { fixedShape } from "../shape.ts";
import { tensorType } from "../type.ts";
import { position } from "./view.ts";

/**
 * The first `shared` axes of both operands go together, but that x has `size` elements along `axes` for each of a place's. Places
 * are numbers in a `grid` around all windows (place-in-grid.ts): where it is the image that is read, a place is how far it lies from
 * the corner in memory.
 */
export const chosen = gatherOp({
  name: "chosen",
  arity: 2,
  schema: { axes: "axes", size: "list", grid: "list", shared: "number" },
  shift: ({ axes, shared, ...others }) => ({ ...others, axes: axes.map((axis) => axis + 1), shared: shared + 1 }),
  infer([x, place], { axes, size, shared }) {
    const places = place.shape.slice(0, shared).map((extent, axis) => Number(extent) * (size[axes.indexOf(axis)] ?? 1));
    const isWhole = places.length === shared && places.every((extent, axis) => extent === x.shape[axis]);
    if (!isWhole || axes.some((axis) => axis >= shared)) throw new ShapeError("the windows do not cover the operand");
    return tensorType(x.dtype, [...place.shape, ...x.shape.slice(shared)]);
  },
  evaluate([x, place], { axes, grid, shared }, type) {
    const [read, placeAt] = [reader(x), reader(place)];
    const rank = place.shape.length;
    return generate(type.dtype, fixedShape(type.shape), (at) => {
      const from = [...at.slice(0, shared), ...at.slice(rank)];
      const inside = placeIn(placeAt(at.slice(0, rank)), grid);
      for (const [i, axis] of axes.entries()) from[axis] = inside[i] ?? 0;
      return read(from);
    });
  },
  element(at, { axes, grid, shared }, _type, reads) {
    const rank = reads.shapes[1].length;
    const place = reads.once(reads.convert("i32", reads.read(1, at.slice(0, rank))));
    const extents = axes.map((axis) => reads.shapes[0][axis] ?? 1);
    const inside = placeIndexes(reads.index(place, placesIn(extents, grid)), extents, grid, reads);
    const from: Index[] = [...at.slice(0, shared), ...at.slice(rank)];
    for (const [i, axis] of axes.entries()) from[axis] = position(inside, i);
    return reads.read(0, from);
  },
});
