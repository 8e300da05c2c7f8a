/**
 * Scalar functions that no instruction computes: they take several, are routines, or are not defined. The tables of instructions
 * name all others, so that `tsc` asks each of them for a new function.
 */

/** Of any type, scalar or vector. */
const noInstruction = {
  mod: null,
  sign: null,
  rsqrt: null,
  exp: null,
  expm1: null,
  log: null,
  log1p: null,
  sin: null,
  cos: null,
  tanh: null,
  erf: null,
  pow: null,
  roundHalf: null,
  roundBrain: null,
  threefry: null,
  select: null,
} as const;

export const noFloatInstruction = {
  ...noInstruction,
  and: null,
  or: null,
  not: null,
  xor: null,
  shiftLeft: null,
  shiftRight: null,
  rotateLeft: null,
} as const;

export const noIntegerInstruction = {
  ...noInstruction,
  div: null,
  abs: null,
  floor: null,
  ceil: null,
  round: null,
  sqrt: null,
} as const;
