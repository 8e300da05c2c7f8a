/** A weight as a picture, its values from the least (black) to the largest (white), as far as it is one. */
import type { ImageTensor } from "../../io/tensorboard/image.ts";

/** Filters of a convolution that are shown. */
const mostImages = 16;

/**
 * A row for a vector, a picture for a matrix (lying, where it is tall), one for each filter of a kernel [height, width, .., filters],
 * of its first channel. Null for the others, and where values are not finite.
 */
export function weightImage(shape: readonly number[], values: ArrayLike<number>): ImageTensor | null {
  const sizes = shape.filter((size) => size !== 1);
  const [rows = 1, columns = 1, ...rest] = sizes;
  const count = rest.reduce((product, size) => product * size, 1);
  const filters = Math.min(rest.at(-1) ?? 1, mostImages);
  if (sizes.length > 4 || rows * columns * count === 0) return null;
  const pixels = scaled(values);
  if (pixels === null) return null;
  if (sizes.length < 2) return { data: pixels, shape: [1, rows] };
  if (sizes.length > 2) {
    const data = Float32Array.from({ length: filters * rows * columns }, (_, i) => {
      const [filter, place] = [Math.floor(i / (rows * columns)), i % (rows * columns)];
      return pixels[place * count + filter] ?? 0;
    });
    return { data, shape: [filters, rows, columns, 1] };
  }
  if (rows <= columns) return { data: pixels, shape: [rows, columns] };
  const data = pixels.map((_, i) => pixels[(i % rows) * columns + Math.floor(i / rows)] ?? 0);
  return { data, shape: [columns, rows] };
}

/** To 0..1; a constant is grey. */
function scaled(values: ArrayLike<number>): Float32Array | null {
  let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let i = 0; i < values.length; i++) {
    const value = values[i] ?? Number.NaN;
    if (!Number.isFinite(value)) return null;
    least = Math.min(least, value);
    most = Math.max(most, value);
  }
  const width = most - least;
  return Float32Array.from({ length: values.length }, (_, i) => (width > 0 ? ((values[i] ?? 0) - least) / width : 0.5));
}
