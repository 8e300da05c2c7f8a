/**
 * tensorloom: the public surface. Nothing here reaches a module of Node; see node.ts for files, checkpoints and Dawn.
 */

export { type CompileOptions, compileOn, jsTarget } from "./compile.ts";
export * from "./dsl/composites.ts";
export { grad } from "./dsl/grad.ts";
export * from "./dsl/initializers.ts";
export * from "./dsl/ops.ts";
export { type Program, program } from "./dsl/program.ts";
export { bool, f16, f32, f64, i32, param, slot, u8, u32 } from "./dsl/spec.ts";
export { scalar, Tensor } from "./dsl/tensor.ts";
export { CompilerBug, DataError, DeviceError, FeedError, ShapeError, UserError } from "./errors.ts";
export type { Report } from "./report.ts";
export type { Executable } from "./runtime/executable.ts";
