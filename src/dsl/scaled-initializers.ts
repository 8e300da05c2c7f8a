/**
 * Initializers whose spread hangs on the shape: a kernel with many inputs starts smaller. Keras's rule of fans, and its truncated
 * normal: numbers beyond two deviations are drawn again, and the deviation is divided by what that takes from it.
 */
import { orthonormalize } from "../core/orthonormal.ts";
import type { Floats, RandomStream } from "../core/random.ts";
import { sizeOf } from "../graph/shape.ts";
import { drawnBy, type Initializer } from "./starts.ts";

/** Inputs and outputs of one unit. */
export interface Fans {
  readonly fanIn: number;
  readonly fanOut: number;
}

/** How far values lie from 0: the variance is `scale` divided by what `mode` says. */
export interface Scaling {
  readonly scale: number;
  readonly mode: "fanIn" | "fanOut" | "fanAvg";
  readonly distribution: "uniform" | "truncatedNormal" | "untruncatedNormal";
}

/** Those that have a name. */
export const scalings = {
  glorotUniform: { scale: 1, mode: "fanAvg", distribution: "uniform" },
  glorotNormal: { scale: 1, mode: "fanAvg", distribution: "truncatedNormal" },
  heUniform: { scale: 2, mode: "fanIn", distribution: "uniform" },
  heNormal: { scale: 2, mode: "fanIn", distribution: "truncatedNormal" },
  lecunUniform: { scale: 1, mode: "fanIn", distribution: "uniform" },
  lecunNormal: { scale: 1, mode: "fanIn", distribution: "truncatedNormal" },
} satisfies Readonly<Record<string, Scaling>>;

/** The last axis is the outputs, the one before the inputs, others are a receptive field. */
export function fansOf(shape: readonly number[]): Fans {
  const field = sizeOf(shape.slice(0, -2));
  const last = shape[shape.length - 1] ?? 1;
  return { fanIn: field * (shape[shape.length - 2] ?? last), fanOut: field * last };
}

/** Values of this scaling for such fans. */
export function scaled<const S extends readonly number[]>(
  shape: S,
  { fanIn, fanOut }: Fans,
  { scale, mode, distribution }: Scaling,
): Initializer<[...S]> {
  const fan = mode === "fanIn" ? fanIn : mode === "fanOut" ? fanOut : (fanIn + fanOut) / 2;
  const variance = scale / Math.max(1, fan);
  if (distribution === "uniform") {
    const limit = Math.sqrt(3 * variance);
    return drawnBy(shape, (random, into) => random.fillUniform(into, -limit, limit));
  }
  const deviation = Math.sqrt(variance);
  if (distribution === "untruncatedNormal") {
    return drawnBy(shape, (random, into) => random.fillNormal(into, 0, deviation));
  }
  return drawnBy(shape, (random, into) => fillTruncated(random, into, 0, deviation / withinTwo));
}

/** The deviation of a standard normal number that is known to lie within ±2. */
const withinTwo = 0.87962566103423978;

/** Normal numbers, none further than two deviations from the mean. */
export function fillTruncated(random: RandomStream, into: Floats, mean: number, deviation: number): void {
  for (let i = 0; i < into.length; i++) {
    let z = random.normal();
    while (z < -2 || z > 2) z = random.normal();
    into[i] = mean + deviation * z;
  }
}

/** Orthonormal rows, or columns where there are fewer of them, times `gain`. The last axis is the columns, all others the rows. */
export function orthogonalRows<const S extends readonly number[]>(shape: S, gain: number): Initializer<[...S]> {
  const columns = shape[shape.length - 1] ?? 1;
  const rows = sizeOf(shape.slice(0, -1));
  return drawnBy(shape, (random, into) => {
    const [count, length] = rows <= columns ? [rows, columns] : [columns, rows];
    const vectors = new Float64Array(count * length);
    random.fillNormal(vectors, 0, 1);
    orthonormalize(vectors, count, length);
    for (let k = 0; k < vectors.length; k++) {
      const from = rows <= columns ? k : (k % columns) * length + Math.floor(k / columns);
      into[k] = gain * (vectors[from] ?? 0);
    }
  });
}
