/** The namespace `metrics`: every metric that has a name, as a function of its options, and those of your own. */
export { accuracy, type BinaryAccuracyOptions, binaryAccuracy, categoricalAccuracy, matches, sparseCategoricalAccuracy, sparseTopKCategoricalAccuracy, type TopKOptions, topKCategoricalAccuracy } from "./accuracy.ts"; // biome-ignore format: names
export { type AnswerOptions, type CountOptions, falseNegatives, falsePositives, precision, recall, trueNegatives, truePositives } from "./counts.ts"; // biome-ignore format: names
export { type AucOptions, auc, type PrecisionAtRecallOptions, precisionAtRecall, type RecallAtPrecisionOptions, recallAtPrecision, type SensitivityAtSpecificityOptions, type SpecificityAtSensitivityOptions, sensitivityAtSpecificity, specificityAtSensitivity } from "./curves.ts"; // biome-ignore format: names
export { type AlongOptions, binaryCrossentropy, categoricalCrossentropy, categoricalHinge, concordanceCorrelation, cosineSimilarity, hinge, klDivergence, logCoshError, meanAbsoluteError, meanAbsolutePercentageError, meanSquaredError, meanSquaredLogarithmicError, pearsonCorrelation, poisson, type R2Options, r2Score, rootMeanSquaredError, sparseCategoricalCrossentropy, squaredHinge } from "./errors.ts"; // biome-ignore format: names
export { type F1Options, type FBetaOptions, f1Score, fBetaScore } from "./f-scores.ts";
export type { Named } from "./metric.ts";
export { type BinaryIoUOptions, binaryIoU, type ConfusionMatrixOptions, confusionMatrix, type IoUOptions, iou, type MeanIoUOptions, meanIoU, type OneHotIoUOptions, type OneHotMeanIoUOptions, oneHotIoU, oneHotMeanIoU } from "./overlap.ts"; // biome-ignore format: names
export { type MetricDefinition, mean, own, total } from "./own.ts";
