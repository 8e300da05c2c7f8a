/**
 * Images as PNG files: bytes from 0 to 255 as they are, floats from 0 to 1.
 */
import { encode } from "fast-png";

/** Pixels row by row: of one image [height, width], with channels (1 grey, 2 grey and alpha, 3 RGB, 4 RGBA), or of several. */
export interface ImageTensor {
  /** Bytes from 0 to 255, or floats from 0 to 1. */
  readonly data: Uint8Array | Uint8ClampedArray | Float32Array | Float64Array;
  /** [height, width], [height, width, channels] or [images, height, width, channels]. */
  readonly shape: readonly number[];
}

export interface EncodedImages {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  readonly pngs: readonly Uint8Array[];
}

/** What is wrong with an image, or null. */
export function imageProblem({ data, shape }: ImageTensor): string | null {
  const isSizes = Array.isArray(shape) && shape.every((size) => Number.isSafeInteger(size) && size > 0);
  if (!isSizes || shape.length < 2 || shape.length > 4) {
    return `its shape must be [height, width], [height, width, channels] or [images, height, width, channels], not ${JSON.stringify(shape)}`;
  }
  const channels = shape.length === 2 ? 1 : (shape.at(-1) ?? 1);
  if (channels > 4) return `it has ${channels} channels, and a picture has 1 (grey), 2, 3 (RGB) or 4 (RGBA)`;
  const isBytes = data instanceof Uint8Array || data instanceof Uint8ClampedArray;
  if (!isBytes && !(data instanceof Float32Array) && !(data instanceof Float64Array)) {
    return "its data must be a Uint8Array of bytes, or a Float32Array of numbers from 0 to 1";
  }
  const wanted = shape.reduce((product, size) => product * size, 1);
  if (data.length !== wanted) return `its shape [${shape}] has ${wanted} numbers, and its data ${data.length}`;
  if (isBytes) return null;
  const odd = data.findIndex((value) => !(value >= -slack && value <= 1 + slack));
  if (odd < 0) return null;
  return `floats of an image are from 0 to 1, and number ${odd} is ${data[odd]}; for 0 to 255 give a Uint8Array`;
}

/** What rounding may leave beyond 0 and 1. */
const slack = 1e-3;

/** PNG files of images in which `imageProblem` found nothing. */
export function encodeImages({ data, shape }: ImageTensor): EncodedImages {
  const [count, height, width, channels] = sizesOf(shape);
  const bytes = bytesOf(data);
  const size = height * width * channels;
  const pngs = Array.from({ length: count }, (_, i) =>
    encode({ width, height, channels, depth: 8, data: bytes.subarray(i * size, (i + 1) * size) }),
  );
  return { width, height, channels, pngs };
}

function sizesOf(shape: readonly number[]): readonly [number, number, number, number] {
  const [a = 1, b = 1, c = 1, d = 1] = shape;
  if (shape.length === 4) return [a, b, c, d];
  return [1, a, b, c];
}

function bytesOf(data: ImageTensor["data"]): Uint8Array {
  if (data instanceof Uint8Array) return data;
  if (data instanceof Uint8ClampedArray) return new Uint8Array(data.buffer, data.byteOffset, data.length);
  return new Uint8Array(Uint8ClampedArray.from(data, (value) => value * 255).buffer);
}
