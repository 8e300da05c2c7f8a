/**
 * Images changed at random while training, each of a batch in its own way, inside the compiled step: turned, moved, zoomed,
 * flipped, cropped. In evaluation and prediction they stay as they are. What is drawn follows from the program's seed.
 */
import { count, type Kind, number, oneOf } from "../../core/options.ts";
import { here, type Origin } from "../../core/origin.ts";
import {
  add,
  arange,
  broadcastTo,
  cos,
  flip,
  floor,
  less,
  mul,
  randomUniform,
  reshape,
  sin,
  sub,
  where,
} from "../../dsl/ops.ts";
import type { Tensor } from "../../dsl/tensor.ts";
import { channelsLast, inFormat } from "../../dsl/window-axes.ts";
import type { Dim, Shape } from "../../graph/shape.ts";
import { type OptionsOf, option, required } from "../schema.ts";
import { dataFormatOption, imageOf, sampleOfImage } from "./images.ts";
import type { Layer } from "./layer.ts";
import { leading } from "./leading.ts";
import { middleOf } from "./resizing.ts";
import { elementsAt, type FillMode, fillModes, sampledAt } from "./sampling.ts";
import { built, checkLayer, type LayerOptions, layerSchema } from "./schema.ts";

type Values = Tensor<Shape, "f32">;

/** f stands for [-f, f]. */
export type Factor = number | readonly [number, number];

export const factorKind: Kind<Factor> = {
  wanted: "a number from 0, or [lowest, highest]",
  accepts: (value): value is Factor => number({ from: 0 }).accepts(value) || (isPair(value) && value[0] <= value[1]),
};

export function isPair(value: unknown): value is readonly [number, number] {
  return Array.isArray(value) && value.length === 2 && value.every((it) => Number.isFinite(it));
}

/** A number for each image, uniform between the factor's bounds. */
export function drawn(factor: Factor, batch: Dim): Values {
  const [low, high] = typeof factor === "number" ? [-factor, factor] : factor;
  return reshape(add(mul(randomUniform([batch]), high - low), low), [batch, 1, 1]);
}

const filling = {
  /** What lies outside: "reflect", the default (dcba|abcd|dcba), "wrap", "nearest" or "constant". */
  fillMode: option(oneOf<FillMode>(...fillModes), "reflect"),
  /** "bilinear", the default, or "nearest". */
  interpolation: option(oneOf("bilinear", "nearest"), "bilinear"),
  /** With which number "constant" fills. 0 by default. */
  fillValue: option(number(), 0),
  ...dataFormatOption,
};

/** Options of `randomRotation` and `randomTranslation`. */
export interface RandomPlaceOptions extends LayerOptions, OptionsOf<typeof filling> {}

const zooming = {
  /** The same for widths. As `heightFactor` by default, with one draw for both. */
  widthFactor: option(factorKind),
  ...filling,
};

/** Options of `randomZoom`. */
export interface RandomZoomOptions extends LayerOptions, OptionsOf<typeof zooming> {}

type Format = { readonly dataFormat: "channelsLast" | "channelsFirst" };

/** What is done to images while training. */
export function whileTraining(call: string, { dataFormat }: Format, origin: Origin, change: (x: Values) => Values) {
  return {
    rule: "same" as const,
    outputShape(sample: readonly number[]) {
      imageOf(call, sample, 2, dataFormat, origin);
      return sample;
    },
    apply: (_: unknown, x: Values, { training }: { readonly training: boolean }): Values => (training ? change(x) : x),
  };
}

/** The same to images [batch, height, width, channels]. */
function placedAnew(call: string, format: Format, origin: Origin, change: (images: Values) => Values) {
  const { dataFormat } = format;
  return whileTraining(call, format, origin, (x) =>
    inFormat(change(channelsLast(x, dataFormat, origin)), dataFormat, origin),
  );
}

