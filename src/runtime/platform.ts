/**
 * Types of the platform that public signatures name: a project has them from the browser's library, from @types/node or from
 * @webgpu/types, or has none of them, and then a few members stand in. So our declarations need nothing that the package does
 * not bring, and a project that knows a type meets its own.
 */

/** What a global class makes, where the project declares it. */
type Declared<Name extends string, Else> = typeof globalThis extends {
  readonly [K in Name]: { readonly prototype: infer Instance };
}
  ? Instance
  : Else;

/** WebGPU's entry point: what `navigator.gpu` is. */
export type Gpu = Declared<"GPU", { requestAdapter(options?: object): Promise<object | null> }>;

export type GpuAdapter = Declared<"GPUAdapter", { requestDevice(descriptor?: object): Promise<object> }>;

export type GpuDevice = Declared<"GPUDevice", { readonly queue: object; readonly limits: object; destroy(): void }>;

/** An AbortSignal. */
export type Signal = Declared<"AbortSignal", { readonly aborted: boolean }>;
