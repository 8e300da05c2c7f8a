/**
 * What a report of op-report.ts leaves out. The lists come from the op tables and from what the modules of src/dsl
 * export, so an op or a composite that is new is a gap until it has a case.
 */
import { readFileSync } from "node:fs";
import * as functions from "../src/dsl/ops.ts";
import type { OpDef } from "../src/graph/node.ts";
import { barrier } from "../src/graph/ops/barrier.ts";
import * as choices from "../src/graph/ops/chosen.ts";
import { contract } from "../src/graph/ops/contract.ts";
import * as coverings from "../src/graph/ops/covering.ts";
import * as gatherOps from "../src/graph/ops/gather.ts";
import * as loops from "../src/graph/ops/loop.ts";
import * as mapOps from "../src/graph/ops/map.ts";
import * as merges from "../src/graph/ops/merge.ts";
import * as parts from "../src/graph/ops/parts.ts";
import * as reductions from "../src/graph/ops/reduce.ts";
import * as runs from "../src/graph/ops/running.ts";
import * as searches from "../src/graph/ops/search.ts";
import * as sorts from "../src/graph/ops/sort.ts";
import * as sources from "../src/graph/ops/source.ts";
import * as views from "../src/graph/ops/view.ts";
import * as windows from "../src/graph/ops/window.ts";
import * as windowSums from "../src/graph/ops/window-sum.ts";
import { withoutGradient } from "./composite-cases.ts";
import type { ReportRow } from "./op-report.ts";

/** Modules of src/dsl that ops.ts exports nothing of: checks, and what describes programs, types and starting values. */
const otherModules = [
  "body",
  "build",
  "check",
  "companions",
  "dim-types",
  "floats",
  "initializers",
  "loop-types",
  "made-inside",
  "ops",
  "part-types",
  "program",
  "shape-types",
  "spec",
  "stable",
  "tensor",
  "tree",
  "by-rows",
  "product-of",
  "vmap-types",
  "scaled-initializers",
  "starts",
  "window-axes",
  "window-types",
];

/** One is in every gradient column; the differences of the other cancel in f32 (ops-composites.test.ts has it in f64). */
const notCompared = ["grad", "checkGradient"];

const isOp = (value: unknown): value is OpDef => typeof value === "object" && value !== null && "kind" in value;

/**
 * Every op that targets compute, in the order of the tables. `state` is left out as no case has a state of its own: it is
 * what random numbers read, and test/gpu/cases/programs.ts has states. Transforms are expanded before a target sees
 * them.
 */
export function knownOps(): readonly OpDef[] {
  const tables = [
    sources,
    mapOps.mapOps,
    mapOps,
    views,
    parts,
    reductions.reduceOps,
    reductions,
    { contract, barrier },
    gatherOps,
    sorts,
    merges,
    runs,
    searches,
    loops,
    windows,
    coverings,
    choices,
    windowSums,
  ];
  const ops = tables.flatMap((table) => Object.values(table) as unknown[]).filter(isOp);
  return [...new Set(ops)].filter((op) => op !== sources.state);
}

/** The names of all tensor functions of the DSL. */
function knownFunctions(): string[] {
  return Object.entries(functions).flatMap(([name, value]) =>
    typeof value === "function" && !notCompared.includes(name) ? [name] : [],
  );
}

/** Files of src/dsl that ops.ts does not export, and the list above does not know. */
export function unknownModules(files: readonly string[]): string[] {
  const source = readFileSync(new URL("../src/dsl/ops.ts", import.meta.url), "utf8");
  const exported = [...source.matchAll(/from "\.\/([\w-]+)\.ts"/g)].map((found) => found[1] ?? "");
  const known = [...exported, ...otherModules];
  return files.filter((file) => !known.includes(file.replace(/\.ts$/, "")));
}

/** Files of src/graph/ops that no table above has: `map-type` and `window-steps` are type rules, `window-contract` a form of an op, `running-slopes` and `loop-gradients` are gradients, `scatter` what an op is written in, `spread` what one target alone is given (window-cases.ts, prepared-windows.ts). Transforms are gone before a target sees them. */
export function unknownOpFiles(files: readonly string[]): string[] {
  const source = readFileSync(new URL(import.meta.url), "utf8");
  const imported = [...source.matchAll(/from "\.\.\/src\/graph\/ops\/([\w-]+)\.ts"/g)].map((found) => found[1] ?? "");
  const known = [
    ...imported,
    "custom",
    "loop-gradients",
    "map-type",
    "running-slopes",
    "scatter",
    "spread",
    "transform",
    "window-steps",
    "window-contract",
  ];
  return files.filter((file) => !known.includes(file.replace(/\.ts$/, "")));
}

/** What is missing of one target's report, a line each. */
export function reportGaps(rows: readonly ReportRow[]): string[] {
  const ops = knownOps().map((op) => ({
    names: [`${op.kind} ${op.name}`],
    flows: op.vjp !== undefined && op !== loops.whileLoop,
  }));
  const kinds = [...new Set(knownOps().map(({ kind }) => kind))];
  const functions = knownFunctions().map((name) => {
    // a function with the name of an op is that op
    const names = ["composite", ...kinds].map((kind) => `${kind} ${name}`);
    const isComposite = !knownOps().some((op) => op.name === name);
    return { names, flows: isComposite && !withoutGradient.includes(`composite ${name}`) };
  });
  return [...ops, ...functions].flatMap(({ names, flows }) => {
    const found = rows.filter(({ op }) => names.some((name) => op === name || op.startsWith(`${name} `)));
    if (!found.some(({ forward }) => forward.count > 0)) return [`${names[0]}: no case`];
    return flows && !found.some(({ gradient }) => gradient.count > 0) ? [`${names[0]}: no gradient`] : [];
  });
}
