/**
 * A pipeline as a list of stages: each needs products of others and gives one. Whoever needs what no stage before it gives is
 * refused before anything runs, so a list in another order is an error and not another program.
 *
 *   { name: "order", needs: ["fused"], gives: "ordered", run: ({ fused }) => order(fused), ... }
 */
import { CompilerBug } from "../core/errors.ts";
import type { PassReport } from "./report.ts";

/** A stage as its author writes it: `P` are all products by name, `C` is what every stage may ask for besides. */
export interface StageParts<P, C, N extends string, K extends keyof P, G extends keyof P> {
  readonly name: N;
  readonly needs: readonly K[];
  readonly gives: G;
  run(have: Pick<P, K>, context: C): P[G];
  /** How much came out. */
  measure(product: P[G]): Measure;
  /** What came out, for people to read. */
  show(product: P[G], context: C): string;
  /** Where what came out will not do: the stage to go back to, and what that should know. */
  again?(product: P[G], have: Pick<P, K>, context: C): Again<P> | null;
}

export type Measure = Pick<PassReport, "count" | "unit">;

export interface Again<P> {
  readonly from: string;
  readonly knowing: Partial<P>;
}

/** A stage as the pipeline has it: what it makes is told by name. */
export interface Stage<P, C, N extends string = string, Optional extends boolean = boolean> {
  readonly name: N;
  readonly needs: readonly (keyof P)[];
  readonly gives: keyof P;
  /** Whether it may be skipped. */
  readonly optional: Optional;
  run(made: Partial<P>, context: C, isSkipped: boolean): Done<P>;
}

/** What a stage made: it is among the products, too. */
export interface Done<P> {
  measure(): Measure;
  readonly again: Again<P> | null;
  show(): string;
}

/** A stage that always runs. */
export function stageOf<P, C>() {
  return <N extends string, K extends keyof P, G extends keyof P>(
    parts: StageParts<P, C, N, K, G>,
  ): Stage<P, C, N, false> => ({ ...headOf(parts), optional: false, run: runnerOf(parts, parts.run) });
}

/** A stage that may be skipped: `without` is what then stands in its product's place. */
export function optionalStageOf<P, C>() {
  return <N extends string, K extends keyof P, G extends keyof P>(
    parts: StageParts<P, C, N, K, G> & {
      without(have: Pick<P, K>, context: C): P[G];
    },
  ): Stage<P, C, N, true> => ({ ...headOf(parts), optional: true, run: runnerOf(parts, parts.without) });
}

function headOf<P, C, N extends string, K extends keyof P, G extends keyof P>(parts: StageParts<P, C, N, K, G>) {
  const { name, needs, gives } = parts;
  return { name, needs, gives };
}

function runnerOf<P, C, N extends string, K extends keyof P, G extends keyof P>(
  parts: StageParts<P, C, N, K, G>,
  without: (have: Pick<P, K>, context: C) => P[G],
): Stage<P, C>["run"] {
  return (made, context, isSkipped) => {
    const products = made;
    if (!hasAll(made, parts.needs)) throw new CompilerBug(`stage "${parts.name}" runs before what it needs`);
    const product = isSkipped ? without(made, context) : parts.run(made, context);
    products[parts.gives] = product;
    return {
      measure: () => parts.measure(product),
      again: parts.again?.(product, made, context) ?? null,
      show: () => parts.show(product, context),
    };
  };
}

/** Whether all of these have been made. */
export function hasAll<P, K extends keyof P>(
  made: Partial<P>,
  keys: readonly K[],
): made is Partial<P> & Required<Pick<P, K>> {
  return keys.every((key) => made[key] !== undefined);
}

/** What is wrong with the order of a list that starts with these products, or null. */
export function findMisplaced<P, C>(stages: readonly Stage<P, C>[], start: Iterable<keyof P>): string | null {
  const made = new Set(start);
  for (const { name, needs, gives } of stages) {
    const lacks = needs.find((need) => !made.has(need));
    if (lacks !== undefined) return `stage "${name}" needs "${String(lacks)}", which no stage before it gives`;
    if (made.has(gives)) return `stage "${name}" gives "${String(gives)}", which is there already`;
    made.add(gives);
  }
  return null;
}

/** Follows the pipeline. */
export interface Watch {
  readonly skip: ReadonlySet<string>;
  /** Told of every stage that has run. */
  done?(pass: PassReport, show: () => string): void;
}

/** Runs a pipeline on what is there at its start; what its stages make stands in `made`. */
export function runStages<P, C>(stages: readonly Stage<P, C>[], made: Partial<P>, context: C, watch: Watch): void {
  const misplaced = findMisplaced(stages, keysOf(made));
  if (misplaced !== null) throw new CompilerBug(misplaced);
  // By product: several passes leave most entries as they are.
  const measured = new Map<unknown, Measure>();
  for (let i = 0; i < stages.length; i++) {
    const stage = stages[i];
    if (stage === undefined) return;
    const isSkipped = stage.optional && watch.skip.has(stage.name);
    const started = performance.now();
    const { measure, again, show } = stage.run(made, context, isSkipped);
    if (!isSkipped && watch.done !== undefined) {
      const ms = performance.now() - started;
      const product = made[stage.gives];
      const size = measured.get(product) ?? measure();
      measured.set(product, size);
      watch.done({ name: stage.name, ms, ...size }, show);
    }
    if (again === null) continue;
    Object.assign(made, again.knowing);
    i = stages.findIndex(({ name }) => name === again.from) - 1;
  }
}

function keysOf<P>(made: Partial<P>): (keyof P)[] {
  const keys: (keyof P)[] = [];
  for (const key in made) keys.push(key);
  return keys;
}
