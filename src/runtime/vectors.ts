/** How wide the CPU's vectors are to be. */
import type { Kind } from "../core/options.ts";

/** In bits; "auto": as wide as pays. */
export type VectorBits = "auto" | 128 | 256;

export const vectorKind: Kind<VectorBits> = {
  wanted: 'one of "auto", 128, 256',
  accepts: (value): value is VectorBits => value === "auto" || value === 128 || value === 256,
};
