/**
 * What is done about the windows of random convolutional programs before they are fused (passes/fuse/prepare-windows.ts), with limits
 * of 1: those of targets lie above what a small program has. The graph has the values that it had, and `wasm` those of the oracle;
 * and each rewrite must have been done to some part of the programs.
 */
import fc from "fast-check";
import { type Prepared, prepareWindows } from "../../passes/fuse/prepare-windows.ts";
import { plannedTargets, wasmTarget } from "../../src/eager-targets.ts";
import { type Entry, neededNodes, resultNodes } from "../../src/graph/entry.ts";
import { evaluateGraph } from "../../src/graph/evaluate.ts";
import { ndarray } from "../../src/graph/ndarray.ts";
import { chosen } from "../../src/graph/ops/chosen.ts";
import { spread } from "../../src/graph/ops/spread.ts";
import { fixedShape } from "../../src/graph/shape.ts";
import type { TargetTraits } from "../../src/kernel/target.ts";
import { runUpTo } from "../../src/stages.ts";
import type { TargetSetup } from "../../src/target-setup.ts";
import { wasmEvaluatorTarget } from "../evaluator-machine.ts";
import { runOracle, runProgram } from "../program-case.ts";
import { largestError } from "../program-oracle.ts";
import { contextOn } from "../stage-context.ts";
import { checkClose } from "./programs.ts";
import { type Property, property } from "./property.ts";
import { type DrawnWindows, drawnWindows, windowFeeds, windowProgram } from "./random-windows.ts";

const least = {
  choosesSlopes: { leastChannels: 1, leastTerms: 1, leastImages: 1, leastPlaces: 1 },
  storesBorders: { leastReads: 0, leastElements: 1, mostGrowth: 1000 },
};

type Rewrite = "border" | "chosen" | "spread";
type Done = Record<Rewrite, number>;

/** Of the programs, at least: there are about twice as many that choose, and seven times as many that spread. */
const parts: Done = { border: 0.5, chosen: 0.1, spread: 0.01 };

/** With fewer programs one may be missing by chance. */
const enough = 60;

/** Sums in double precision, in another order. */
const rounding = 1e-12;

export const preparedProperties: readonly Property[] = [
  counted("what is prepared of convolutional programs has the values that it had", 400, checkGraph),
  counted("convolutional programs with all that is prepared, on wasm", 60, checkRun),
];

/** A property that also fails where a rewrite was done to fewer than its part of the programs. */
function counted(
  name: string,
  runs: number,
  check: (drawn: DrawnWindows, done: Done) => void | Promise<void>,
): Property {
  const done: Done = { border: 0, chosen: 0, spread: 0 };
  const plain = property(
    name,
    runs,
    fc.asyncProperty(drawnWindows, async (drawn) => check(drawn, done)),
  );
  return {
    ...plain,
    async check(parameters) {
      Object.assign(done, { border: 0, chosen: 0, spread: 0 });
      const details = await plain.check(parameters);
      const programs = details.numRuns < enough ? 0 : details.numRuns;
      const isLacking = Object.keys(parts).some((key) => done[key as Rewrite] < parts[key as Rewrite] * programs);
      if (!details.failed && isLacking)
        throw new Error(`"${name}": of ${details.numRuns} programs too few were rewritten: ${JSON.stringify(done)}`);
      return details;
    },
  };
}

/** How often each rewrite was done. */
function count({ entry, stored }: Prepared, done: Done): void {
  const nodes = neededNodes(entry);
  if ([...stored].some(({ op }) => op.name === "pad")) done.border += 1;
  if (nodes.some(({ op }) => op === chosen)) done.chosen += 1;
  if (nodes.some(({ op }) => op === spread)) done.spread += 1;
}

function simplified(drawn: DrawnWindows, traits: Partial<TargetTraits> = {}): Entry {
  const program = windowProgram(drawn);
  const written = program.entries.get("step");
  if (written === undefined) throw new Error("a program has its entry");
  const planned = plannedTargets.wasm;
  const context = contextOn({ ...planned, traits: { ...planned.traits, ...traits } });
  return runUpTo("simplified", { written }, context).simplified;
}

function checkGraph(drawn: DrawnWindows, done: Done): void {
  const entry = simplified(drawn);
  const feeds = windowFeeds(drawn);
  const values = new Map(
    windowProgram(drawn).inputs.map(({ path, leaf }) => [
      path,
      ndarray(leaf.dtype, fixedShape(leaf.shape), feeds[path] ?? []),
    ]),
  );
  const wanted = evaluateGraph(resultNodes(entry), values);
  const one = drawn.seed % 2 === 0 ? { ...least, choosesSlopes: null } : { ...least, storesBorders: null };
  for (const limits of [least, one]) {
    const prepared = prepareWindows(entry, limits);
    if (limits === least) count(prepared, done);
    for (const [i, found] of evaluateGraph(resultNodes(prepared.entry), values).entries()) {
      const error = largestError(found.data, wanted[i]?.data ?? []);
      if (!(error <= rounding)) throw new Error(`result ${i} is ${error} off: ${found.data} for ${wanted[i]?.data}`);
    }
  }
}

const withLeast = (target: TargetSetup): TargetSetup => ({ ...target, traits: { ...target.traits, ...least } });

/** In f32. What a pool chooses of tanh's may depend on how they are rounded. */
async function checkRun(given: DrawnWindows, done: Done): Promise<void> {
  const layers = given.layers.map((one) => (one.after === "tanh" ? { ...one, after: "bias" as const } : one));
  const drawn: DrawnWindows = { ...given, dtype: "f32", layers };
  count(prepareWindows(simplified(drawn), least), done);
  const program = { program: windowProgram(drawn), calls: [{ entry: "step", feeds: windowFeeds(drawn) }] };
  const target = withLeast(drawn.seed % 4 === 0 ? wasmEvaluatorTarget : wasmTarget({ threads: 1 }));
  checkClose((await runProgram(program, target)).trace, runOracle(program), 1e-6);
}
