/**
 * Runs one kernel as WebAssembly, and a judge that compares it with the evaluator: bit for bit, as nothing is contracted.
 */
import { expect } from "vitest";
import { wasmMoves } from "../../../codegen/wasm/moves/all.ts";
import type { LineSizes } from "../../../codegen/wasm/policy/lines.ts";
import type { Tuning } from "../../../codegen/wasm/policy/panel-plan.ts";
import { wasmPolicy, wasmTuning } from "../../../codegen/wasm/policy/policy.ts";
import type { TileSizes } from "../../../codegen/wasm/policy/tiles.ts";
import { wasmPrinter } from "../../../codegen/wasm/step.ts";
import { expandFolds } from "../../../passes/kernel/expand-folds.ts";
import { scheduleKernel } from "../../../passes/schedule/schedule.ts";
import { byteWidth } from "../../../src/core/dtype.ts";
import type { Kernel } from "../../../src/kernel/kernel.ts";
import { alone } from "../../../src/program/artifact.ts";
import type { Buffer, BufferSlot } from "../../../src/program/buffer.ts";
import { findJoining } from "../../../src/runtime/wasm/code.ts";
import { instantiatePlain } from "../../../src/runtime/wasm/host.ts";
import { moduleImports } from "../../../src/runtime/wasm/worker.ts";
import { bufferOf } from "../../buffers.ts";
import { arrayFor, type Data, expectSame, type Numbers, runEvaluator } from "../js-case.ts";

const pageBytes = 65536;

/** Tiles so small that a contraction of a few rows goes by in several. */
export const smallTiles: TileSizes = {
  rows: 8,
  columns: 32,
  least: { rows: 1, columns: 1, bytes: 0, wholeBytes: 0 },
};

/** Lines so short that a few rows are several, of any factor that lies across. */
export const smallLines: LineSizes = { rows: 4, least: { apart: 0, bytes: 0, columns: 1, depths: 1 } };

/** As the `wasm` target schedules it. */
export function scheduleWasm(kernel: Kernel, tuning: Partial<Tuning> = {}): Kernel {
  return scheduleKernel(kernel, { policy: wasmPolicy({ ...wasmTuning, ...tuning }), ownMoves: wasmMoves });
}

/** Compiles as for vectors of 256 bits, where this engine joins them. */
const joined = findJoining("auto", false).instantiate;

/**
 * Buffers after a launch of the kernel alone. Bytes between them stay what they were, or this throws. `joinsVectors`: printed for an
 * engine that joins vectors, which any runs.
 */
export function runWasm(folded: Kernel, data: Data, { relaxed = false, joinsVectors = false } = {}): Data {
  const kernel = expandFolds(folded);
  const slots = new Map<Buffer, BufferSlot>();
  const bindings: { readonly param: string; readonly buffer: Buffer }[] = [];
  let end = 0;
  for (const { name, element, count } of kernel.buffers) {
    const bytes = count * byteWidth(element);
    const buffer = bufferOf(name, count, "arena", element);
    slots.set(buffer, { ...buffer, offset: end, bytes });
    bindings.push({ param: name, buffer });
    end += Math.ceil((bytes + fence) / 64) * 64;
  }
  const sequence = [{ kind: "launch" as const, id: 0, name: kernel.name, kernel, bindings, iterations: [], nodes: [] }];
  const segmentBytes = { state: 0, input: 0, output: 0, held: 0, arena: end };
  const printed = wasmPrinter({ relaxed, joinsVectors })(sequence, { buffers: slots, segmentBytes }, alone);
  const { arena, panels } = printed.bases;
  const memory = new WebAssembly.Memory({ initial: Math.ceil(printed.end / pageBytes) + 1 });
  const all = new Uint8Array(memory.buffer);
  all.fill(fenceByte, arena, panels);
  const viewOf = (name: string): Numbers => {
    const slot = [...slots.values()].find((one) => one.name === name) as BufferSlot;
    const like = arrayFor(slot.dtype, 0).constructor as new (of: ArrayBuffer, at: number, count: number) => Numbers;
    return new like(memory.buffer, arena + slot.offset, slot.count);
  };
  for (const { name, element, count } of kernel.buffers) viewOf(name).set(data.get(name) ?? arrayFor(element, count));
  const made = printed.joinsVectors ? joined : instantiatePlain;
  const { instance } = made(printed.module, moduleImports(memory));
  expect((instance.exports.run as (thread: number) => number)(0)).toBe(0);
  for (const { name, offset, bytes: size } of slots.values()) {
    const after = all.subarray(arena + offset + size, arena + offset + size + fence);
    expect(
      [...after].every((byte) => byte === fenceByte),
      `written behind ${name}`,
    ).toBe(true);
  }
  return new Map(kernel.buffers.map(({ name }) => [name, viewOf(name).slice()]));
}

const fence = 16;
const fenceByte = 0xa5;

/** The kernel as WebAssembly gives what the evaluator gives, which also looks for races. */
export function expectWasmAgrees(kernel: Kernel, data: Data): Data {
  const expected = runEvaluator(kernel, data);
  expectSame(runWasm(kernel, data), expected);
  return expected;
}
