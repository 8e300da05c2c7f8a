/**
 * tensorloom compile: a program as plain files, and a manifest that says how to run them.
 *
 *   manifest.json             segments and buffers with their offsets, kernels with their launch sizes, and what runs in order
 *   train.js                  a module for each entry; on wasm train.wasm, and example.mjs, a program that loads them
 *   train_k0_contract_max.wgsl  on wgsl a shader for each kernel
 *
 * To run an entry: allocate the four segments, put inputs and states in their buffers, and do the steps of `sequence`: call
 * (dispatch) a kernel with the buffers bound to its parameters in order, or copy one buffer over another. On wasm `run` does
 * all of it, in one memory.
 */
import type { Exporter } from "../../../codegen/files.ts";
import { jsFiles } from "../../../codegen/js/files.ts";
import { js } from "../../../codegen/js/target.ts";
import { type BoundTarget, bindTarget, type Target } from "../../../codegen/target.ts";
import { wasmFiles } from "../../../codegen/wasm/files.ts";
import { wasm } from "../../../codegen/wasm/target.ts";
import { wgslFiles } from "../../../codegen/wgsl/files.ts";
import { wgsl } from "../../../codegen/wgsl/target.ts";
import { Names } from "../../../passes/lower/names.ts";
import { newTogether, stagesOf } from "../../compile.ts";
import { unreachable } from "../../core/errors.ts";
import type { Program } from "../../dsl/program.ts";
import type { Dims } from "../../graph/shape.ts";
import type { TargetName } from "../../kernel/target.ts";
import type { Artifact, ArtifactStep } from "../../program/artifact.ts";
import { type BufferSlot, printBuffer } from "../../program/buffer.ts";
import type { CompiledEntry } from "../../program/compiled.ts";
import type { Skippable } from "../../stages.ts";
import type { Naming } from "../names/naming.ts";
import { checkDims, chooseEntry } from "./choose.ts";

export interface ExportOptions {
  /** By default all. */
  readonly entries?: readonly string[];
  readonly dims?: Dims;
  /** Stages to leave out. */
  readonly skip?: readonly Skippable[];
  /** What buffers and kernels are called; by default by the numbers of nodes, and by what they do. */
  readonly naming?: Naming | undefined;
}

export type ExportedFiles = ReadonlyMap<string, string | Uint8Array>;

export interface Exported {
  /** File names, [a-z0-9_] and an ending, and what stands in them. */
  readonly files: ExportedFiles;
  /** What they are, in words. */
  readonly told: string;
}

/** What each target is written by. */
export const exporters: Readonly<Record<TargetName, ReturnType<typeof exporterOf>>> = {
  js: exporterOf(js, jsFiles),
  wasm: exporterOf(wasm, wasmFiles),
  wgsl: exporterOf(wgsl, wgslFiles),
};

/** A program as the files of a target, which needs no device. */
export function exporterOf<A extends Artifact, Facts>(target: Target<A, Facts>, files: Exporter<A>) {
  return (program: Program<unknown>, options: ExportOptions = {}): Exported =>
    exportProgram(program, bindTarget(target), files, options);
}

function exportProgram<A extends Artifact>(
  program: Program<unknown>,
  target: BoundTarget<A>,
  toFiles: Exporter<A>,
  options: ExportOptions,
): Exported {
  const { dims = {}, skip = [], naming } = options;
  checkDims(program, dims, "all");
  const names = options.entries?.map((name) => chooseEntry(program, name)) ?? [...program.entries.keys()];
  const together = newTogether(target);
  const entries = names.map((name) => stagesOf(program, name, dims, target, { skip }, { together, naming }).entry);
  const fresh = new Names();
  const { files, told, entries: own } = toFiles(entries, (hint) => fresh.fresh(hint));
  const manifest = {
    format: "tensorloom program, version 1",
    target: target.traits.name,
    dims,
    entries: entries.map((entry, i) => ({ ...entryJson(entry), ...own[i] })),
  };
  return { files: new Map([["manifest.json", `${JSON.stringify(manifest, null, 2)}\n`], ...files]), told };
}

function entryJson({ name, segmentBytes, buffers, artifact }: CompiledEntry<Artifact>): object {
  return {
    name,
    segmentBytes,
    buffers: [...buffers.values()].map(bufferJson),
    sequence: artifact.steps.map(stepJson),
  };
}

/** A buffer with the name that the sequence calls it by. */
function bufferJson(slot: BufferSlot): Readonly<Record<string, unknown>> {
  const { segment, dtype, shape, count, bytes, offset } = slot;
  return { name: printBuffer(slot), segment, dtype, shape, count, bytes, offset };
}

/** As it is, with kernels and buffers by name. */
function stepJson(step: ArtifactStep): object {
  const { id } = step;
  switch (step.kind) {
    case "launch": {
      const bindings = step.bindings.map(({ param, buffer }) => ({ param, buffer: printBuffer(buffer) }));
      const at = step.iterations.length === 0 ? {} : { iterations: step.iterations };
      return { id, launch: step.label, bindings, ...at };
    }
    case "copy": {
      const { from, to, fromRow, toRow } = step;
      const rows = { ...(fromRow === undefined ? {} : { fromRow }), ...(toRow === undefined ? {} : { toRow }) };
      return { id, copy: { from: printBuffer(from), to: printBuffer(to), ...rows } };
    }
    case "loop":
      return { id, loop: step.label, depth: step.depth, extent: step.extent, body: step.body.map(stepJson) };
    case "while": {
      const [test, body] = [step.test.map(stepJson), step.body.map(stepJson)];
      return { id, while: step.label, test, flag: printBuffer(step.flag), most: step.most, body };
    }
    case "if":
      return {
        id,
        if: step.label,
        flag: printBuffer(step.flag),
        yes: step.yes.map(stepJson),
        no: step.no.map(stepJson),
      };
    default:
      return unreachable(step);
  }
}
