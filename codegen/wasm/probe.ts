/** Which WebAssembly features an engine has, found by validating a tiny module for each. */
import type { FunctionWriter } from "./function.ts";
import { WasmModule } from "./module.ts";

export interface WasmFeatures {
  /** 128-bit vectors. */
  readonly simd: boolean;
  /** Fused multiply-add and other vector instructions whose last bit is the machine's choice; implies `simd`. */
  readonly relaxed: boolean;
  /** Shared memory and atomics. Whether threads may be started is another question (a page's headers decide it). */
  readonly threads: boolean;
}

/** Bytes over memory that is not shared, in words that every TypeScript from 5.4 on has: this type is in our declarations. */
type Bytes = ReturnType<Uint8Array["slice"]>;

/** `validate` is an engine's `WebAssembly.validate`, or stands in for one. */
export function wasmFeatures(validate: (bytes: Bytes) => boolean): WasmFeatures {
  const accepts = (shared: boolean, write: (f: FunctionWriter) => void): boolean => {
    const module = new WasmModule();
    module.importMemory("env", "memory", { min: 1, max: 1, shared });
    module.function("probe", [], [], write);
    return validate(module.finish());
  };
  const vector = new Uint8Array(16);
  const simd = accepts(false, (f) => {
    f.constV128(vector);
    f.constV128(vector);
    f.op("f32x4.add");
    f.drop();
  });
  const relaxed = accepts(false, (f) => {
    f.constV128(vector);
    f.constV128(vector);
    f.constV128(vector);
    f.op("f32x4.relaxed_madd");
    f.drop();
  });
  const threads = accepts(true, (f) => {
    f.constI32(0);
    f.constI32(1);
    f.memory("i32.atomic.rmw.add", 0);
    f.drop();
  });
  return { simd, relaxed: simd && relaxed, threads };
}
