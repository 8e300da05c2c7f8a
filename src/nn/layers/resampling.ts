/**
 * Images of another size: along one axis after the other each place is a mean of those around it, weighted by a kernel.
 *
 * Place i of m over n elements lies at (i + 1/2) n / m, where element j lies at j + 1/2. What a kernel would take beyond the border
 * is left out, and the weights of the others sum to 1. Kernels: a triangle (bilinear), Keys's cubic with a = -1/2 (bicubic),
 * Lanczos windows, what the element covers of the place (area), the element at the place (nearest). With antialias a kernel is
 * as much wider as the image gets smaller.
 */
import { abs, add, and, arange, cast, clip, div, equal, floor, gather, greaterEqual, less, maximum, minimum, mul, reshape, sin, sub, sum, where } from "../../dsl/ops.ts"; // biome-ignore format: names
import type { Tensor } from "../../dsl/tensor.ts";
import type { Shape } from "../../graph/shape.ts";

type Values = Tensor<Shape, "f32">;

/** How far a kernel reaches, in elements, and its weight at a distance from 0. */
interface ResamplingKernel {
  readonly reach: number;
  weight(distance: Values): Values;
}

/** max(0, 1 - d). */
const triangle: ResamplingKernel = { reach: 1, weight: (d) => maximum(sub(1, d), 0) };

/** Keys (1981) with a = -1/2: 1.5 d^3 - 2.5 d^2 + 1 up to 1, -0.5 d^3 + 2.5 d^2 - 4 d + 2 up to 2. */
const cubic: ResamplingKernel = {
  reach: 2,
  weight(d) {
    const near = add(mul(mul(d, d), sub(mul(d, 1.5), 2.5)), 1);
    const far = add(mul(d, sub(mul(d, sub(2.5, mul(d, 0.5))), 4)), 2);
    return where(less(d, 1), near, where(less(d, 2), far, 0));
  },
};

/** sinc(d) sinc(d / reach). */
function lanczos(reach: number): ResamplingKernel {
  return {
    reach,
    weight(d) {
      const angle = mul(maximum(d, 1e-4), Math.PI); // below that the product is 1 in f32
      const both = div(mul(sin(angle), sin(div(angle, reach))), div(mul(angle, angle), reach));
      return where(less(d, reach), both, 0);
    },
  };
}

const kernels = { bilinear: triangle, bicubic: cubic, lanczos3: lanczos(3), lanczos5: lanczos(5) };

export type Interpolation = keyof typeof kernels | "nearest" | "area";

export const interpolations: readonly Interpolation[] = [
  "bilinear",
  "nearest",
  "bicubic",
  "area",
  "lanczos3",
  "lanczos5",
];

/** x with `size` elements along an axis whose size is known. */
export function resampled(
  x: Values,
  axis: number,
  size: number,
  interpolation: Interpolation,
  antialias: boolean,
): Values {
  const extent = Number(x.shape[axis]);
  if (extent === size) return x; // every kernel is 0 at the other elements
  if (interpolation === "nearest") return gather(x, cast(nearest(extent, size), "i32"), { axis });
  const { start, taps, weightAt } =
    interpolation === "area" ? covered(extent, size) : around(kernels[interpolation], extent, size, antialias);
  const at = add(reshape(start, [size, 1]), arange(taps, "f32"));
  const isInside = and(greaterEqual(at, 0), less(at, extent));
  const weights = where(isInside, weightAt(at), 0);
  const shares = div(weights, sum(weights, { axis: 1, keepDims: true }));
  const found = gather(x, cast(clip(at, 0, extent - 1), "i32"), { axis });
  const behind = x.shape.slice(axis + 1).map(() => 1);
  const each = reshape(shares, [size, taps, ...behind]);
  const parts: Values = where(equal(each, 0), 0, mul(found, each)); // nothing of an infinity is nothing
  return sum(parts, { axis: axis + 1 });
}

/** floor((i + 1/2) n / m). */
function nearest(extent: number, size: number): Values {
  const twice = add(mul(arange(size, "f32"), 2 * extent), extent + 0.5); // half a part above a whole number, whatever is rounded
  return minimum(floor(div(twice, 2 * size)), extent - 1);
}

/** For each place the first element that it takes, how many, and their weights. */
interface Taps {
  readonly start: Values;
  readonly taps: number;
  weightAt(at: Values): Values;
}

function around({ reach, weight }: ResamplingKernel, extent: number, size: number, antialias: boolean): Taps {
  const wider = antialias ? Math.max(1, extent / size) : 1;
  const centre = mul(add(arange(size, "f32"), 0.5), extent / size);
  const start = floor(add(sub(centre, reach * wider), 0.5));
  return {
    start,
    taps: Math.ceil(2 * reach * wider) + 1,
    weightAt: (at) => weight(div(abs(sub(add(at, 0.5), reshape(centre, [size, 1]))), wider)),
  };
}

/** How much of each element lies between i n / m and (i + 1) n / m. */
function covered(extent: number, size: number): Taps {
  const places = arange(size, "f32");
  const from = reshape(mul(places, extent / size), [size, 1]);
  const to = reshape(mul(add(places, 1), extent / size), [size, 1]);
  return {
    start: floor(mul(places, extent / size)),
    taps: Math.ceil(extent / size) + 1,
    weightAt: (at) => maximum(sub(minimum(add(at, 1), to), maximum(at, from)), 0),
  };
}
