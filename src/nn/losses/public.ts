/** The namespace `losses`: every loss that has a name, as a function of its options. */
export { type CircleOptions, circle } from "./circle.ts";
export { type BinaryCrossentropyOptions, binaryCrossentropy, type CategoricalCrossentropyOptions, categoricalCrossentropy, categoricalGeneralizedCrossEntropy, type GeneralizedCrossEntropyOptions, klDivergence, type SparseCategoricalCrossentropyOptions, sigmoidCrossEntropy, softmaxCrossEntropy, sparseCategoricalCrossentropy } from "./cross-entropy.ts"; // biome-ignore format: names
export { ctc } from "./ctc.ts";
export { type HuberLossOptions, huber, logCosh, meanAbsoluteError, meanAbsolutePercentageError, meanSquaredError, meanSquaredLogarithmicError, poisson } from "./errors.ts"; // biome-ignore format: names
export { type BinaryFocalOptions, binaryFocalCrossentropy, type CategoricalFocalOptions, categoricalFocalCrossentropy } from "./focal.ts"; // biome-ignore format: names
export type { LossOptions } from "./loss.ts";
export { type CosineSimilarityOptions, categoricalHinge, cosineSimilarity, hinge, squaredHinge } from "./margins.ts";
export { type DiceOptions, dice, type TverskyOptions, tversky } from "./regions.ts";