/** Rows and columns of each place, from the middle of the image. */
function fromMiddle({ shape }: Values): {
  readonly y: Values;
  readonly x: Values;
  readonly middle: readonly [number, number];
} {
  const [height, width] = [Number(shape[1]), Number(shape[2])];
  const middle = [(height - 1) / 2, (width - 1) / 2] as const;
  return {
    y: reshape(sub(arange(height, "f32"), middle[0]), [1, height, 1]),
    x: reshape(sub(arange(width, "f32"), middle[1]), [1, 1, width]),
    middle,
  };
}

export const randomRotationSchema = layerSchema({
  name: "randomRotation",
  given: { factor: required(factorKind) },
  options: filling,
  example: "0.1",
  make: ({ factor }, options) => randomRotation(factor, options),
});

/** Each image turned about its middle, against the clock where it is above 0, by a part of a full turn: 0.1 is up to 36 degrees either way. */
export function randomRotation(factor: Factor, options: RandomPlaceOptions = {}): Layer<"same"> {
  const values = checkLayer(randomRotationSchema, { factor }, options, arguments);
  const change = (images: Values): Values => {
    const { x, y, middle } = fromMiddle(images);
    const angle = mul(drawn(factor, images.shape[0] ?? 1), 2 * Math.PI);
    const [c, s] = [cos(angle), sin(angle)];
    const rows = add(add(mul(x, s), mul(y, c)), middle[0]);
    const columns = add(sub(mul(x, c), mul(y, s)), middle[1]);
    return sampledAt(images, rows, columns, values);
  };
  return built(randomRotationSchema, values, placedAnew("randomRotation", values, here("randomRotation"), change));
}

export const randomTranslationSchema = layerSchema({
  name: "randomTranslation",
  given: { heightFactor: required(factorKind), widthFactor: required(factorKind) },
  options: filling,
  example: "0.1, 0.1",
  make: ({ heightFactor, widthFactor }, options) => randomTranslation(heightFactor, widthFactor, options),
});

/** Each image moved down and to the right by parts of its size; below 0 up and to the left. */
export function randomTranslation(
  heightFactor: Factor,
  widthFactor: Factor,
  options: RandomPlaceOptions = {},
): Layer<"same"> {
  const values = checkLayer(randomTranslationSchema, { heightFactor, widthFactor }, options, arguments);
  const change = (images: Values): Values => {
    const [batch = 1, high, wide] = images.shape;
    const [height, width] = [Number(high), Number(wide)];
    const down = mul(drawn(heightFactor, batch), height);
    const right = mul(drawn(widthFactor, batch), width);
    const shape = [batch, height, width];
    const rows = sub(reshape(arange(height, "f32"), [1, height, 1]), down);
    const columns = sub(reshape(arange(width, "f32"), [1, 1, width]), right);
    return sampledAt(images, broadcastTo(rows, shape), broadcastTo(columns, shape), values);
  };
  return built(
    randomTranslationSchema,
    values,
    placedAnew("randomTranslation", values, here("randomTranslation"), change),
  );
}

export const randomZoomSchema = layerSchema({
  name: "randomZoom",
  given: { heightFactor: required(factorKind) },
  options: zooming,
  example: "0.1",
  make: ({ heightFactor }, options) => randomZoom(heightFactor, options),
});

/** Each image smaller by a part of its size (zoomed out), below 0 larger: 0.2 is up to a fifth either way. */
export function randomZoom(heightFactor: Factor, options: RandomZoomOptions = {}): Layer<"same"> {
  const values = checkLayer(randomZoomSchema, { heightFactor }, options, arguments);
  const change = (images: Values): Values => {
    const [batch = 1] = images.shape;
    const { x, y, middle } = fromMiddle(images);
    const tall = add(drawn(heightFactor, batch), 1);
    const broad = values.widthFactor === undefined ? tall : add(drawn(values.widthFactor, batch), 1);
    const shape = images.shape.slice(0, 3);
    const rows = add(mul(y, tall), middle[0]);
    const columns = add(mul(x, broad), middle[1]);
    return sampledAt(images, broadcastTo(rows, shape), broadcastTo(columns, shape), values);
  };
  return built(randomZoomSchema, values, placedAnew("randomZoom", values, here("randomZoom"), change));
}

