/**
 * The fastest that this machine multiplies and adds in 128-bit vectors: what contractions on `wasm` are measured against.
 *
 * Twelve independent chains of s = s * x + y, as many as a 6x8 block has sums, in registers: no loads, no stores. With
 * relaxed SIMD a multiply-add is one instruction, otherwise two.
 */
import { sums, writeMultiplyAdds } from "../codegen/wasm/ceiling-probe.ts";
import { WasmModule } from "../codegen/wasm/module.ts";

/** Runs a number of rounds. */
export async function multiplyAddCeiling(relaxed: boolean): Promise<(rounds: number) => void> {
  const wasm = new WasmModule();
  const run = wasm.function("ceiling", ["i32"], ["f32"], (f, [rounds]) => {
    if (rounds === undefined) return;
    const totals = Array.from({ length: sums }, () => f.local("v128"));
    writeMultiplyAdds(f, rounds, totals, relaxed);
    totals.forEach((total, i) => {
      f.get(total);
      if (i > 0) f.op("f32x4.add");
    });
    f.lane("f32x4.extract_lane", 0);
  });
  wasm.export("run", run);
  const { instance } = await WebAssembly.instantiate(wasm.finish());
  return instance.exports.run as (rounds: number) => void;
}
