/** All losses that have a name, by it. A new one is a line here, and one in public.ts. */
export { circleSchema as circle } from "./circle.ts";
export { binaryCrossentropySchema as binaryCrossentropy, categoricalCrossentropySchema as categoricalCrossentropy, categoricalGeneralizedCrossEntropySchema as categoricalGeneralizedCrossEntropy, klDivergenceSchema as klDivergence, sigmoidCrossEntropySchema as sigmoidCrossEntropy, softmaxCrossEntropySchema as softmaxCrossEntropy, sparseCategoricalCrossentropySchema as sparseCategoricalCrossentropy } from "./cross-entropy.ts"; // biome-ignore format: names
export { ctcSchema as ctc } from "./ctc.ts";
export { huberSchema as huber, logCoshSchema as logCosh, meanAbsoluteErrorSchema as meanAbsoluteError, meanAbsolutePercentageErrorSchema as meanAbsolutePercentageError, meanSquaredErrorSchema as meanSquaredError, meanSquaredLogarithmicErrorSchema as meanSquaredLogarithmicError, poissonSchema as poisson } from "./errors.ts"; // biome-ignore format: names
export { binaryFocalCrossentropySchema as binaryFocalCrossentropy, categoricalFocalCrossentropySchema as categoricalFocalCrossentropy } from "./focal.ts"; // biome-ignore format: names
export { categoricalHingeSchema as categoricalHinge, cosineSimilaritySchema as cosineSimilarity, hingeSchema as hinge, squaredHingeSchema as squaredHinge } from "./margins.ts"; // biome-ignore format: names
export { diceSchema as dice, tverskySchema as tversky } from "./regions.ts";
