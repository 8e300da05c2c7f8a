/**
 * Writes the module of src/core/threefry-simd.ts with the encoder of the `wasm` target, which checks types: four blocks of
 * Threefry-2x32-20 stand in the lanes of two vectors. `npx tsx test/threefry-module.ts` prints its text for that file.
 */
import { pathToFileURL } from "node:url";
import type { FunctionWriter } from "../codegen/wasm/function.ts";
import { WasmModule } from "../codegen/wasm/module.ts";
import type { PlainOpName } from "../codegen/wasm/opcodes.ts";
import type { Local } from "../codegen/wasm/refs.ts";
import { wordsAtOnce } from "../src/core/threefry-simd.ts";

/** Bits by which a round turns its second word. */
const turns = [13, 15, 26, 6, 17, 29, 16, 24];
/** Skein's key-schedule constant. */
const parity = 0x1bd11bda;

export function threefryModule(): Uint8Array {
  const module = new WasmModule();
  module.importMemory("", "m", { min: 1, shared: false });
  module.export("draw", module.function("", ["i32", "i32", "i32", "i32"], [], draw));
  module.export("toUniforms", module.function("", ["f64", "f64"], [], toUniforms));
  return module.finish();
}

function draw(f: FunctionWriter, [key0, key1, counter0, counter1]: readonly Local[]): void {
  const vector = (): Local => f.local("v128");
  const [k0, k1, k2, first, second, a, b] = [vector(), vector(), vector(), vector(), vector(), vector(), vector()];
  const keys = [k0, k1, k2];
  push(f, key0, "i32x4.splat");
  f.set(k0);
  push(f, key1, "i32x4.splat");
  f.set(k1);
  push(f, k0, k1, "v128.xor", parity, "v128.xor");
  f.set(k2);
  push(f, counter0, "i32x4.splat");
  f.constV128(new Uint8Array(new Uint32Array([0, 1, 2, 3]).buffer));
  push(f, "i32x4.add", k0, "i32x4.add");
  f.set(first);
  push(f, counter1, "i32x4.splat", k1, "i32x4.add");
  f.set(second);
  toTheEnd(f, 32, (address) => {
    push(f, first);
    f.set(a);
    push(f, second);
    f.set(b);
    for (let round = 0; round < 20; round++) {
      const turn = turns[round % 8] ?? 0;
      push(f, a, b, "i32x4.add");
      f.set(a);
      push(f, b);
      f.constI32(turn);
      push(f, "i32x4.shl", b);
      f.constI32(32 - turn);
      push(f, "i32x4.shr_u", "v128.or", a, "v128.xor");
      f.set(b);
      if (round % 4 !== 3) continue;
      // After every four the key comes in, turned by one.
      const group = (round + 1) / 4;
      push(f, a, keys[group % 3], "i32x4.add");
      f.set(a);
      push(f, b, keys[(group + 1) % 3], "i32x4.add", group, "i32x4.add");
      f.set(b);
    }
    store(f, address, 0, () => {
      push(f, a, b);
      f.shuffle(wordLanes(0, 4, 1, 5));
    });
    store(f, address, 16, () => {
      push(f, a, b);
      f.shuffle(wordLanes(2, 6, 3, 7));
    });
    push(f, first, 4, "i32x4.add");
    f.set(first);
  });
}

function toUniforms(f: FunctionWriter, [offset, scale]: readonly Local[]): void {
  const [offsets, scales, steps, bits] = [f.local("v128"), f.local("v128"), f.local("v128"), f.local("v128")];
  push(f, offset, "f64x2.splat");
  f.set(offsets);
  push(f, scale, "f64x2.splat");
  f.set(scales);
  f.constF64(2 ** -24);
  push(f, "f64x2.splat");
  f.set(steps);
  toTheEnd(f, 16, (address) => {
    push(f, address);
    f.memory("v128.load", 0);
    f.constI32(8);
    push(f, "i32x4.shr_u");
    f.set(bits);
    const half = (): void =>
      push(
        f,
        "f64x2.convert_low_i32x4_u",
        steps,
        "f64x2.mul",
        scales,
        "f64x2.mul",
        offsets,
        "f64x2.add",
        "f32x4.demote_f64x2_zero",
      );
    store(f, address, 0, () => {
      push(f, bits);
      half();
      push(f, bits, bits);
      f.shuffle(wordLanes(2, 3, 2, 3));
      half();
      f.shuffle(wordLanes(0, 1, 4, 5));
    });
  });
}

/** Locals onto the stack, words as vectors of four, instructions. */
function push(f: FunctionWriter, ...parts: readonly (Local | number | PlainOpName | undefined)[]): void {
  for (const part of parts) {
    if (part === undefined) throw new Error("a local is missing");
    if (typeof part === "number") f.splatI32(part);
    else if (typeof part === "string") f.op(part);
    else f.get(part);
  }
}

function store(f: FunctionWriter, address: Local, offset: number, value: () => void): void {
  f.get(address);
  value();
  f.memory("v128.store", offset);
}

/** `body` for each address from 0 on, so many bytes apart, to the end of the words. */
function toTheEnd(f: FunctionWriter, bytes: number, body: (address: Local) => void): void {
  const address = f.local("i32");
  f.loop((label) => {
    body(address);
    f.get(address);
    f.constI32(bytes);
    f.op("i32.add");
    f.tee(address);
    f.constI32(4 * wordsAtOnce);
    f.op("i32.lt_u");
    f.brIf(label);
  });
}

/** The bytes of four of the eight words of two vectors. */
function wordLanes(...words: readonly number[]): readonly number[] {
  return words.flatMap((word) => [4 * word, 4 * word + 1, 4 * word + 2, 4 * word + 3]);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const text = Buffer.from(threefryModule()).toString("base64");
  for (let at = 0; at < text.length; at += 116) console.log(`  "${text.slice(at, at + 116)}",`);
}
