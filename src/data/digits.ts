/**
 * Synthetic handwritten digits: what a first training run uses on a machine that has no data and no network.
 *
 * Each digit is a few strokes, written as control points in a box of 100 x 100; each has several handwritings. A sample
 * picks one and changes it: an elastic field and a small jitter move the control points, an affine map scales, slants,
 * turns and shifts them, a spline runs through them, a pen of varying width draws the spline, the ink gets a grain.
 *
 *     "10,4 90,4 90,4 60,45 40,100"  ->  moved points  ->  smooth line  ->  28 x 28 bytes, 0 is background
 *
 * Sample i of a split is a function of the seed and i alone, and uses only exact arithmetic (no Math.sin and the like),
 * so the bytes are the same on every machine, and 100 samples are the first 100 of 60,000. Every ten samples hold each
 * digit once. The constants of HAND are tuned for the difficulty of MNIST: see the test for the measured accuracies.
 */
import { seed as anySeed, checkArguments, checkOptions, type OptionTable, whole } from "../core/options.ts";
import { RandomStream } from "../core/random.ts";
import type { ImageSet, Split } from "./dataset.ts";
import { Pixels } from "./pixels.ts";

/** Which digits are drawn, and how many. */
export interface SyntheticOptions {
  /** Another seed gives other digits. 0 by default. */
  readonly seed?: number;
  /** How many samples to train on: 60,000 by default, as in MNIST. */
  readonly train?: number;
  /** How many to test on: 10,000 by default. */
  readonly test?: number;
}

const size = whole({ from: 1, to: 2 ** 21 });
const optionTable: OptionTable<SyntheticOptions> = { seed: anySeed, train: size, test: size };

/**
 * Handwritten digits drawn by tensorloom, 28 x 28 bytes each: not MNIST, but of its form and about as difficult. They follow from the seed
 * alone, the first 100 of 60,000 are those of 100, and 60,000 take a few seconds.
 */
export function syntheticDigits(options: SyntheticOptions = {}): ImageSet {
  checkArguments("syntheticDigits", arguments, 1);
  const { seed = 0, train = 60_000, test = 10_000 } = checkOptions("syntheticDigits", options, optionTable);
  const glyphs = HANDWRITINGS.map((variants) => variants.map((strokes) => strokes.map(parseStroke)));
  return {
    name: "synthetic-digits",
    origin: `drawn by tensorloom, not MNIST; seed ${seed}`,
    train: drawSplit(train, new RandomStream(seed, "synthetic digits: train"), glyphs),
    test: drawSplit(test, new RandomStream(seed, "synthetic digits: test"), glyphs),
  };
}

const SIDE = 28;
const PIXELS = SIDE * SIDE;

/** How strongly a hand varies. Lengths are in pixels, except the two that move points: parts of the box's side. */
const HAND = {
  height: 18.5,
  heightSpread: 1.7,
  aspect: 0.72,
  aspectSpread: 0.1,
  slant: 0.08,
  slantSpread: 0.2,
  turnSpread: 0.1,
  shiftSpread: 1.3,
  elastic: 0.055,
  jitter: 0.022,
  radius: 1.2,
  radiusSpread: 0.33,
  pressure: 0.18,
  grain: 0.3,
} as const;

/** The elastic field: displacements at GRID x GRID knots over the box, bilinear in between. */
const GRID = 4;
/** Straight pieces per span of the spline. */
const PIECES = 4;
/** Ink that the pen has not come near. */
const NO_INK = -4;

/** Control points of one stroke: x, y, x, y, ... in parts of the box, y downwards. A point given twice is a corner. */
type Stroke = Float64Array;
type Glyph = readonly Stroke[];

/** Buffers used again for every sample. */
interface Paper {
  readonly field: Float64Array;
  readonly points: Float64Array;
  /** Per pixel: the largest (pen radius - distance to the line), in pixels. */
  readonly ink: Float32Array;
}

