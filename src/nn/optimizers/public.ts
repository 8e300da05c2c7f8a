/** `optimizers`: every optimizer, and what is put around one. */
export { type AdadeltaOptions, adadelta } from "./adadelta.ts";
export { type AdafactorOptions, adafactor } from "./adafactor.ts";
export { type AdagradOptions, adagrad } from "./adagrad.ts";
export { type AdamOptions, type AdamwOptions, adam, adamw } from "./adam.ts";
export { type AdamaxOptions, adamax } from "./adamax.ts";
export type { CommonOptimizerOptions } from "./common.ts";
export { type FtrlOptions, ftrl } from "./ftrl.ts";
export { groups, type OptimizerGroup } from "./groups.ts";
export { type LambOptions, lamb } from "./lamb.ts";
export { type LionOptions, lion } from "./lion.ts";
export { type LossScaleOptions, lossScale } from "./loss-scale.ts";
export { type MuonOptions, muon } from "./muon.ts";
export { type NadamOptions, nadam } from "./nadam.ts";
export { type OptimizerDefinition, optimizer } from "./own.ts";
export { type RmspropOptions, rmsprop } from "./rmsprop.ts";
export { type ScheduleFreeAdamwOptions, scheduleFreeAdamw } from "./schedule-free.ts";
export { type SgdOptions, sgd } from "./sgd.ts";
export type { WeightPattern } from "./weight-pattern.ts";
