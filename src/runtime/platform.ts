/**
 * Types of the platform that public signatures name: a project has them from the browser's library, from @types/node or from
 * @webgpu/types, or has none of them, and then a few members stand in. So our declarations need nothing that the package does
 * not bring, and a project that knows a type meets its own.
 */

/** What a global class makes, where the project declares it. */
export type PlatformType<Name extends string, Else> = typeof globalThis extends {
  readonly [K in Name]: { readonly prototype: infer Instance };
}
  ? Instance
  : Else;

/** WebGPU's entry point: what `navigator.gpu` is. */
export type Gpu = PlatformType<"GPU", { requestAdapter(options?: object): Promise<object | null> }>;

export type GpuAdapter = PlatformType<"GPUAdapter", { requestDevice(descriptor?: object): Promise<object> }>;

export type GpuDevice = PlatformType<"GPUDevice", { readonly queue: object; readonly limits: object; destroy(): void }>;

/** An AbortSignal. */
export type Signal = PlatformType<"AbortSignal", { readonly aborted: boolean }>;
