/**
 * tensorloom compile: a program as plain files, and a manifest that says how to run them.
 *
 *   manifest.json             segments and buffers with their offsets, kernels with their launch sizes, and what runs in order
 *   train_k0_contract_max.js  (or .wgsl) one file per kernel
 *   train.wasm, example.mjs   on wasm one module per entry, and a program that loads them
 *
 * To run an entry: allocate the four segments, put inputs and states in their buffers, and do the steps of `sequence`: call
 * (dispatch) a kernel with the buffers bound to its parameters in order, or copy one buffer over another. On wasm `run` does
 * all of it, in one memory.
 */
import { printJsModule } from "../../../codegen/js/print.ts";
import { printWgsl } from "../../../codegen/wgsl/print.ts";
import { Names } from "../../../passes/lower/names.ts";
import { stagesOf } from "../../compile.ts";
import { unreachable } from "../../core/errors.ts";
import type { Program } from "../../dsl/program.ts";
import type { Dims } from "../../graph/shape.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import { type BufferSlot, printBuffer } from "../../program/buffer.ts";
import { launchesOf, type Sequence } from "../../program/sequence.ts";
import { checkDims, chooseEntry, type PlannedTarget, plannedTarget } from "./choose.ts";
import { exportWasm, wasmExample } from "./export-wasm.ts";

export interface ExportOptions {
  readonly target: PlannedTarget;
  /** By default all. */
  readonly entry?: string;
  readonly dims?: Dims;
}

export type ExportedFiles = ReadonlyMap<string, string | Uint8Array>;

/** File names, [a-z0-9_] and an ending, and what stands in them. */
export function exportProgram(program: Program<unknown>, options: ExportOptions): ExportedFiles {
  const { target, dims = {} } = options;
  checkDims(program, dims, "all");
  const entries = options.entry === undefined ? [...program.entries.keys()] : [chooseEntry(program, options.entry)];
  const files = new Map<string, string | Uint8Array>();
  const names = new Names();
  const manifest = {
    format: "tensorloom program, version 1",
    target,
    dims,
    entries: entries.map((name) => exportEntry(program, name, dims, target, names, files)),
  };
  if (target === "wasm") files.set("example.mjs", wasmExample);
  return new Map([["manifest.json", `${JSON.stringify(manifest, null, 2)}\n`], ...files]);
}

function exportEntry(
  program: Program<unknown>,
  name: string,
  dims: Dims,
  target: PlannedTarget,
  names: Names,
  files: Map<string, string | Uint8Array>,
): Readonly<Record<string, unknown>> {
  const { entry } = stagesOf(program, name, dims, plannedTarget(target));
  const told = {
    name,
    segmentBytes: entry.segmentBytes,
    buffers: [...entry.buffers.values()].map(bufferJson),
    sequence: sequenceJson(entry.sequence),
  };
  if (target === "wasm") {
    const file = `${names.fresh(name)}.wasm`;
    const { module, about } = exportWasm(entry);
    files.set(file, module);
    return { file, ...told, ...about };
  }
  const kernels: unknown[] = [];
  for (const { kernel } of launchesOf(entry.sequence)) {
    const file = `${names.fresh(`${name}_${kernel.name}`)}.${target}`;
    const { source, ...launch } = printKernelFile(kernel, target);
    files.set(file, source);
    kernels.push({ name: kernel.name, file, ...launch });
  }
  return { ...told, kernels };
}

/** A kernel's source, and what launching it takes. */
function printKernelFile(
  kernel: Kernel,
  target: Exclude<PlannedTarget, "wasm">,
): { readonly source: string } & Readonly<Record<string, unknown>> {
  const parameters = kernel.buffers.map(({ name, role, element, count }) => ({ name, role, element, count }));
  switch (target) {
    case "js":
      return { source: printJsModule([kernel]), export: kernel.name, parameters };
    case "wgsl": {
      const { source, entryPoint, workgroups, workgroupSize, bindings } = printWgsl(kernel);
      return { source, entryPoint, workgroups, workgroupSize, parameters, bindings };
    }
    default:
      return unreachable(target);
  }
}

/** A buffer with the name that the sequence calls it by. */
function bufferJson(slot: BufferSlot): Readonly<Record<string, unknown>> {
  const { segment, dtype, shape, count, bytes, offset } = slot;
  return { name: printBuffer(slot), segment, dtype, shape, count, bytes, offset };
}

/** As it is, with kernels and buffers by name. */
function sequenceJson(sequence: Sequence): readonly unknown[] {
  return sequence.map((step) => {
    switch (step.kind) {
      case "launch":
        return {
          launch: step.kernel.name,
          bindings: step.bindings.map(({ param, buffer }) => ({ param, buffer: printBuffer(buffer) })),
        };
      case "copy":
        return { copy: { from: printBuffer(step.from), to: printBuffer(step.to) } };
      default:
        return unreachable(step);
    }
  });
}
