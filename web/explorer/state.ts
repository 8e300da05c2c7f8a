/** What is looked at: one value, and who wants to know when it changes. */
import type { Exploration, GraphView, NodeView, StageView } from "../../src/tools/explorer/exploration.ts";

export type ViewName = "stages" | "kernels" | "memory" | "source";
export type Panes = "before" | "after" | "both";

export interface Look {
  readonly view: ViewName;
  readonly stage: number;
  readonly panes: Panes;
  /** Keys of nodes in the graph behind the stage, or before it where they have gone. */
  readonly nodes: ReadonlySet<string>;
  readonly kernel: number;
  readonly buffer: number | null;
  readonly line: { readonly source: number; readonly line: number } | null;
}

export class Explorer {
  readonly data: Exploration;
  readonly #listeners: ((look: Look, before: Look) => void)[] = [];
  #look: Look;

  constructor(data: Exploration) {
    this.data = data;
    const first = data.stages.findIndex(({ name }) => name === "simplify");
    this.#look = {
      view: "stages",
      stage: Math.max(0, first),
      panes: "both",
      nodes: new Set(),
      kernel: 0,
      buffer: null,
      line: null,
    };
  }

  get look(): Look {
    return this.#look;
  }

  set(change: Partial<Look>): void {
    const before = this.#look;
    this.#look = { ...before, ...change };
    for (const listener of this.#listeners) listener(this.#look, before);
  }

  onChange(listener: (look: Look, before: Look) => void): void {
    this.#listeners.push(listener);
  }

  get stage(): StageView {
    return this.stageAt(this.#look.stage);
  }

  stageAt(index: number): StageView {
    const stage = this.data.stages[index];
    if (stage === undefined) throw new Error(`there is no stage ${index}`);
    return stage;
  }

  graphAt(stage: number): GraphView {
    const graph = this.data.graphs[this.stageAt(Math.max(0, stage)).graph];
    if (graph === undefined) throw new Error("a stage has no graph");
    return graph;
  }

  /** The stage from which on kernels are known. */
  get fuseStage(): number {
    return this.data.stages.findIndex(({ graph }) => graph === this.data.stages.at(-1)?.graph);
  }

  text(id: number): string {
    return this.data.texts[id] ?? "";
  }

  nodesOf(stage: number): ReadonlyMap<string, NodeView> {
    return new Map(this.graphAt(stage).nodes.map((node) => [node.key, node]));
  }

  /** What a node of the graph before a stage is behind it, and the other way round. */
  counterparts(stage: number): {
    readonly after: ReadonlyMap<string, string>;
    readonly before: ReadonlyMap<string, string[]>;
  } {
    const { change, graph } = this.stageAt(stage);
    const isSame = stage === 0 || this.stageAt(stage - 1).graph === graph;
    const told = new Map([...change.kept, ...change.rewritten]);
    const removed = new Set(change.removed);
    const after = new Map<string, string>();
    const before = new Map<string, string[]>();
    for (const { key } of this.graphAt(stage - 1).nodes) {
      if (removed.has(key)) continue;
      const made = isSame ? key : (told.get(key) ?? key);
      after.set(key, made);
      before.set(made, [...(before.get(made) ?? []), key]);
    }
    return { after, before };
  }
}