// ---- whole elements ----------------------------------------------------------------------------------------------------

const flipOptions = {
  /** "horizontal", "vertical", or "horizontalAndVertical", the default. */
  mode: option(oneOf("horizontal", "vertical", "horizontalAndVertical"), "horizontalAndVertical"),
  ...dataFormatOption,
};

/** Options of `randomFlip`. */
export interface RandomFlipOptions extends LayerOptions, OptionsOf<typeof flipOptions> {}

/** Which way images are flipped. */
export type FlipMode = RandomFlipOptions["mode"];

export const randomFlipSchema = layerSchema({
  name: "randomFlip",
  given: {},
  options: flipOptions,
  make: (_, options) => randomFlip(options),
});

/** Each image as in a mirror or not, half and half; of two axes each is drawn by itself: `randomFlip("horizontal")`. */
export function randomFlip(options?: RandomFlipOptions): Layer<"same">;
export function randomFlip(mode: FlipMode, options?: RandomFlipOptions): Layer<"same">;
export function randomFlip(_first?: FlipMode | RandomFlipOptions, _options?: RandomFlipOptions): Layer<"same"> {
  const { options, call } = leading<"mode", FlipMode, RandomFlipOptions>("mode", arguments);
  const values = checkLayer(randomFlipSchema, {}, options, call);
  const axes = { horizontal: [2], vertical: [1], horizontalAndVertical: [1, 2] }[values.mode];
  const change = (images: Values): Values =>
    axes.reduce((x, axis) => {
      const isTurned = less(randomUniform([x.shape[0] ?? 1]), 0.5);
      return where(reshape(isTurned, [x.shape[0] ?? 1, 1, 1, 1]), flip(x, [axis]), x);
    }, images);
  return built(randomFlipSchema, values, placedAnew("randomFlip", values, here("randomFlip"), change));
}

const cropOptions = { ...dataFormatOption };

/** Options of `randomCrop`. */
export interface RandomCropOptions extends LayerOptions, OptionsOf<typeof cropOptions> {}

export const randomCropSchema = layerSchema({
  name: "randomCrop",
  given: { height: required(count), width: required(count) },
  options: cropOptions,
  example: "24, 24",
  make: ({ height, width }, options) => randomCrop(height, width, options),
});

/** A part of each image, from a place of its own while training and the middle otherwise. Images that are too small are resized. */
export function randomCrop(height: number, width: number, options: RandomCropOptions = {}): Layer {
  const origin = here("randomCrop");
  const values = checkLayer(randomCropSchema, { height, width }, options, arguments);
  const { dataFormat } = values;
  return built(randomCropSchema, values, {
    rule: "any",
    outputShape(sample) {
      const { channels } = imageOf("randomCrop", sample, 2, dataFormat, origin);
      return sampleOfImage({ sizes: [height, width], channels }, dataFormat);
    },
    apply(_, x, { training }) {
      const images = channelsLast(x, dataFormat, origin);
      const [batch = 1, high, wide] = images.shape;
      const [down, right] = [Number(high) - height, Number(wide) - width];
      const isPart = training && down >= 0 && right >= 0;
      const places = (size: number, room: number, shape: readonly number[]): Values =>
        add(
          reshape(arange(size, "f32"), [1, ...shape]),
          reshape(floor(mul(randomUniform([batch]), room + 1)), [batch, 1, 1]),
        );
      const made = isPart
        ? elementsAt(
            images,
            broadcastTo(places(height, down, [height, 1]), [batch, height, width]),
            broadcastTo(places(width, right, [1, width]), [batch, height, width]),
            { fillMode: "nearest", fillValue: 0, interpolation: "nearest" },
          )
        : middleOf(images, height, width, 1);
      return inFormat(made, dataFormat, origin);
    },
  });
}
