/**
 * Images taken at other places, image by image: what turned, moved and stretched images are made of. Places are in elements,
 * [batch, height, width] of rows and of columns; what lies outside is filled as `fillMode` says.
 */
import { add, and, arange, cast, floor, gather, greaterEqual, less, maximum, minimum, mul, reshape, sub, where } from "../../dsl/ops.ts"; // biome-ignore format: names
import type { Tensor } from "../../dsl/tensor.ts";
import { multiplyDims, type Shape } from "../../graph/shape.ts";

type Values = Tensor<Shape, "f32">;

export const fillModes = ["reflect", "wrap", "nearest", "constant"] as const;

/** What lies outside: dcba|abcd|dcba, abcd|abcd|abcd, aaaa|abcd|dddd, or one number. */
export type FillMode = (typeof fillModes)[number];

export interface Filling {
  readonly fillMode: FillMode;
  readonly fillValue: number;
  readonly interpolation: "bilinear" | "nearest";
}

/** Images [batch, height, width, channels] at these rows and columns, which may lie between elements. */
export function sampledAt(x: Values, rows: Values, columns: Values, filling: Filling): Values {
  if (filling.interpolation === "nearest") {
    return elementsAt(x, floor(add(rows, 0.5)), floor(add(columns, 0.5)), filling);
  }
  const [top, left] = [floor(rows), floor(columns)];
  const [down, right] = [channelsOf(sub(rows, top)), channelsOf(sub(columns, left))];
  const along = (row: Values): Values => {
    const [first, second] = [elementsAt(x, row, left, filling), elementsAt(x, row, add(left, 1), filling)];
    return add(mul(first, sub(1, right)), mul(second, right));
  };
  return add(mul(along(top), sub(1, down)), mul(along(add(top, 1)), down));
}

/** One for all channels. */
const channelsOf = (x: Values): Values => reshape(x, [...x.shape, 1]);

/** The elements at whole rows and columns. */
export function elementsAt(x: Values, rows: Values, columns: Values, { fillMode, fillValue }: Filling): Values {
  const [batch = 1, high, wide, channels = 1] = x.shape;
  const [height, width] = [Number(high), Number(wide)];
  const image = reshape(arange(batch, "i32"), [batch, 1, 1]);
  const row = cast(inside(rows, height, fillMode), "i32");
  const column = cast(inside(columns, width, fillMode), "i32");
  const at = add(mul(add(mul(image, height), row), width), column);
  const all = reshape(x, [multiplyDims(batch, height * width) ?? 1, channels]);
  const found = gather(all, at);
  if (fillMode !== "constant") return found;
  const within = (place: Values, size: number) => and(greaterEqual(place, 0), less(place, size));
  const isInside = and(within(rows, height), within(columns, width));
  return where(reshape(isInside, [...isInside.shape, 1]), found, fillValue);
}

/** The element that stands for each place, which may lie outside. */
function inside(places: Values, size: number, fillMode: FillMode): Values {
  if (fillMode === "nearest" || fillMode === "constant") return minimum(maximum(places, 0), size - 1);
  const period = fillMode === "wrap" ? size : 2 * size;
  // half an element above a whole number: no rounding of the quotient takes it below
  const found = sub(places, mul(floor(mul(add(places, 0.5), 1 / period)), period));
  return fillMode === "wrap" ? found : minimum(found, sub(period - 1, found));
}