function drawSplit(count: number, random: RandomStream, glyphs: readonly (readonly Glyph[])[]): Split {
  const images = new Uint8Array(count * PIXELS);
  const labels = new Uint8Array(count);
  const paper: Paper = {
    field: new Float64Array(2 * GRID * GRID),
    points: new Float64Array(64),
    ink: new Float32Array(PIXELS),
  };
  const ten = Uint8Array.from(glyphs.keys());
  for (let i = 0; i < count; i++) {
    // Parts 0, 2, 4 ... order the digits of each ten; parts 1, 3, 5 ... draw the samples.
    if (i % 10 === 0) shuffleTen(ten, random, i / 5);
    const label = ten[i % 10] ?? 0;
    random.restart(2 * i + 1);
    const variants = glyphs[label] ?? [];
    drawGlyph(variants[random.integer(variants.length)] ?? [], random, paper);
    labels[i] = label;
    develop(paper.ink, random, images.subarray(i * PIXELS, (i + 1) * PIXELS));
  }
  return { images: new Pixels(images.buffer), labels, count, imageShape: [SIDE, SIDE] };
}

function shuffleTen(ten: Uint8Array, random: RandomStream, part: number): void {
  random.restart(part);
  for (let i = 0; i < 10; i++) ten[i] = i;
  for (let i = 9; i > 0; i--) {
    const j = random.integer(i + 1);
    const kept = ten[i] ?? 0;
    ten[i] = ten[j] ?? 0;
    ten[j] = kept;
  }
}

/** Near enough to a normal with deviation 1, within -3 .. 3, and exact: three uniforms added. */
function bell(random: RandomStream): number {
  return 2 * (random.uniform() + random.uniform() + random.uniform() - 1.5);
}

/** Puts the changed strokes of one digit on the paper. */
function drawGlyph(glyph: Glyph, random: RandomStream, paper: Paper): void {
  const height = HAND.height + HAND.heightSpread * bell(random);
  const width = height * (HAND.aspect + HAND.aspectSpread * bell(random));
  const slant = HAND.slant + HAND.slantSpread * bell(random);
  // The turn by its half-angle's tangent, so that no sine is needed.
  const half = (HAND.turnSpread / 2) * bell(random);
  const cosine = (1 - half * half) / (1 + half * half);
  const sine = (2 * half) / (1 + half * half);
  const shiftX = SIDE / 2 + HAND.shiftSpread * bell(random);
  const shiftY = SIDE / 2 + HAND.shiftSpread * bell(random);
  const radius = Math.max(0.7, HAND.radius + HAND.radiusSpread * bell(random));
  const { field, points, ink } = paper;
  for (let k = 0; k < field.length; k++) field[k] = HAND.elastic * bell(random);
  ink.fill(NO_INK);
  for (const stroke of glyph) {
    moveStroke(stroke, random, field, points);
    for (let k = 0; k < stroke.length; k += 2) {
      const y = ((points[k + 1] ?? 0) - 0.5) * height;
      const x = ((points[k] ?? 0) - 0.5) * width - slant * y;
      points[k] = cosine * x - sine * y + shiftX;
      points[k + 1] = sine * x + cosine * y + shiftY;
    }
    const end = radius * (1 + HAND.pressure * bell(random));
    drawSpline(points, stroke.length / 2, radius, Math.max(0.6, end), ink);
  }
}

