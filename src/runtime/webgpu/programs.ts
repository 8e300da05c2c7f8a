/**
 * Kernels as compute pipelines: compiled in parallel and off the main thread, kept by their text.
 *
 * Layouts are explicit, so that a binding the text does not use is no mistake, and pipelines of one layout can be swapped
 * without binding anew. Two specializations that print the same text share a pipeline.
 */
import type { WgslModule } from "../../../codegen/wgsl/artifact.ts";
import type { GpuConnection } from "./connection.ts";
import { type GpuHealth, labelPrefix } from "./health.ts";

export interface GpuProgram {
  readonly text: WgslModule;
  readonly layout: GPUBindGroupLayout;
  /** Of the group of its iterations. */
  readonly iterationLayout: GPUBindGroupLayout | null;
  readonly pipeline: GPUComputePipeline;
}

interface Layouts {
  readonly group: GPUBindGroupLayout;
  readonly iterations: GPUBindGroupLayout | null;
  readonly pipeline: GPUPipelineLayout;
}

const stageCompute = 0x4;

export class GpuPrograms {
  readonly #connection: GpuConnection;
  readonly #health: GpuHealth;
  readonly #layouts = new Map<string, Layouts>();
  readonly #iterationLayouts = new Map<number, GPUBindGroupLayout>();
  readonly #pipelines = new Map<string, Promise<GPUComputePipeline>>();

  constructor(connection: GpuConnection, health: GpuHealth) {
    this.#connection = connection;
    this.#health = health;
  }

  /** `label` is the kernel's name. */
  async program(label: string, text: WgslModule): Promise<GpuProgram> {
    const layouts = this.#layoutsOf(text);
    const known = this.#pipelines.get(text.source);
    const made = known ?? this.#compile(label, text, layouts.pipeline);
    if (known === undefined) this.#pipelines.set(text.source, made);
    return { text, layout: layouts.group, iterationLayout: layouts.iterations, pipeline: await made };
  }

  /** Forgets pipelines whose text is none of these. */
  keep(sources: ReadonlySet<string>): void {
    for (const source of this.#pipelines.keys()) if (!sources.has(source)) this.#pipelines.delete(source);
  }

  #layoutsOf({ bindings, iterations: count }: WgslModule): Layouts {
    const key = `${count} ${bindings.map(({ access }) => access).join(" ")}`;
    const known = this.#layouts.get(key);
    if (known !== undefined) return known;
    const { device } = this.#connection;
    const entries: GPUBindGroupLayoutEntry[] = bindings.map(({ binding, access }) => ({
      binding,
      visibility: stageCompute,
      buffer: { type: access === "read" ? "read-only-storage" : "storage" },
    }));
    const group = device.createBindGroupLayout({ label: `${labelPrefix} layout`, entries });
    const iterations = count === 0 ? null : this.#iterationLayout(count);
    const bindGroupLayouts = iterations === null ? [group] : [group, iterations];
    const pipeline = device.createPipelineLayout({ label: `${labelPrefix} layout`, bindGroupLayouts });
    const made = { group, iterations, pipeline };
    this.#layouts.set(key, made);
    return made;
  }

  /** The same buffer at each binding, at offsets of its own that are given with every dispatch. */
  #iterationLayout(count: number): GPUBindGroupLayout {
    const known = this.#iterationLayouts.get(count);
    if (known !== undefined) return known;
    const entries = Array.from({ length: count }, (_, binding): GPUBindGroupLayoutEntry => {
      const buffer = { type: "uniform", hasDynamicOffset: true, minBindingSize: 4 } as const;
      return { binding, visibility: stageCompute, buffer };
    });
    const made = this.#connection.device.createBindGroupLayout({ label: `${labelPrefix} iterations`, entries });
    this.#iterationLayouts.set(count, made);
    return made;
  }

  async #compile(kernel: string, text: WgslModule, layout: GPUPipelineLayout): Promise<GPUComputePipeline> {
    const { device } = this.#connection;
    const label = `${labelPrefix} ${kernel}`;
    let module: GPUShaderModule | undefined;
    try {
      const code = text.source;
      module = await this.#health.attempt(`the kernel ${kernel}`, () => device.createShaderModule({ label, code }));
      const descriptor = { label, layout, compute: { module, entryPoint: text.entryPoint } };
      return await device.createComputePipelineAsync(descriptor);
    } catch (error) {
      this.#health.assertWell();
      const message = error instanceof Error ? error.message : String(error);
      throw this.#health.refusal(`the kernel ${kernel}`, `${message}\n${text.source}`);
    }
  }
}
