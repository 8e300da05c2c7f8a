/**
 * What a program computes in.
 *
 *   f32     all of it
 *   mixed   what products and convolutions read is rounded to f16, and added up in f32; everything else is f32
 */
import { type Kind, oneOf } from "./options.ts";

export const precisions = ["f32", "mixed"] as const;

export type Precision = (typeof precisions)[number];

export const precisionKind: Kind<Precision> = oneOf(...precisions);
