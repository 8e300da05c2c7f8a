/** The wgsl target: a shader for each kernel, and what a call records, as a table. */
import type { WgslArtifact, WgslModule } from "../../../../codegen/wgsl/artifact.ts";
import { gpuBytes } from "../../../../codegen/wgsl/layout.ts";
import { CompilerBug, UserError, unreachable } from "../../../core/errors.ts";
import { there } from "../../../core/records.ts";
import { type ArtifactBinding, type ArtifactRow, type ArtifactStep, allSteps, type StepOf } from "../../../program/artifact.ts"; // biome-ignore format: names
import type { BufferSlot } from "../../../program/buffer.ts";
import type { Literal } from "./literal.ts";
import { plain } from "./names.ts";
import { commonGlue, entryTable, fileNames, type ModuleParts, moduleFile, programText, stateTable } from "./parts.ts";
import type { CompiledProgram, ProgramEntry } from "./program.ts";

/** 16 MB of numbers from which kernels in loops read their iteration. */
const mostIterations = 65_536;

export function wgslParts(program: CompiledProgram<WgslArtifact>, start: string, stem: string): ModuleParts {
  const files = new Map<string, string>();
  const names = fileNames(stem);
  /** By their text: entries share kernels. */
  const kernels = new Map<string, { readonly number: number; readonly table: Literal }>();
  const numberOf = ({ source, bindings, iterations, workgroups }: WgslModule, label: string): number => {
    const known = kernels.get(source);
    if (known !== undefined) return known.number;
    const file = `${names.name(plain(label, "kernel"))}.wgsl`;
    files.set(file, source);
    const access = bindings.map(({ access, binding }, i) => {
      if (binding !== i) throw new CompilerBug(`the bindings of ${label} are not in order`);
      return access === "read" ? "read-only-storage" : "storage";
    });
    const number = kernels.size;
    kernels.set(source, { number, table: { file: moduleFile(file), access, iterations, workgroups } });
    return number;
  };
  const entries = program.entries.map((entry) => {
    const { input, output } = entry.stages.entry.segmentBytes;
    const steps = new StepTables(entry, numberOf).all(entry.stages.entry.artifact.steps);
    return { ...entryTable(entry, ({ offset }) => offset), bytes: { input, output }, steps };
  });
  const all = program.entries.flatMap(({ stages }) => allSteps(stages.entry.artifact.steps));
  const text = programText({
    start: moduleFile(start),
    states: stateTable(program.states, ({ offset }) => offset),
    kernels: [...kernels.values()].map(({ table }) => table),
    bytes: {
      state: program.stateBytes,
      arena: Math.max(...program.entries.map(({ stages }) => stages.entry.segmentBytes.arena)),
      bounce: Math.max(0, ...all.map((step) => (step.kind === "copy" ? bytesOf(step) : 0))),
    },
    iterations: Math.max(0, ...all.map((step) => (step.kind === "loop" ? step.extent : 0))),
    entries,
  });
  return { text, create: "createGpu", glue: [...commonGlue, "gpu-steps", "gpu"], files };
}

/** The steps of an entry as the templates take them (glue/gpu-steps.ts). */
class StepTables {
  readonly #entry: ProgramEntry<WgslArtifact>;
  readonly #numberOf: (kernel: WgslModule, label: string) => number;

  constructor(entry: ProgramEntry<WgslArtifact>, numberOf: (kernel: WgslModule, label: string) => number) {
    this.#entry = entry;
    this.#numberOf = numberOf;
  }

  all(steps: readonly ArtifactStep[]): readonly Literal[] {
    const { joined } = this.#entry.stages.entry.artifact;
    const inOne = new Map(joined.map((launches) => [launches.steps[0], launches]));
    const skipped = new Set(joined.flatMap((launches) => launches.steps.slice(1)));
    return steps.flatMap((step) => {
      if (skipped.has(step.id)) return [];
      const launches = inOne.get(step.id);
      if (launches === undefined) return [this.#step(step)];
      return [this.#launch(launches.module, `k${step.id}_joined`, launches.bindings, [])];
    });
  }

  #step(step: ArtifactStep): Literal {
    switch (step.kind) {
      case "launch": {
        const kernel = there(this.#entry.stages.entry.artifact.kernels[step.kernel], "kernel");
        return this.#launch(kernel, step.label, step.bindings, step.iterations);
      }
      case "copy":
        return { from: startOf(step.from, step.fromRow), to: startOf(step.to, step.toRow), bytes: bytesOf(step) };
      case "loop":
        if (step.extent > mostIterations) throw this.#tooLong(step.extent);
        return { depth: step.depth, times: step.extent, steps: this.all(step.body) };
      case "while":
      case "if":
        throw new CompilerBug(`${step.label}: the wgsl target has no branches between kernels`);
      default:
        return unreachable(step);
    }
  }

  #launch(
    kernel: WgslModule,
    label: string,
    bindings: readonly ArtifactBinding[],
    iterations: readonly number[],
  ): Literal {
    const buffers = kernel.bindings.map(({ bytes }, i) => {
      const { buffer } = there(bindings[i], "binding");
      return [buffer.segment, buffer.offset, bytes];
    });
    const number = this.#numberOf(kernel, `${this.#entry.name}_${label}`);
    return { kernel: number, buffers, loops: iterations.length === 0 ? undefined : iterations };
  }

  #tooLong(extent: number): UserError {
    const words = `${this.#entry.name} has a loop of ${extent} iterations; the wgsl target has at most ${mostIterations}`;
    return new UserError(`${words}. Use several shorter loops, or --target wasm`);
  }
}

function startOf({ segment, offset, dtype }: BufferSlot, row: ArtifactRow | undefined): Literal {
  if (row === undefined) return { segment, at: offset };
  const width = dtype === "bool" ? 4 : gpuBytes(dtype, 4) / 4;
  const strides = row.strides.map(({ depth, by }) => [depth, by * width]);
  return { segment, at: offset + row.offset * width, strides: strides.length === 0 ? undefined : strides };
}

function bytesOf({ from, fromRow }: StepOf<"copy">): number {
  return fromRow === undefined ? from.bytes : fromRow.count * (gpuBytes(from.dtype, 4) / 4);
}
