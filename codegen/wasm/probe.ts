/** Which WebAssembly features an engine has, found by validating a tiny module for each. */
import type { FunctionWriter } from "./function.ts";
import { WasmModule } from "./module.ts";

export interface WasmFeatures {
  /** 128-bit vectors. */
  readonly simd: boolean;
  /** Fused multiply-add and other vector instructions whose last bit is the machine's choice; implies `simd`. */
  readonly relaxed: boolean;
}

/** Bytes over memory that is not shared, in words that every TypeScript from 5.4 on has: this type is in our declarations. */
type Bytes = ReturnType<Uint8Array["slice"]>;

/** `validate` is an engine's `WebAssembly.validate`, or stands in for one. */
export function wasmFeatures(validate: (bytes: Bytes) => boolean): WasmFeatures {
  const accepts = (write: (f: FunctionWriter) => void): boolean => {
    const module = new WasmModule();
    module.function("probe", [], [], write);
    return validate(module.finish());
  };
  const vector = new Uint8Array(16);
  const relaxed = accepts((f) => {
    f.constV128(vector);
    f.constV128(vector);
    f.constV128(vector);
    f.op("f32x4.relaxed_madd");
    f.drop();
  });
  const simd =
    relaxed ||
    accepts((f) => {
      f.constV128(vector);
      f.constV128(vector);
      f.op("f32x4.add");
      f.drop();
    });
  return { simd, relaxed };
}
