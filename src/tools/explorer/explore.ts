/**
 * A program's entry at every stage of its compilation, as an `Exploration`: compiles it for a target, without a device, and writes down what
 * stood where.
 */
import type { BoundTarget } from "../../../codegen/target.ts";
import { newTogether, type Stages, stagesOf } from "../../compile.ts";
import type { Program } from "../../dsl/program.ts";
import { plannedTargets } from "../../eager-targets.ts";
import type { Entry } from "../../graph/entry.ts";
import type { NodeNames } from "../../graph/node-names.ts";
import { printEntry } from "../../graph/print.ts";
import type { Dims } from "../../graph/shape.ts";
import type { TargetName } from "../../kernel/target.ts";
import type { PassReport } from "../../program/report.ts";
import { stages as pipeline, type Skippable } from "../../stages.ts";
import type { Naming } from "../names/naming.ts";
import { numberBuffers, viewBuffers, viewMemory } from "./buffers.ts";
import { type Compared, changeBetween, noChange } from "./changes.ts";
import { printedCode } from "./code.ts";
import type { BufferView, Change, Exploration, GraphView, KernelView, Measured, StageView } from "./exploration.ts";
import { type Viewed, viewGraph } from "./graph-view.ts";
import { viewKernels } from "./kernels.ts";
import { Laws } from "./laws.ts";
import { Places } from "./sources.ts";
import { Texts } from "./texts.ts";

export interface ExploreOptions {
  readonly entry: string;
  /** All of the program's dimensions. */
  readonly dims: Dims;
  readonly target: TargetName;
  /** Stages to leave out. */
  readonly skip?: readonly Skippable[];
  /** Files are named from here on. */
  readonly folder: string;
  /** What nodes are called. */
  readonly naming?: Naming | undefined;
  /** The target as it is on this machine; else one that is planned for without it. */
  readonly bound?: BoundTarget | undefined;
  /** What a run of it took. */
  readonly measured?: Measured | undefined;
}

export function explore(
  program: Program<unknown>,
  { entry: name, dims, target: targetName, skip = [], folder, naming, bound, measured }: ExploreOptions,
): Exploration {
  const target = bound ?? plannedTargets[targetName];
  const together = newTogether(target);
  const warnings = new Set<string>(program.warnings);
  const rewrites = new Laws();
  const warn = (message: string): void => {
    warnings.add(message);
  };
  const made = stagesOf(program, name, dims, target, { skip }, { warn, together, rewrites, naming });
  const texts = new Texts();
  const places = new Places(folder);
  const graphs = new Graphs(places, naming);
  const stages = viewStages(made, graphs, rewrites, texts);
  const { viewed } = graphs.of(made.ordered.fused.entry);
  const numbered = numberBuffers(made);
  const code = printedCode(made.entry.artifact, texts);
  const { keyOf } = viewed;
  const { numberOf } = numbered;
  const kernels = viewKernels(made, { target, pool: together.kernels, code, texts, keyOf, numberOf });
  const buffers = viewBuffers(made, numbered, kernels, keyOf);
  return {
    version: 1,
    entry: name,
    target: targetName,
    dims,
    warnings: [...warnings],
    sources: places.sources,
    places: places.places,
    graphs: graphs.all().map((graph) => (graph === viewed.view ? withKernels(graph, kernels, buffers) : graph)),
    stages,
    kernels,
    buffers,
    memory: viewMemory(made, buffers),
    codeBytes: code.bytes,
    texts: texts.all(),
    measured: measured ?? null,
  };
}

/** What each stage does, in a sentence. */
const about: Readonly<Partial<Record<string, string>>> = {
  foldTransposes: "Transposes that a contraction reads become a choice of axes.",
  maxFirst: "Pools go before the activation that follows a convolution, which is then computed of fewer elements.",
  differentiate: "Every gradient becomes the nodes of its backward pass.",
  specialize: "Dimensions with names become numbers.",
  expand: "Ops that depend on sizes are written in others.",
  simplify: "Algebra on forward and backward pass together, law by law, until none applies.",
  fuse: "Which nodes share a kernel.",
  order: "In which order kernels run, and which states change in place.",
  lower: "Clusters become loops and folds over buffers.",
  schedule: "The target's moves turn the loops into its own: tiles, threads, vectors.",
  legalize: "What the target means otherwise than the kernel language is said so that both mean the same.",
  plan: "Every buffer gets its address; what lives at different times shares bytes.",
  print: "Kernels become the target's source.",
};

/** The entries that stages gave, each viewed once: a pass that changes nothing gives what it was given. */
class Graphs {
  readonly #known = new Map<Entry, { readonly entry: Entry; readonly viewed: Viewed; readonly number: number }>();
  readonly #places: Places;
  readonly #naming: Naming | undefined;

  constructor(places: Places, naming: Naming | undefined) {
    this.#places = places;
    this.#naming = naming;
  }

  of(entry: Entry): Compared & { readonly number: number } {
    const known = this.#known.get(entry);
    if (known !== undefined) return known;
    const made = { entry, viewed: viewGraph(entry, this.#places, this.#naming?.(entry)), number: this.#known.size };
    this.#known.set(entry, made);
    return made;
  }

  namesOf(entry: Entry): NodeNames | undefined {
    return this.#naming?.(entry);
  }

  all(): readonly GraphView[] {
    return [...this.#known.values()].map(({ viewed }) => viewed.view);
  }
}

function viewStages(made: Stages, graphs: Graphs, laws: Laws, texts: Texts): readonly StageView[] {
  const passes = new Map<string, PassReport>(made.report.passes.map((pass) => [pass.name, pass]));
  const fused = made.ordered.fused.entry;
  const behind: Partial<Record<string, Entry>> = {
    foldTransposes: made.untransposed,
    maxFirst: made.pooled,
    differentiate: made.differentiated,
    specialize: made.specialized,
    expand: made.expanded,
    simplify: made.simplified,
  };
  let before = graphs.of(made.written);
  const written: StageView = {
    name: "written",
    about: "The graph that the script's functions wrote.",
    ms: 0,
    count: before.viewed.view.nodes.length,
    unit: "nodes",
    graph: before.number,
    change: noChange,
    text: texts.id(printEntry(made.written, graphs.namesOf(made.written))),
  };
  const views = pipeline.flatMap(({ name }): StageView[] => {
    const [pass, print] = [passes.get(name), made.shown.get(name)];
    if (pass === undefined || print === undefined) return []; // left out
    const now = graphs.of(behind[name] ?? fused);
    const change: Change = changeBetween(before, now, name === "simplify" ? laws : null);
    before = now;
    const { ms, count, unit } = pass;
    return [{ name, about: about[name] ?? "", ms, count, unit, graph: now.number, change, text: texts.id(print()) }];
  });
  return [written, ...views];
}

function withKernels(graph: GraphView, kernels: readonly KernelView[], buffers: readonly BufferView[]): GraphView {
  const kernelsOf = new Map<string, number[]>();
  for (const [number, { nodes }] of kernels.entries()) {
    for (const key of nodes) kernelsOf.set(key, [...(kernelsOf.get(key) ?? []), number]);
  }
  const bufferOf = new Map(buffers.flatMap(({ nodes }, number) => nodes.map((key) => [key, number] as const)));
  const nodes = graph.nodes.map((node) => {
    const buffer = bufferOf.get(node.key);
    return { ...node, kernels: kernelsOf.get(node.key) ?? [], ...(buffer === undefined ? {} : { buffer }) };
  });
  return { ...graph, nodes };
}
