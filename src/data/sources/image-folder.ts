/**
 * Folders of images as datasets: a folder for each class, PNG and JPEG files in it. Node only.
 *
 *   flowers/rose/1.png, flowers/tulip/2.jpg     { x: Pixels of height * width * channels, y: 0 }, { x: ..., y: 1 }
 *
 * Classes and files come in the order of their names. An image is decoded when it is its turn; `.cache()` keeps what was decoded.
 */
import { readdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { extname, join } from "node:path";
import { DataError, messageOf } from "../../core/errors.ts";
import { checkArguments, checkOptions, checkValue, count, either, list, type OptionTable, text } from "../../core/options.ts"; // biome-ignore format: names
import { withLine } from "../../core/origin.ts";
import { fail } from "../fail.ts";
import type { Dataset } from "../pipeline/dataset.ts";
import { dataset } from "../pipeline/memory.ts";
import { Pixels } from "../pixels.ts";

export interface ImageFolderOptions {
  /** What images are resized to, whatever their shape: one number for both, or height and width. 256 by default, as in Keras. */
  readonly size?: number | readonly number[];
  /** Red, green and blue (3, the default), or brightness alone (1). What is transparent in an image is left out. */
  readonly channels?: 1 | 3;
  /** The folders, in the order of their numbers. All by default, in the order of their names. */
  readonly classes?: readonly string[];
}

const channelsKind = { wanted: "1 or 3", accepts: (value: unknown): value is 1 | 3 => value === 1 || value === 3 };
const table: OptionTable<ImageFolderOptions> = {
  size: either(count, list(count)),
  channels: channelsKind,
  classes: list(text),
};

/** An image and the number of its class. */
export interface LabelledImage {
  readonly x: Pixels;
  readonly y: number;
}

/** The images of a folder that has a folder for each class. */
export function imageFolder(path: string, options: ImageFolderOptions = {}): Dataset<LabelledImage> {
  checkArguments("imageFolder", arguments, 2);
  checkValue("imageFolder", "the path", path, text);
  const { size = 256, channels = 3, classes } = checkOptions("imageFolder", options, table, { before: "path, " });
  const [height = 0, width = height, ...more] = typeof size === "number" ? [size] : size;
  if (height === 0 || more.length > 0) fail("imageFolder", "size must be one number, or height and width");
  try {
    return imagesIn(path, { height, width, channels, classes });
  } catch (error) {
    throw withLine(error, "imageFolder");
  }
}

interface Wanted {
  readonly height: number;
  readonly width: number;
  readonly channels: 1 | 3;
  readonly classes: readonly string[] | undefined;
}

function imagesIn(path: string, { height, width, channels, classes }: Wanted): Dataset<LabelledImage> {
  const folders = namesIn(path, true);
  const wanted = classes ?? folders;
  const unknown = wanted.find((name) => !folders.includes(name));
  if (unknown !== undefined) throw new DataError(`${path} has no folder ${JSON.stringify(unknown)}`);
  if (wanted.length === 0) throw new DataError(`${path} has no folders: an image belongs in the folder of its class`);
  const files = wanted.flatMap((name, y) => {
    const images = namesIn(join(path, name), false).filter((file) => /\.(?:png|jpe?g)$/i.test(file));
    return images.map((file) => ({ file: join(path, name, file), y }));
  });
  if (files.length === 0)
    throw new DataError(`${path} has no .png, .jpg or .jpeg file in the folders ${wanted.join(", ")}`);
  const decode = decoder();
  return dataset(files).map(async ({ file, y }) => {
    const image = await decode(file);
    return { x: resized(withChannels(image, channels), height, width), y };
  });
}

function namesIn(path: string, folders: boolean): readonly string[] {
  try {
    const found = readdirSync(path, { withFileTypes: true }).filter((entry) => entry.isDirectory() === folders);
    return found.map(({ name }) => name).toSorted((a, b) => (a < b ? -1 : 1));
  } catch (error) {
    throw new DataError(`${path}: could not be read: ${messageOf(error)}`, { cause: error });
  }
}

/** Bytes, pixel after pixel. */
interface Image {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  readonly data: ArrayLike<number>;
}

type DecodeJpeg = (
  bytes: ArrayBuffer,
) => Promise<{ readonly width: number; readonly height: number; readonly data: ArrayLike<number> }>;

/** Loads the decoders that are needed, once. */
function decoder(): (file: string) => Promise<Image> {
  let jpeg: Promise<DecodeJpeg> | null = null;
  return async (file) => {
    const bytes = await readFile(file).catch((error: unknown) => {
      throw new DataError(`${file}: could not be read: ${messageOf(error)}`, { cause: error });
    });
    try {
      // What a file is says its beginning, whatever its name says.
      if (bytes[0] === 0x89 && bytes[1] === 0x50) return await decodePng(bytes);
      if (bytes[0] !== 0xff || bytes[1] !== 0xd8)
        throw new Error(`it is neither PNG nor JPEG (its name ends in ${extname(file)})`);
      // The decoder fills up with grey what is missing.
      if (bytes.lastIndexOf(endOfImage, undefined, "latin1") <= bytes.lastIndexOf(startOfScan, undefined, "latin1"))
        throw new Error("the JPEG file is truncated");
      jpeg ??= loadJpeg();
      const { width, height, data } = await (await jpeg)(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length)); // biome-ignore format: short
      return { width, height, channels: 4, data };
    } catch (error) {
      throw new DataError(`${file}: could not be decoded: ${messageOf(error)}`, { cause: error });
    }
  };
}

