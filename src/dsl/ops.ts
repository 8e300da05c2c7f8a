/**
 * What a program is written in: every function of tensors. Names follow NumPy, Keras and PyTorch where those agree.
 *
 * The primitives are ops of the graph language; everything else is written in them, and has its gradient and every target.
 */
export * from "./activations.ts";
export * from "./checkpoint.ts";
export * from "./conv.ts";
export * from "./custom.ts";
export * from "./derivatives.ts";
export * from "./einsum.ts";
export { grad, pullback } from "./grad.ts";
export * from "./indexing.ts";
export * from "./jacobian.ts";
export * from "./linear-algebra.ts";
export * from "./logic.ts";
export * from "./loops.ts";
export * from "./losses.ts";
export * from "./math.ts";
export * from "./metrics.ts";
export * from "./norms.ts";
export * from "./pool.ts";
export * from "./products.ts";
export * from "./random.ts";
export * from "./reduce.ts";
export * from "./running.ts";
export * from "./shape.ts";
export * from "./sort.ts";
export * from "./sources.ts";
export * from "./statistics.ts";
export * from "./vmap.ts";
export * from "./windows.ts";
