/** All optimizers that have a name, by it: what `optimizerFrom` reads, and tests go through. A new one is a line here. */
export { adamSchema as adam, adamwSchema as adamw } from "./adam.ts";
export { rmspropSchema as rmsprop } from "./rmsprop.ts";
export { sgdSchema as sgd } from "./sgd.ts";
