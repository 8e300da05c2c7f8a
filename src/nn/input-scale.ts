/**
 * Input scale: what a trainer's x is multiplied by, and that it stays the same from training to prediction.
 *
 *   fit({ x: Pixels })                          1/255, and remembered
 *   fit({ x: bytes, scale: 1/255 })             asked for, and remembered
 *   fit({ x: bytes or floats })                 1: as they are
 *
 * Later calls without `scale` take bytes as bytes were taken in training, and other numbers as those were. Where the kind differs
 * the same numbers may mean two things (floats from 0 to 1 after pixels: scaled already; from 0 to 255: not), and what cannot be
 * told apart by the range trained on is refused, never guessed.
 */

import { DataError, FeedError, messageOf } from "../core/errors.ts";
import type { Source } from "../data/dataset.ts";
import { Pixels } from "../data/pixels.ts";
import { ConfigReader, required } from "./config.ts";
import { Ports } from "./ports.ts";

/** What one input was multiplied by in training. */
export interface InputScale {
  readonly scale: number;
  /** Whether it came as bytes. */
  readonly bytes: boolean;
  /** The largest magnitude that it can have had: of bytes 255 times the scale, of others as far as was looked. */
  readonly largest: number;
}

/** Null before training; "unknown" where the weights are from a file that does not say. */
export type InputScales = Ports<InputScale> | "unknown" | null;

export const scaleOfOne = (scales: InputScales, name: string): InputScale | "unknown" | null =>
  scales instanceof Ports ? scales.get(name) : scales;

/** The factor for `x` where the caller gave none. `what` names it for messages: "predict: x". */
export function inputScale(what: string, x: Source, trained: InputScale | "unknown" | null): number {
  const own = x instanceof Pixels ? x.scale : 1;
  if (trained === null) return own;
  const bytes = isBytes(x);
  if (trained === "unknown") {
    if (!bytes || own !== 1) return own;
    throw ambiguous(
      what,
      "is bytes, and the file that the weights are from does not say what bytes were multiplied by",
    );
  }
  const { scale, largest } = trained;
  if (trained.bytes === bytes) return scale;
  if (trained.bytes) return scale === 1 ? 1 : scaledAlready(what, x, trained);
  if (scale !== 1) return scale;
  const reach = own * largestIn(x, x.length);
  // Of pixels and numbers beyond 1, or of bytes beyond 1 and numbers within, one kind must have been scaled and the other not.
  const isOdd = own === 1 ? largest <= slack && reach > 1 : largest > slack;
  if (!isOdd) return own;
  const had = `it was trained on numbers ${largest <= slack ? "up to" : "as large as"} ${largest}`;
  throw ambiguous(
    what,
    own === 1 ? `is bytes up to ${reach}, and ${had}` : `is pixels, which are taken from 0 to 1, and ${had}`,
  );
}

/** What to remember of an input that is trained on. */
export function scaleTrainedOn(x: Source, scale: number): InputScale {
  const bytes = isBytes(x);
  // No infinity, which JSON has no word for.
  const largest = Math.min(Math.abs(scale) * (bytes ? 255 : largestIn(x, looked)), Number.MAX_VALUE);
  return { scale, bytes, largest };
}

/** The text of a checkpoint's note. */
export function printScales(scales: Ports<InputScale> | null): string {
  return JSON.stringify(scales?.entries().map(([name, one]) => ({ name, ...one })) ?? null);
}

/** From a checkpoint's note; "unknown" where there is none, or it is of other inputs. `file` is what errors call it. */
export function readScales(text: string | undefined, inputs: Ports<unknown>, file: string): InputScales {
  if (text === undefined) return "unknown";
  if (text === "null") return null;
  const reader = new ConfigReader(parse(text, file), `${file}: input scales`);
  const found = new Map(
    reader.list(maxInputs).map((one) => {
      const fields = one.fields("name", "scale", "bytes", "largest");
      const field = (name: keyof typeof fields): ConfigReader => required(fields[name], one, name);
      const scale = {
        scale: field("scale").number(),
        bytes: field("bytes").boolean(),
        largest: field("largest").number(),
      };
      return [field("name").text(), scale] as const;
    }),
  );
  if (inputs.names.some((name) => !found.has(name))) return "unknown";
  const known = Ports.named(found);
  return inputs.map((_, name) => known.get(name));
}

// ---- inside --------------------------------------------------------------------------------------------------------

/** How many numbers are looked at, of those trained on: enough to meet a large one where there are such. */
const looked = 65_536;
const maxInputs = 10_000;
/** 1, but for the rounding of x / 255. */
const slack = 1 + 1e-6;

/** From 0 to 255; of whichever realm. */
function isBytes(x: Source): boolean {
  return /^\[object Uint8(Clamped)?Array\]$/.test(Object.prototype.toString.call(x));
}

/** Numbers for a trainer of scaled bytes: within the range of those they are scaled already. */
function scaledAlready(what: string, x: Source, { scale, largest }: InputScale): number {
  const reach = largestIn(x, x.length);
  if (reach <= largest * slack) return 1;
  throw ambiguous(what, `has numbers as large as ${reach}, and the bytes it was trained on were multiplied by ${fraction(scale)}, to at most ${largest}`); // biome-ignore format: short
}

function ambiguous(what: string, problem: string): FeedError {
  return new FeedError(
    `${what} ${problem}: say what x is to be multiplied by, scale: 1/255 for pixels or scale: 1 for numbers as they are`,
  );
}

function fraction(scale: number): string {
  return scale === 1 / 255 ? "1/255" : String(scale);
}

/** The largest magnitude of the first numbers; what is not finite counts as none. */
function largestIn(x: Source, most: number): number {
  let largest = 0;
  const end = Math.min(x.length, most);
  for (let i = 0; i < end; i++) {
    const size = Math.abs(x[i] ?? 0);
    if (size > largest && size < Number.POSITIVE_INFINITY) largest = size;
  }
  return largest;
}

function parse(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new DataError(`${file}: the input scales are no JSON: ${messageOf(error)}`, { cause: error });
  }
}
