/**
 * The fastest that this machine multiplies and adds in 128-bit vectors: what contractions on `wasm` are measured against.
 *
 * Twelve independent chains of s = s * x + y, as many as a 6x8 block has sums, in registers: no loads, no stores. With
 * relaxed SIMD a multiply-add is one instruction, otherwise two.
 */
import type { FunctionWriter } from "../codegen/wasm/function.ts";
import { WasmModule } from "../codegen/wasm/module.ts";
import type { Local } from "../codegen/wasm/refs.ts";

/** Vectors of sums. */
export const sums = 12;

/** Multiplications and additions of one round. */
export const flopsPerRound = sums * 8;

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

/** A loop of so many rounds, at least one, which adds a product to each of the sums. */
export function writeMultiplyAdds(f: FunctionWriter, rounds: Local, totals: readonly Local[], relaxed: boolean): void {
  const [x, y] = [f.local("v128"), f.local("v128")];
  f.constF32(0.5);
  f.op("f32x4.splat");
  f.tee(x);
  f.set(y);
  f.loop((again) => {
    for (const total of totals) {
      f.get(total); // a product that changes, or the engine would compute it once, before the loop
      f.get(x);
      if (!relaxed) f.op("f32x4.mul");
      f.get(y);
      f.op(relaxed ? "f32x4.relaxed_madd" : "f32x4.add");
      f.set(total);
    }
    f.get(rounds);
    f.constI32(1);
    f.op("i32.sub");
    f.tee(rounds);
    f.brIf(again);
  });
}
