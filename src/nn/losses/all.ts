/** All losses that have a name, by it. A new one is a line here. */
export { sigmoidCrossEntropy, softmaxCrossEntropy } from "./cross-entropy.ts";
export { meanAbsoluteError, meanSquaredError } from "./errors.ts";
