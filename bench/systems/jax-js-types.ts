/** What is called of jax-js, on wasm and on a GPU: it is no dependency, so its own types may not be there. */

export interface Array_ {
  readonly ref: Array_;
  add(other: Array_ | number): Array_;
  sub(other: Array_ | number): Array_;
  mul(other: Array_ | number): Array_;
  div(other: Array_ | number): Array_;
  data(): Promise<ArrayLike<number>>;
  blockUntilReady(): Promise<Array_>;
  dispose(): void;
}
export type Tree = readonly Array_[];
type Jitted<A extends readonly unknown[], R> = ((...args: A) => R) & { dispose?(): void };
export interface JaxJs {
  blockUntilReady(arrays: readonly Array_[]): Promise<unknown>;
  init(device: string): Promise<readonly string[]>;
  defaultDevice(device: string): string;
  jit<A extends readonly unknown[], R>(run: (...args: A) => R): Jitted<A, R>;
  valueAndGrad(loss: (model: Tree) => Array_): (model: Tree) => [Array_, Tree];
  readonly nn: {
    oneHot(labels: Array_, classes: number): Array_;
    logSoftmax(x: Array_, axis?: number): Array_;
    softmax(x: Array_, axis?: number): Array_;
    relu(x: Array_): Array_;
  };
  readonly numpy: {
    array(values: Float32Array | Int32Array, options?: { readonly shape: readonly number[] }): Array_;
    zeros(shape: readonly number[]): Array_;
    matmul(a: Array_, b: Array_): Array_;
    maximum(a: Array_, b: Array_ | number): Array_;
    sqrt(x: Array_): Array_;
    power(base: number, exponent: Array_): Array_;
    sum(x: Array_, axis?: number): Array_;
    argmax(x: Array_, axis: number): Array_;
    mean(x: Array_, axis: number, options: { readonly keepdims: true }): Array_;
  };
}
