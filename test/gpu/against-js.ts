/**
 * Runs a program on the GPU and on `js`, with the same feeds from the same start, and compares everything that comes out.
 */
import { ok, strictEqual } from "node:assert/strict";
import { compile, compileOn } from "../../src/compile.ts";
import type { CompileOptions } from "../../src/compile-options.ts";
import type { Program } from "../../src/dsl/program.ts";
import { wgslTarget } from "../../src/eager-targets.ts";
import type { Feeds } from "../../src/runtime/feeds.ts";
import type { TypedArray } from "../../src/runtime/typed-arrays.ts";
import { deviceSource } from "../../src/runtime/webgpu/connection.ts";
import type { TargetSetup } from "../../src/target-setup.ts";

export interface Call {
  readonly entry?: string;
  readonly feeds?: Feeds;
}

export interface Comparison {
  /** Compile options of both. */
  readonly options?: CompileOptions;
  /** As if the device were a card: a software GPU is spared some launches. */
  readonly asCard?: boolean;
  /** Of the GPU alone. */
  readonly gpuOptions?: CompileOptions;
  /** |found - expected| <= tolerance * (1 + |expected|) for f32; 0 means the same bits. Other dtypes are always equal. */
  readonly tolerance?: number;
}

/** Makes the calls on both targets; outputs after each and states at the end must agree. Gives the GPU's outputs. */
export async function sameAsJs(
  device: GPUDevice,
  program: Program<unknown>,
  calls: readonly Call[],
  { options = {}, gpuOptions = {}, tolerance = 0, asCard = false }: Comparison = {},
): Promise<readonly unknown[]> {
  const js = await compile(program as Program, { ...options, target: "js" });
  const gpu = asCard
    ? await compileOn(program as Program, cardTarget(device), { ...options, ...gpuOptions })
    : await compile(program as Program, { device, ...options, ...gpuOptions, target: "wgsl" });
  try {
    const outputs: unknown[] = [];
    for (const [n, { entry = "step", feeds = {} }] of calls.entries()) {
      const expected = await js.run({ entry, feeds });
      const found = await gpu.run({ entry, feeds });
      compare(found, expected, tolerance, `call ${n}, ${entry}`);
      outputs.push(found);
    }
    const expected = await js.state.snapshot();
    const found = await gpu.state.snapshot();
    for (const [name, values] of expected) compare(found.get(name), values, tolerance, `state ${name}`);
    return outputs;
  } finally {
    js.dispose();
    gpu.dispose();
  }
}

/** What is compiled for a card, run on whatever the device is. Unless told otherwise it exchanges values in subgroups. */
export function cardTarget(device: GPUDevice, subgroupSize = subgroupSizeOn(device)): TargetSetup {
  return wgslTarget({ ...deviceSource(device), software: false, subgroupSize });
}

/** 0 where it has none of one size. Dawn tells invocations their places in them. */
export function subgroupSizeOn({ features, adapterInfo: { subgroupMinSize, subgroupMaxSize } }: GPUDevice): number {
  return features.has("subgroups") && subgroupMinSize === subgroupMaxSize ? subgroupMinSize : 0;
}

function compare(found: unknown, expected: unknown, tolerance: number, where: string): void {
  if (typeof expected === "number") {
    ok(isNear(Number(found), expected, tolerance), `${where}: ${found}, js has ${expected}`);
  } else if (ArrayBuffer.isView(expected)) {
    compareArrays(found as TypedArray, expected as TypedArray, tolerance, where);
  } else if (typeof expected === "object" && expected !== null) {
    for (const [name, value] of Object.entries(expected)) {
      compare(Reflect.get(Object(found), name), value, tolerance, `${where}.${name}`);
    }
  } else strictEqual(found, expected, where);
}

function compareArrays(found: TypedArray, expected: TypedArray, tolerance: number, where: string): void {
  strictEqual(found.constructor, expected.constructor, where);
  strictEqual(found.length, expected.length, where);
  const allowed = expected instanceof Float32Array ? tolerance : 0;
  for (let i = 0; i < expected.length; i++) {
    const [a, b] = [found[i] ?? 0, expected[i] ?? 0];
    ok(isNear(a, b, allowed), `${where}[${i}]: ${a}, js has ${b} (of ${expected.length})`);
  }
}

function isNear(found: number, expected: number, tolerance: number): boolean {
  if (Object.is(found, expected)) return true;
  return Math.abs(found - expected) <= tolerance * (1 + Math.abs(expected));
}