const endOfImage = "\u00ff\u00d9";
const startOfScan = "\u00ff\u00da";

async function decodePng(bytes: Uint8Array): Promise<Image> {
  const { convertIndexedToRgb, decode } = await import("fast-png");
  const image = decode(bytes, { checkCrc: true });
  const { width, height, depth, channels, data, palette } = image;
  if (palette !== undefined) {
    const colours = palette[0]?.length ?? 3;
    return { width, height, channels: colours, data: convertIndexedToRgb(image) };
  }
  if (depth === 16) return { width, height, channels, data: Uint8Array.from(data, (value) => value >> 8) };
  if (depth === 8) return { width, height, channels, data };
  return { width, height, channels, data: unpackedBits(data, width, height, depth) };
}

/** Brightness of fewer than 8 bits, several pixels to a byte. */
function unpackedBits(data: ArrayLike<number>, width: number, height: number, depth: number): Uint8Array {
  const [out, rowBytes, most] = [new Uint8Array(width * height), Math.ceil((width * depth) / 8), 2 ** depth - 1];
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const bit = column * depth;
      const value = ((data[row * rowBytes + (bit >> 3)] ?? 0) >> (8 - depth - (bit & 7))) & most;
      out[row * width + column] = Math.round((value * 255) / most);
    }
  }
  return out;
}

async function loadJpeg(): Promise<DecodeJpeg> {
  const { default: decode, init } = await import("@jsquash/jpeg/decode.js");
  const wasm = createRequire(import.meta.url).resolve("@jsquash/jpeg/codec/dec/mozjpeg_dec.wasm");
  await init(await WebAssembly.compile(await readFile(wasm)));
  return decode;
}

/** Brightness is that of television (ITU-R BT.601), as in TensorFlow. */
function withChannels({ width, height, channels, data }: Image, wanted: 1 | 3): Image {
  const out = new Float32Array(width * height * wanted);
  const isGrey = channels < 3;
  for (let i = 0; i < width * height; i++) {
    const r = data[i * channels] ?? 0;
    const g = isGrey ? r : (data[i * channels + 1] ?? 0);
    const b = isGrey ? r : (data[i * channels + 2] ?? 0);
    if (wanted === 1) out[i] = isGrey ? r : 0.299 * r + 0.587 * g + 0.114 * b;
    else out.set([r, g, b], 3 * i);
  }
  return { width, height, channels: wanted, data: out };
}

/** Bilinear between the centres of pixels, as `Resizing` of Keras; rounded to bytes. */
function resized({ width, height, channels, data }: Image, toHeight: number, toWidth: number): Pixels {
  const out = new Pixels(toHeight * toWidth * channels);
  const [ys, xs] = [places(height, toHeight), places(width, toWidth)];
  let at = 0;
  for (const y of ys) {
    for (const x of xs) {
      for (let c = 0; c < channels; c++) {
        const of = (row: number, column: number): number => data[(row * width + column) * channels + c] ?? 0;
        const above = of(y.low, x.low) + (of(y.low, x.high) - of(y.low, x.low)) * x.share;
        const below = of(y.high, x.low) + (of(y.high, x.high) - of(y.high, x.low)) * x.share;
        out[at++] = Math.round(above + (below - above) * y.share);
      }
    }
  }
  return out;
}

/** For each pixel of the new row the two of the old one that it lies between, and how near it is to the second. */
function places(
  from: number,
  to: number,
): readonly { readonly low: number; readonly high: number; readonly share: number }[] {
  return Array.from({ length: to }, (_, i) => {
    const place = Math.min(Math.max(((i + 0.5) * from) / to - 0.5, 0), from - 1);
    const low = Math.floor(place);
    return { low, high: Math.min(low + 1, from - 1), share: place - low };
  });
}