/** Moves the control points of a stroke by the elastic field and by jitter, into `points`. */
function moveStroke(stroke: Stroke, random: RandomStream, field: Float64Array, points: Float64Array): void {
  for (let k = 0; k < stroke.length; k += 2) {
    const x = stroke[k] ?? 0;
    const y = stroke[k + 1] ?? 0;
    if (k > 0 && x === stroke[k - 2] && y === stroke[k - 1]) {
      points[k] = points[k - 2] ?? 0;
      points[k + 1] = points[k - 1] ?? 0;
      continue;
    }
    const column = Math.min(GRID - 2, Math.floor(x * (GRID - 1)));
    const row = Math.min(GRID - 2, Math.floor(y * (GRID - 1)));
    const u = x * (GRID - 1) - column;
    const v = y * (GRID - 1) - row;
    const knot = 2 * (row * GRID + column);
    for (let axis = 0; axis < 2; axis++) {
      const top = (1 - u) * (field[knot + axis] ?? 0) + u * (field[knot + 2 + axis] ?? 0);
      const low = 2 * GRID + knot + axis;
      const bottom = (1 - u) * (field[low] ?? 0) + u * (field[low + 2] ?? 0);
      const place = axis === 0 ? x : y;
      points[k + axis] = place + (1 - v) * top + v * bottom + HAND.jitter * bell(random);
    }
  }
}

/** Draws the Catmull-Rom spline through `count` points, its width going from `first` to `last`. */
function drawSpline(points: Float64Array, count: number, first: number, last: number, ink: Float32Array): void {
  for (let span = 0; span + 1 < count; span++) {
    const before = 2 * Math.max(0, span - 1);
    const from = 2 * span;
    const to = from + 2;
    const after = 2 * Math.min(count - 1, span + 2);
    let x = points[from] ?? 0;
    let y = points[from + 1] ?? 0;
    if (x === points[to] && y === points[to + 1]) continue;
    for (let piece = 1; piece <= PIECES; piece++) {
      const t = piece / PIECES;
      const nextX = catmullRom(points[before] ?? 0, points[from] ?? 0, points[to] ?? 0, points[after] ?? 0, t);
      const nextY = catmullRom(
        points[before + 1] ?? 0,
        points[from + 1] ?? 0,
        points[to + 1] ?? 0,
        points[after + 1] ?? 0,
        t,
      );
      drawLine(x, y, nextX, nextY, first + ((last - first) * (span + t)) / (count - 1), ink);
      x = nextX;
      y = nextY;
    }
  }
}

function catmullRom(before: number, from: number, to: number, after: number, t: number): number {
  const linear = to - before;
  const square = 2 * before - 5 * from + 4 * to - after;
  const cube = 3 * (from - to) + after - before;
  return from + 0.5 * t * (linear + t * (square + t * cube));
}

/** Inks the pixels near one straight piece. Pixel (row, column) has its centre at (column + 0.5, row + 0.5). */
function drawLine(x0: number, y0: number, x1: number, y1: number, radius: number, ink: Float32Array): void {
  const reach = radius + 1;
  const left = Math.max(0, Math.floor(Math.min(x0, x1) - reach));
  const right = Math.min(SIDE - 1, Math.floor(Math.max(x0, x1) + reach));
  const top = Math.max(0, Math.floor(Math.min(y0, y1) - reach));
  const bottom = Math.min(SIDE - 1, Math.floor(Math.max(y0, y1) + reach));
  const dx = x1 - x0;
  const dy = y1 - y0;
  const inverse = 1 / (dx * dx + dy * dy + 1e-12);
  for (let row = top; row <= bottom; row++) {
    const py = row + 0.5 - y0;
    for (let column = left; column <= right; column++) {
      const px = column + 0.5 - x0;
      const t = Math.max(0, Math.min(1, (px * dx + py * dy) * inverse));
      const ex = px - t * dx;
      const ey = py - t * dy;
      const depth = radius - Math.sqrt(ex * ex + ey * ey);
      const at = row * SIDE + column;
      if (depth > (ink[at] ?? 0)) ink[at] = depth;
    }
  }
}

/** Turns depths into bytes: an edge one pixel wide, and a grain that makes each inked pixel a little lighter. */
function develop(ink: Float32Array, random: RandomStream, image: Uint8Array): void {
  const full = 255 * (1 - 0.12 * random.uniform());
  let word = 0;
  let left = 0;
  for (let at = 0; at < PIXELS; at++) {
    const cover = Math.min(1, (ink[at] ?? 0) + 0.5);
    if (cover <= 0) continue;
    if (left === 0) {
      word = random.bits();
      left = 4;
    }
    image[at] = full * cover * (1 - (HAND.grain * (word & 255)) / 255);
    word >>>= 8;
    left -= 1;
  }
}

