/** Callbacks as users call them: those that need no files. */
export { type EarlyStoppingOptions, earlyStopping } from "./early-stopping.ts";
export type { MonitorMode, MonitorOptions } from "./monitor.ts";
export { type ReduceLROnPlateauOptions, reduceLROnPlateau } from "./reduce-lr-on-plateau.ts";
export { type EpochRate, lambdaCallback, learningRateScheduler, terminateOnNaN } from "./small.ts";
