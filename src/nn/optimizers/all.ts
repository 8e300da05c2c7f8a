/** All optimizers that have a name, by it: what `optimizerFrom` reads, and tests go through. A new one is a line here and in public.ts. */
export { adadeltaSchema as adadelta } from "./adadelta.ts";
export { adafactorSchema as adafactor } from "./adafactor.ts";
export { adagradSchema as adagrad } from "./adagrad.ts";
export { adamSchema as adam, adamwSchema as adamw } from "./adam.ts";
export { adamaxSchema as adamax } from "./adamax.ts";
export { ftrlSchema as ftrl } from "./ftrl.ts";
export { lambSchema as lamb } from "./lamb.ts";
export { lionSchema as lion } from "./lion.ts";
export { muonSchema as muon } from "./muon.ts";
export { nadamSchema as nadam } from "./nadam.ts";
export { rmspropSchema as rmsprop } from "./rmsprop.ts";
export { scheduleFreeAdamwSchema as scheduleFreeAdamw } from "./schedule-free.ts";
export { sgdSchema as sgd } from "./sgd.ts";
