/**
 * What was chosen of windows that lie side by side, times a filter around each place: the transpose of a convolution that a pool
 * follows. Each chosen value adds its multiples of the filter to the places around its own.
 *
 *   y[n, 2*p + place / 2 + u, 2*q + place % 2 + v, c]  +=  value[n, f, p, q] * w[f, u, v, c]        over all f, p, q, u, v
 *
 * Places are numbers in a grid (place-in-grid.ts) then, 2*p + .. and 2*q + .. as one.
 */
import { ShapeError } from "../../core/errors.ts";
import { ndarray, reader } from "../ndarray.ts";
import type { SpreadOp, SpreadSchema } from "../node.ts";
import { placeIn } from "../place-in-grid.ts";
import { fixedShape, sizeOf, stridesOf } from "../shape.ts";
import { tensorType } from "../type.ts";

/** Places and values are [n, f, windows..], the filter is [f, places.., c]; `size` of the windows, and the `grid` of places. */
export const spread: SpreadOp<SpreadSchema, 3> = {
  name: "spread",
  kind: "spread",
  arity: 3,
  schema: { size: "list", grid: "list" },
  tolerance: "summed",
  infer([place, values, w], { size }) {
    const [n, f, ...windows] = place.shape;
    const [filters, ...places] = w.shape.slice(0, -1);
    const isWhole = windows.length === size.length && places.length === size.length && filters === f;
    const channels = w.shape[w.shape.length - 1];
    if (!isWhole || n === undefined || channels === undefined || values.shape.join() !== place.shape.join())
      throw new ShapeError("windows, values and filter do not fit");
    const whole = windows.map((count, i) => Number(count) * (size[i] ?? 1) + Number(places[i]) - 1);
    return [tensorType(values.dtype, [n, ...whole, channels])];
  },
  evaluate([place, values, w], { grid }, [type]) {
    if (type === undefined) return [];
    const shape = fixedShape(type.shape);
    const [data, strides] = [new Float64Array(sizeOf(shape)), stridesOf(shape)];
    const [placeAt, valueAt, weight] = [reader(place), reader(values), reader(w)];
    const around = w.shape.slice(1);
    for (const at of placesOf(place.shape)) {
      const own = placeIn(placeAt(at), grid);
      for (const by of placesOf(around)) {
        const inside = grid.map((_, i) => (own[i] ?? 0) + (by[i] ?? 0));
        const to = [at[0] ?? 0, ...inside, by[by.length - 1] ?? 0];
        const offset = to.reduce((sum, index, axis) => sum + index * (strides[axis] ?? 0), 0);
        data[offset] = (data[offset] ?? 0) + valueAt(at) * weight([at[1] ?? 0, ...by]);
      }
    }
    return [ndarray(type.dtype, shape, data)];
  },
};

function* placesOf(shape: readonly number[]): Generator<readonly number[]> {
  const [extent, ...others] = shape;
  if (extent === undefined) yield [];
  else for (let i = 0; i < extent; i++) for (const rest of placesOf(others)) yield [i, ...rest];
}
