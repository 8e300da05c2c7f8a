/**
 * tensorloom: the public surface. Nothing here reaches a module of Node; see node.ts for files, checkpoints and Dawn.
 */

export { compile, compileOn } from "./compile.ts";
export type { CompileOptions, DebugOptions } from "./compile-options.ts";
export type { DType } from "./core/dtype.ts";
export { CompilerBug, DataError, DeviceError, FeedError, ShapeError, UserError } from "./core/errors.ts";
export {
  type SeriesWindow,
  type SplitOptions,
  type TimeseriesOptions,
  timeseries,
  toCategorical,
  trainTestSplit,
} from "./data/arrays.ts";
export type { ImageSet, Split } from "./data/dataset.ts";
export { type SyntheticOptions, syntheticDigits } from "./data/digits.ts";
export { type MnistBytes, mnistFrom } from "./data/mnist-bytes.ts";
export type { AnyDataset } from "./data/pipeline/any-dataset.ts";
export {
  type BatchOptions,
  Dataset,
  type DatasetIterator,
  type DatasetPosition,
  type InterleaveOptions,
  type MapOptions,
  type PadBatchOptions,
  type ShuffleOptions,
} from "./data/pipeline/dataset.ts";
export type { NumberArray } from "./data/pipeline/layout.ts";
export { type Column, type Columns, dataset, rows } from "./data/pipeline/memory.ts";
export type { Generator, GeneratorContext } from "./data/pipeline/operations/generate.ts";
export type { MapContext, Mapper } from "./data/pipeline/operations/map.ts";
export { type Batched, type RowOf, Rows } from "./data/pipeline/types.ts";
export { Pixels } from "./data/pixels.ts";
export {
  type TextVectorizer,
  type TextVectorizerOptions,
  textVectorizer,
  Vocabulary,
  type VocabularyOptions,
  vocabulary,
} from "./data/vocabulary.ts";
export * from "./dsl/initializers.ts";
export * from "./dsl/ops.ts";
export { type Program, program } from "./dsl/program.ts";
export { bf16, bool, f16, f32, f64, freeze, type InputSpec, i32, param, slot, u8, u32 } from "./dsl/spec.ts";
export { type Mask, Tensor } from "./dsl/tensor.ts";
export { jsTarget } from "./eager-targets.ts";
export type { Dim, Dims, Shape } from "./graph/shape.ts";
export {
  type Checkpoint,
  type CheckpointContents,
  type DataPosition,
  decodeCheckpoint,
  encodeCheckpoint,
  type Fingerprint,
  fingerprintOf,
} from "./io/checkpoint.ts";
export type { Hdf5Dataset, Hdf5Engine, Hdf5Group, Hdf5Library, Hdf5Metadata } from "./io/hdf5.ts";
export { type ReadNpyOptions, readNpy, writeNpy } from "./io/npy.ts";
export { type ReadNpzOptions, readNpz, type WriteNpzOptions, writeNpz } from "./io/npz.ts";
export type { Npz } from "./io/npz-archive.ts";
export {
  type ReadSafetensorsOptions,
  readSafetensors,
  type Safetensors,
  type StoredTensor,
  writeSafetensors,
} from "./io/safetensors.ts";
export type { WeightSource } from "./io/weight-file.ts";
export type { LoadWeightsOptions, SaveWeightsOptions, WeightNames, WeightsFormat } from "./io/weight-options.ts";
export type { LoadedWeights } from "./io/weights.ts";
export type {
  BatchRecord,
  Callback,
  CallbackState,
  EpochBegin,
  FitControl,
  TrainBegin,
} from "./nn/callbacks/callback.ts";
export type { CallbackRound, SavedCallbacks } from "./nn/callbacks/callback-state.ts";
export * from "./nn/callbacks/public.ts";
export * as callbacks from "./nn/callbacks/public.ts";
export type { TrainerCompileOptions } from "./nn/compilation.ts";
export type * from "./nn/constraints/public.ts";
export * as constraints from "./nn/constraints/public.ts";
export type { Batches, FitDataOptions, FitOptions, FitSettings, SampleBatch, SampleData } from "./nn/fit-options.ts";
export { layerFrom, lossFrom, metricFrom, optimizerFrom } from "./nn/from-config.ts";
export type { Numbers } from "./nn/given-numbers.ts";
export type { ColumnName, EpochRecord, Evaluated, History, Scores, ScoreTables, Stop, Table } from "./nn/history.ts";
export type { StartingValues } from "./nn/initializers/makers.ts";
export * as initializers from "./nn/initializers/public.ts";
export type { InitializerName, InitializerOption } from "./nn/initializers.ts";
export { activation } from "./nn/layers/activation.ts";
export type { ActivationName } from "./nn/layers/activations.ts";
export { type ActivityRegularizationOptions, activityRegularization } from "./nn/layers/activity-regularization.ts";
export { type AdaptivePoolingOptions, adaptiveAveragePooling1d, adaptiveAveragePooling2d, adaptiveAveragePooling3d, adaptiveMaxPooling1d, adaptiveMaxPooling2d, adaptiveMaxPooling3d } from "./nn/layers/adaptive-pooling.ts"; // biome-ignore format: names
export { type AdditiveAttentionOptions, type AttentionOptions, additiveAttention, attention } from "./nn/layers/attention/attention.ts"; // biome-ignore format: names
export { type GroupQueryAttentionOptions, groupQueryAttention, type MultiHeadAttentionOptions, multiHeadAttention } from "./nn/layers/attention/multi-head.ts"; // biome-ignore format: names
export type { Axes } from "./nn/layers/axes.ts";
export { type Borders, type BordersOptions, cropping1d, cropping2d, cropping3d, zeroPadding1d, zeroPadding2d, zeroPadding3d } from "./nn/layers/borders.ts"; // biome-ignore format: names
export { type ConvLayerOptions, type ConvTransposeLayerOptions, conv1d, conv1dTranspose, conv2d, conv2dTranspose, conv3d, conv3dTranspose } from "./nn/layers/conv.ts"; // biome-ignore format: names
export { type DenseOptions, dense } from "./nn/layers/dense.ts";
export { type DepthwiseConvLayerOptions, depthwiseConv1d, depthwiseConv2d, type SeparableConvLayerOptions, separableConv1d, separableConv2d } from "./nn/layers/depthwise-conv.ts"; // biome-ignore format: names
export type { DotAxes, DotOptions } from "./nn/layers/dot.ts";
export { type DropoutOptions, dropout } from "./nn/layers/dropout.ts";
export { type EinsumDenseOptions, type EinsumOutput, einsumDense } from "./nn/layers/einsum-dense.ts";
export { type EmbeddingOptions, embedding } from "./nn/layers/embedding.ts";
export { type CategoryEncodingOptions, categoryEncoding, type DiscretizationOptions, discretization, type IntegerLookupOptions, integerLookup } from "./nn/layers/encoding.ts"; // biome-ignore format: names
export { flatten } from "./nn/layers/flatten.ts";
export { type GlobalPoolingOptions, globalAveragePooling1d, globalAveragePooling2d, globalAveragePooling3d, globalMaxPooling1d, globalMaxPooling2d, globalMaxPooling3d } from "./nn/layers/global-pooling.ts"; // biome-ignore format: names
export type { ImageAxes, ImageRule } from "./nn/layers/images.ts";
export type {
  Layer,
  LayerResults,
  MaskRule,
  Mode,
  ParamTensors,
  ParamTree,
  SampleShape,
  SampleType,
  Several,
} from "./nn/layers/layer.ts";
export { type MaskingOptions, masking } from "./nn/layers/masking.ts";
export { Masks } from "./nn/layers/masks.ts";
export { average, type ConcatenateOptions, concatenate, multiply, subtract } from "./nn/layers/merging.ts";
export { type AlphaDropoutOptions, alphaDropout, gaussianDropout, gaussianNoise, spatialDropout1d, spatialDropout2d, spatialDropout3d } from "./nn/layers/noise.ts"; // biome-ignore format: names
export type { NoiseShape } from "./nn/layers/noise-shape.ts";
export { type BatchNormalizationOptions, batchNormalization, type RenormClipping } from "./nn/layers/norms/batch-normalization.ts"; // biome-ignore format: names
export { type GroupNormalizationOptions, groupNormalization } from "./nn/layers/norms/group-normalization.ts";
export {
  type LayerNormalizationOptions,
  layerNormalization,
  type RmsNormalizationOptions,
  rmsNormalization,
  type UnitNormalizationOptions,
  unitNormalization,
} from "./nn/layers/norms/layer-normalization.ts";
export { type AdaptOptions, type NormalizationOptions, normalization, normalizationOf } from "./nn/layers/norms/normalization.ts"; // biome-ignore format: names
export { type SpectralNormalizationOptions, spectralNormalization } from "./nn/layers/norms/spectral-normalization.ts";
export { type LayerDefinition, type LayerMode, layer, type SeveralDefinition } from "./nn/layers/own.ts";
export { averagePooling1d, averagePooling2d, averagePooling3d, maxPooling1d, maxPooling2d, maxPooling3d, type PoolingOptions } from "./nn/layers/pooling.ts"; // biome-ignore format: names
export * as layers from "./nn/layers/public.ts";
export { type RandomColorOptions, randomBrightness, randomContrast } from "./nn/layers/random-colors.ts";
export { type Factor, type FlipMode, type RandomCropOptions, type RandomFlipOptions, type RandomPlaceOptions, type RandomZoomOptions, randomCrop, randomFlip, randomRotation, randomTranslation, randomZoom } from "./nn/layers/random-images.ts"; // biome-ignore format: names
export { type EluOptions, type LeakyReluOptions, type PreluOptions, prelu, type ReluOptions, type SoftmaxOptions } from "./nn/layers/rectifiers.ts"; // biome-ignore format: names
export { type BidirectionalOptions, bidirectional } from "./nn/layers/recurrent/bidirectional.ts";
export type { Cell, CellParts, RunningCell } from "./nn/layers/recurrent/cell.ts";
export { type ConvLstmOptions, convLstm1d, convLstm2d, convLstm3d } from "./nn/layers/recurrent/conv-lstm.ts";
export { type GruCellOptions, type GruOptions, gru, gruCell } from "./nn/layers/recurrent/gru.ts";
export { type LstmCellOptions, type LstmOptions, lstm, lstmCell } from "./nn/layers/recurrent/lstm.ts";
export type { RecurrentLayer } from "./nn/layers/recurrent/recurrent.ts";
export { type RnnOptions, rnn, stackedRnnCells } from "./nn/layers/recurrent/rnn.ts";
export {
  type SimpleRnnCellOptions,
  type SimpleRnnOptions,
  simpleRnn,
  simpleRnnCell,
} from "./nn/layers/recurrent/simple-rnn.ts";
export { type RescalingOptions, rescaling } from "./nn/layers/rescaling.ts";
export { type CenterCropOptions, centerCrop, type ResizingOptions, resizing } from "./nn/layers/resizing.ts";
export type { LayerOptions } from "./nn/layers/schema.ts";
export { sequential } from "./nn/layers/sequential.ts";
export { repeatVector } from "./nn/layers/shapes.ts";
export { type SlotUpdates, slotUpdates } from "./nn/layers/slot-updates.ts";
export { timeDistributed } from "./nn/layers/time-distributed.ts";
export { type UpSampling1dOptions, type UpSampling2dOptions, type UpSampling3dOptions, upSampling1d, upSampling2d, upSampling3d } from "./nn/layers/up-sampling.ts"; // biome-ignore format: names
export { Loss, type LossParts, type LossWeights, type Measure } from "./nn/losses/loss.ts";
export type { GivenLoss, LossName } from "./nn/losses/losses.ts";
export * as losses from "./nn/losses/public.ts";
export {
  Metric,
  type MetricBatch,
  type MetricParts,
  type MetricPlace,
  type MetricSlot,
  type MetricState,
} from "./nn/metrics/metric.ts";
export type { GivenMetric, MetricName } from "./nn/metrics/metrics.ts";
export * as metrics from "./nn/metrics/public.ts";
export { type ModelDefinition, model } from "./nn/model.ts";
export type { CallOptions, ModelInput } from "./nn/model-checks.ts";
export type { Model } from "./nn/model-contract.ts";
export { asLayer } from "./nn/nested-model.ts";
export type { PredictOnBatchOptions, TestOnBatchOptions, TrainOnBatchOptions } from "./nn/on-batch.ts";
export type { OnNaN } from "./nn/on-nan.ts";
export type {
  Average,
  MomentsOf,
  Optimizer,
  OptimizerConfig,
  OptimizerSlots,
  Parameter,
  SlotTensors,
  Updated,
  UpdateRequest,
} from "./nn/optimizers/optimizer.ts";
export type { ParameterMoments } from "./nn/optimizers/own.ts";
export * from "./nn/optimizers/public.ts";
export * as optimizers from "./nn/optimizers/public.ts";
export {
  type EpochPlan,
  type EpochState,
  epochLine,
  formatDuration,
  formatRate,
  formatScores,
  type Progress,
} from "./nn/progress.ts";
export { l1, l1l2, l2 } from "./nn/regularizers/penalties.ts";
export type { Regularizer } from "./nn/regularizers/regularizer.ts";
export { type ResumePoint, TrainingError } from "./nn/resume-point.ts";
export type { Samples } from "./nn/samples.ts";
export { type LoadTrainerOptions, trainerFrom } from "./nn/saved-trainer.ts";
export type * from "./nn/schedules/public.ts";
export * as schedules from "./nn/schedules/public.ts";
export { type LayerSummaryOptions, type SummaryOptions, summary } from "./nn/summary.ts";
export type { LayerSummary, Summary } from "./nn/summary-text.ts";
export {
  type EvaluateDataOptions,
  type EvaluateOptions,
  type EvaluateSettings,
  type PredictDataOptions,
  type PredictOptions,
  type RestoreOptions,
  Trainer,
  trainer,
} from "./nn/trainer.ts";
export type {
  InputNames,
  Metrics,
  MetricsFor,
  ModelTrainerOptions,
  OutputNames,
  ScoreNames,
  Trainable,
  TrainerOptions,
  TrainerOptionsFor,
} from "./nn/trainer-options.ts";
export type { Verbose } from "./nn/verbose.ts";
export type { Watch, WatchContext } from "./nn/watch.ts";
export type { ClassWeight } from "./nn/weights.ts";
export type { Report } from "./program/report.ts";
export type { Executable } from "./runtime/executable-type.ts";
export type { Ceiling } from "./runtime/machine.ts";
export type {
  EntryProfile,
  KernelProfile,
  Profile,
  ProfileOptions,
  RunningProfile,
  Span,
  ThreadProfile,
  TransferKind,
  TransferProfile,
} from "./runtime/profile/profile.ts";
export { type PrintProfileOptions, printProfile } from "./runtime/profile/table.ts";
export {
  type CompleteEvent,
  type MetadataEvent,
  profileTrace,
  type Trace,
  type TraceEvent,
} from "./runtime/profile/trace.ts";
export type { VectorBits } from "./runtime/vectors.ts";
export type { TargetOptions } from "./targets.ts";
export { type ExamineOptions, examineTargets, type TargetExam } from "./tools/doctor.ts";
export { type EvaluateExpressionOptions, evaluate, formula } from "./tools/evaluate.ts";
export { gradientDistance, numericGradient } from "./tools/gradient-check.ts";
export { type InspectOptions, inspect, type StageText } from "./tools/inspect.ts";
export type { TuningOptions } from "./tuning/tuned.ts";
export type * from "./types.ts";
