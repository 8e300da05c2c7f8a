/** Numbers that look random, between -1 and 1; the same every time. */
export const numbers = (count: number, seed = 3): Float32Array =>
  Float32Array.from({ length: count }, (_, i) => Math.sin(i * i + seed * i));
