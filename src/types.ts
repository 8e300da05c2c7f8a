/**
 * Types that public signatures are made of: for functions around ours, and for naming what inference finds. Those of the graph
 * and of training (`Entry`, `GraphNode`, `Training`...) are there to be named, and what they hold is the compiler's own business.
 */

export type { HalfFloats } from "./core/arrays.ts";
export type { Precision } from "./core/precision.ts";
export type { Floats } from "./core/random.ts";
export type { Spelled } from "./core/spelling.ts";
export type { Destination as NumericDestination, Source as NumericArray } from "./data/dataset.ts";
export type { Cursor, MaybePromise, Pass, RowBlock, RowWalk, Stage } from "./data/pipeline/cursor.ts";
export type { ColumnArray, Layout, Leaf } from "./data/pipeline/layout.ts";
export type { MapRandom } from "./data/pipeline/operations/map.ts";
export type { Table as DatasetTable, TableKind } from "./data/pipeline/table.ts";
export type { FloatOf } from "./dsl/floats.ts";
export type { GradientsOf } from "./dsl/grad.ts";
export type { ScanLength, ScanRows, StackedOf } from "./dsl/loop-types.ts";
export type {
  BatchMatmulShape,
  CheckAllDTypes,
  CheckBatchMatmul,
  CheckDot,
  CheckLabels,
  ConcatShape,
  DotShape,
  GatherShape,
  PadShape,
  ReshapeShape,
  RowsOf,
  ScatterShape,
  SliceShape,
} from "./dsl/part-types.ts";
export type { EntryFunction, EntryResult, OutputsOf, ProgramDefinition, StepDefinition } from "./dsl/program.ts";
export type { Fans } from "./dsl/scaled-initializers.ts";
export type {
  AlongAxis,
  Broadcast,
  CheckAxis,
  CheckBroadcast,
  CheckDTypes,
  CheckMatmul,
  CheckOptions,
  CheckOrder,
  MatmulShape,
  NoOptions,
  PermuteShape,
  ReduceOptions,
  ReduceShape,
  Reversed,
} from "./dsl/shape-types.ts";
export type { Range as StateRange, StateOptions, StateSpec, TensorsOf } from "./dsl/spec.ts";
export type { DTypeOf, Operand, ShapeOf } from "./dsl/tensor.ts";
export type { NamedLeaf } from "./dsl/tree.ts";
export type { AxisTree, CheckExamples, ExampleOf, ExamplesOf, ExamplesTree } from "./dsl/vmap-types.ts";
export type {
  CheckConv,
  CheckDepthwise,
  CheckPool,
  CheckTransposed,
  ConvShape,
  DepthwiseShape,
  GlobalPoolShape,
  PoolShape,
  TransposedShape,
  WindowShape,
} from "./dsl/window-types.ts";
export type { Entry } from "./graph/entry.ts";
export type { Literal as GraphLiteral, Node as GraphNode } from "./graph/node.ts";
export type { Constant as FingerprintConstant, StateType } from "./io/checkpoint.ts";
export type { WithAttributes } from "./io/hdf5.ts";
export type { TargetName } from "./kernel/target.ts";
export type { RunOrder } from "./nn/checkpointing.ts";
export type { Config as SavedConfig, ConfigRecord } from "./nn/config.ts";
export type { EpochFacts } from "./nn/history.ts";
export type { MergedRule } from "./nn/layers/recurrent/bidirectional.ts";
export type { StepResults, Values as CellValues } from "./nn/layers/recurrent/cell.ts";
export type {
  Course,
  Pass as RecurrentPass,
  Recurrent,
  Returns,
  ReturnsRule,
} from "./nn/layers/recurrent/recurrent.ts";
export type { CellRule } from "./nn/layers/recurrent/rnn.ts";
export type { RulesOf } from "./nn/layers/sequential.ts";
export type { AxesRule, AxisRule, OutputShape, ShapeRule, Window } from "./nn/layers/shape-rule.ts";
export type { StepsRule } from "./nn/layers/time-distributed.ts";
export type { NeedsOptions } from "./nn/metrics/metrics.ts";
export type { InputTensors, NamesIn } from "./nn/model.ts";
export type { Head as OutputHead, OutputTensor } from "./nn/model-contract.ts";
export type { Ports } from "./nn/ports.ts";
export type { PenaltyFactors } from "./nn/regularizers/penalties.ts";
export type { ForEach, NumbersFor } from "./nn/samples.ts";
export type { Predicted, PredictOptions } from "./nn/trainer.ts";
export type { CommonTrainerOptions } from "./nn/trainer-options.ts";
export type { TrainingOutputs, TrainingProgram } from "./nn/training-program.ts";
export type { ClassWeightFor } from "./nn/weights.ts";
export type {
  Buffer as MemoryBuffer,
  BufferSlot,
  Range as ByteRange,
  Segment as MemorySegment,
} from "./program/buffer.ts";
export type { Picks as KernelPicks } from "./program/compiled.ts";
export type { AgainReport, EntryReport, KernelReport, MemoryReport, PassReport } from "./program/report.ts";
export type { ExecutableCore } from "./runtime/executable-type.ts";
export type { Feed, FeedsOf, ViewOf } from "./runtime/feeds.ts";
export type { NestedNumbers } from "./runtime/host-values.ts";
export type { LaunchObserver } from "./runtime/machine.ts";
export type { Gpu, GpuDevice, PlatformType, Signal } from "./runtime/platform.ts";
export type { RunRequest, StepsRequest } from "./runtime/requests.ts";
export type { Snapshot, StateAccess } from "./runtime/state.ts";
export type { ArrayOf, ArraysByDType, TypedArray } from "./runtime/typed-arrays.ts";
export type { ReadValue, SeriesOf, ValueOf } from "./runtime/value-types.ts";
export type { Skippable } from "./stages.ts";
export type { TargetSetup } from "./target-setup.ts";
export type { WayExam } from "./tools/doctor.ts";
export type { NamedValues, TensorsAt, Value as ExpressionValue } from "./tools/evaluate.ts";