function parseStroke(text: string): Stroke {
  return Float64Array.from(text.split(/[ ,]/), (part) => Number(part) / 100);
}

/** For each digit its handwritings, each a list of strokes. */
const HANDWRITINGS: readonly (readonly (readonly string[])[])[] = [
  [
    ["55,2 20,15 8,50 20,85 50,98 80,85 92,50 80,15 55,2"],
    ["70,10 40,2 12,25 8,60 30,95 62,95 90,65 88,30 65,6 45,12"],
    ["48,3 22,22 20,60 38,96 65,92 80,62 76,25 48,3"],
  ],
  [["50,0 50,50 50,100"], ["28,24 54,0 54,0 53,50 52,100"], ["25,22 52,0 52,0 52,50 52,98", "22,98 52,99 84,97"]],
  [
    ["12,25 30,4 62,2 85,22 75,48 40,78 10,98 10,98 50,96 92,97"],
    ["12,25 35,3 70,5 83,30 60,65 25,93 10,92 18,78 40,85 65,97 95,88"],
    ["8,14 45,2 82,12 80,40 45,72 14,95 14,95 55,90 90,99"],
  ],
  [
    ["12,12 45,0 80,12 78,36 42,47 42,47 85,60 88,85 50,100 10,90"],
    ["12,3 85,3 85,3 42,42 42,42 80,52 90,78 55,100 10,90"],
    ["18,15 50,2 78,20 62,42 35,48 70,54 84,76 58,98 14,88"],
  ],
  [
    ["20,0 10,55 10,55 50,56 92,54", "75,2 70,50 65,100"],
    ["70,100 70,50 70,0 70,0 8,68 8,68 50,68 95,67"],
    ["15,5 12,40 25,55 60,55 82,46", "85,2 78,50 72,100"],
  ],
  [
    ["85,2 25,3 25,3 20,45 20,45 55,38 88,58 85,85 50,100 10,90"],
    ["25,5 20,42 20,42 60,40 88,62 75,92 40,100 8,88", "25,5 58,5 92,2"],
    ["80,5 35,4 35,4 22,44 22,44 62,46 76,70 52,96 15,92"],
  ],
  [
    ["75,2 40,20 15,55 18,85 50,100 82,85 82,62 55,48 25,60 17,75"],
    ["60,0 25,40 12,75 35,99 70,95 85,72 65,52 30,62 18,80"],
    ["48,0 28,30 20,70 40,98 68,90 72,66 48,58 24,76"],
  ],
  [
    ["10,4 50,5 90,4 90,4 60,45 40,100"],
    ["10,4 50,5 90,4 90,4 62,45 45,100", "30,50 58,49 82,50"],
    ["10,20 12,5 12,5 90,5 90,5 65,40 50,70 45,100"],
  ],
  [
    ["80,12 45,0 20,20 40,42 68,58 85,80 50,100 15,80 32,58 62,42 82,22 70,5"],
    ["50,0 22,10 22,35 50,47 78,35 78,10 50,0", "50,47 14,60 14,90 50,100 86,90 86,60 50,47"],
    ["72,8 40,2 24,20 46,44 70,66 66,92 36,98 24,78 44,52 72,26 66,4"],
  ],
  [
    ["82,25 60,2 25,8 12,32 30,52 60,48 82,25 82,25 80,60 70,100"],
    ["82,22 60,2 28,8 15,30 32,50 62,46 82,22 82,22 83,60 65,94 30,98"],
    ["74,10 44,2 22,22 34,46 62,40 74,10 74,10 70,55 68,100"],
  ],
];
