/**
 * THE PIPELINE: every stage from an entry as it was written to what its target prints, in order, each with the reason
 * why it stands where it stands. A stage says what it needs and what it gives; another order is refused before anything runs.
 *
 *   written -> graph passes -> fused -> ordered -> lowered -> scheduled -> sequence -> layout -> artifact
 *
 * The verifier runs after each (on what `lower` made where nothing schedules it, or where that went wrong); when it fails, the
 * message names the stage and prints before and after. Whoever wants stages (`skip`, --print-after, inspect, pictures, tests)
 * reads them here.
 */
import type { BoundTarget } from "../codegen/target.ts";
import { type Fused, printFused } from "../passes/fuse/cluster.ts";
import { fuse } from "../passes/fuse/fuse.ts";
import { leaveUnfused } from "../passes/fuse/unfused.ts";
import { differentiate } from "../passes/graph/differentiate.ts";
import { expand } from "../passes/graph/expand.ts";
import { foldTransposes } from "../passes/graph/fold-transposes.ts";
import { lowerBranches } from "../passes/graph/lower-branches.ts";
import { maxFirst } from "../passes/graph/max-first.ts";
import { mixedPrecision } from "../passes/graph/mixed-precision.ts";
import type { GraphPass, PassContext } from "../passes/graph/pass.ts";
import { simplify } from "../passes/graph/simplify.ts";
import { specialize } from "../passes/graph/specialize.ts";
import { watchNonFinite } from "../passes/graph/watch-non-finite.ts";
import { lower } from "../passes/lower/lower.ts";
import { type Layout, layout } from "../passes/plan/layout.ts";
import { order, statesWithoutRoom } from "../passes/plan/order.ts";
import { type Ordered, printOrdered } from "../passes/plan/ordered.ts";
import { expandSequence, scheduleSequence } from "../passes/schedule/sequence.ts";
import { checkKernels, checkLayout, runVerified, sound } from "../passes/verify.ts";
import { CompilerBug } from "./core/errors.ts";
import type { Precision } from "./core/precision.ts";
import { type Entry, neededNodes } from "./graph/entry.ts";
import type { NodeNames } from "./graph/node-names.ts";
import { printEntry } from "./graph/print.ts";
import type { Kernel } from "./kernel/kernel.ts";
import type { KernelPool } from "./kernel/kernel-pool.ts";
import { type Addresses, type Artifact, printArtifact } from "./program/artifact.ts";
import { checkInputSizes, type Declarations, declaredBuffers } from "./program/declared.ts";
import { printCode, printSlots } from "./program/print.ts";
import { countSteps, mapKernels, type Sequence } from "./program/sequence.ts";
import { checkIndexes, checkSizes } from "./program/sizes.ts";
import { hasAll, type Measure, optionalStageOf, runStages, stageOf, type Watch } from "./program/stage.ts";

/** What an entry is on its way. */
export interface Products {
  written: Entry;
  untransposed: Entry;
  pooled: Entry;
  differentiated: Entry;
  specialized: Entry;
  expanded: Entry;
  simplified: Entry;
  apart: Apart;
  fused: Fused;
  ordered: Ordered;
  lowered: Sequence;
  scheduled: Sequence;
  sequence: Sequence;
  layout: Layout;
  artifact: Artifact;
}

/** States that a kernel needs another buffer for, beside that of the next value, and how often it was found out. */
interface Apart {
  readonly states: ReadonlySet<string>;
  readonly rounds: number;
}

/** What stages may ask for besides. */
export interface StageContext extends PassContext {
  readonly target: Pick<BoundTarget, "traits" | "scheduling" | "legalize">;
  /** The target's printer, for the machine that is to run what it prints. */
  readonly print: (sequence: Sequence, addresses: Addresses) => Artifact;
  readonly program: Declarations;
  /** The kernels of all entries that are compiled together. */
  readonly kernels: KernelPool;
  /** Whether the entry puts out the range of each of its nodes. */
  readonly watchesNonFinite?: boolean;
  /** "mixed": contractions round what they read to f16. */
  readonly precision?: Precision;
  /** What nodes, and by them buffers and kernels, are called; by default by their numbers and by what they do. */
  readonly naming?: ((entry: Entry) => NodeNames) | undefined;
}

const stage = stageOf<Products, StageContext>();
const optional = optionalStageOf<Products, StageContext>();

const ofGraph = {
  measure: (entry: Entry): Measure => ({ count: neededNodes(entry).length, unit: "nodes" }),
  show: (entry: Entry, { naming }: StageContext): string => printEntry(entry, naming?.(entry)),
};
const ofCode = {
  measure: (sequence: Sequence): Measure => ({ count: countSteps(sequence).launches, unit: "launches" }),
  show: printCode,
};

export const stages = [
  graphStage(foldTransposes, "written", "untransposed"), //     so that gradients come out in the parameters' own layout
  // Pools before what follows a convolution: its output is then needed neither forwards nor backwards.
  {
    pass: maxFirst,
    ...optional({
      name: "maxFirst",
      needs: ["untransposed"],
      gives: "pooled",
      run: ({ untransposed }, context) => verified(maxFirst, untransposed, context),
      without: ({ untransposed }) => untransposed,
      ...ofGraph,
    }),
  },
  graphStage(differentiate, "pooled", "differentiated"), //       every gradient at once, innermost first
  graphStage(specialize, "differentiated", "specialized"), //   dimensions become numbers: everything below counts elements
  // Sorts become the ops that they are written in for their sizes; and branches become choices, where the target has none. Before
  // that, what is a product by now reads numbers of f16, where that was asked for.
  {
    pass: expand,
    ...stage({
      name: "expand",
      needs: ["specialized"],
      gives: "expanded",
      run: ({ specialized }, context) => {
        const given = context.precision === "mixed" ? mixedPrecision(specialized) : specialized;
        const expanded = withoutBranches(verified(expand, given, context), context);
        return context.watchesNonFinite === true ? watchNonFinite(expanded) : expanded;
      },
      ...ofGraph,
    }),
  },
  // Algebra, on forward and backward pass together.
  {
    pass: simplify,
    ...optional({
      name: "simplify",
      needs: ["expanded"],
      gives: "simplified",
      run: ({ expanded }, context) => verified(simplify, expanded, context),
      without: ({ expanded }) => expanded,
      ...ofGraph,
    }),
  },
  // Which nodes share a kernel. A state that changes in place counts as one buffer, unless `order` has found that it cannot.
  optional({
    name: "fuse",
    needs: ["simplified", "apart"],
    gives: "fused",
    run: ({ simplified, apart }, c) => fuse(fitting(simplified, c), c.target.traits, apart.states),
    without: ({ simplified }, c) => leaveUnfused(fitting(simplified, c), c.target.traits),
    measure: ({ groups }) => ({ count: groups.length, unit: "groups" }),
    show: (fused, { naming }) => printFused(fused, naming?.(fused.entry)),
  }),
  // In which order kernels run, and which states change in place: it alone knows what is copied, and so what a kernel touches.
  optional({
    name: "order",
    needs: ["fused", "apart"],
    gives: "ordered",
    run: ({ fused }, { naming }) => order(fused, { inPlace: true, names: naming?.(fused.entry) }),
    without: ({ fused }, { naming }) => order(fused, { inPlace: false, names: naming?.(fused.entry) }),
    measure: ({ steps }) => ({ count: steps.length, unit: "steps" }),
    show: (ordered, { naming }) => printOrdered(ordered, naming?.(ordered.fused.entry)),
    again(ordered, { apart: { states, rounds } }, { target }) {
      const short = statesWithoutRoom(ordered, target.traits.maxBuffers);
      if (short.length === 0) return null;
      // Another partition may copy other states, so in the end none is counted on.
      const more = rounds < 2 ? short : ordered.fused.entry.next.map(({ name }) => name);
      return { from: "fuse", knowing: { apart: { states: new Set([...states, ...more]), rounds: rounds + 1 } } };
    },
  }),
  // Loops, that no target has had a hand in.
  stage({
    name: "lower",
    needs: ["ordered"],
    gives: "lowered",
    run: ({ ordered }, { target, kernels, naming }) =>
      lower(ordered, target.traits, kernels, naming?.(ordered.fused.entry)),
    ...ofCode,
  }),
  // A target's own loops, in launches of their own where a fold is too long for one.
  optional({
    name: "schedule",
    needs: ["lowered", "ordered", "simplified"],
    gives: "scheduled",
    run: (have, c) => counting(scheduled(have, c), have.simplified, c),
    without: (have, c) => counting(unscheduled(have, c), have.simplified, c),
    ...ofCode,
  }),
  // What the target means otherwise than the kernel language, said so that both mean the same.
  stage({
    name: "legalize",
    needs: ["scheduled"],
    gives: "sequence",
    run: ({ scheduled: sequence }, { target, kernels }) =>
      mapKernels(sequence, (kernel) => kernels.made("legalize", kernel, (one) => legal(one, target.legalize(one)))),
    ...ofCode,
  }),
  // Addresses: behind all that changes the sequence, as what a buffer lives for is read off it.
  optional({
    name: "plan",
    needs: ["sequence", "ordered"],
    gives: "layout",
    run: (have, c) => addresses(have, c, true),
    without: (have, c) => addresses(have, c, false),
    measure: ({ arena }) => ({ count: arena.placements.length, unit: "buffers" }),
    show: ({ buffers }) => printSlots(buffers.values()),
  }),
  // Once: the machine, inspect and the command line read the same artifact.
  stage({
    name: "print",
    needs: ["sequence", "layout"],
    gives: "artifact",
    run: ({ sequence, layout: addressed }, { print }) => print(sequence, addressed),
    measure: ({ steps }) => ({ count: steps.length, unit: "steps" }),
    show: printArtifact,
  }),
] as const;

/** Runs all stages on an entry as it was written. */
export function runAll(written: Entry, context: StageContext, watch: Watch): Products {
  const made = runUpTo("artifact", { written }, context, watch);
  if (
    !hasAll<Products, keyof Products>(
      made,
      stages.map(({ gives }) => gives),
    )
  )
    throw new CompilerBug("a stage gave nothing");
  return made;
}

/** Runs the stages between what is there and `last`, both products by name; `last` is among what comes back. */
export function runUpTo<K extends keyof Products>(
  last: K,
  start: Partial<Products>,
  context: StageContext,
  watch: Watch = { skip: new Set() },
): Partial<Products> & Required<Pick<Products, K>> {
  const made: Partial<Products> = { apart: { states: new Set(), rounds: 0 }, ...start };
  const first = stages.findLastIndex(({ gives }) => made[gives] !== undefined) + 1;
  const end = stages.findIndex(({ gives }) => gives === last) + 1;
  runStages<Products, StageContext>(stages.slice(first, end), made, context, watch);
  if (!hasAll<Products, K>(made, [last])) throw new CompilerBug(`no stage gives "${last}"`);
  return made;
}

/** Steps that may be left out, for comparison: the numbers stay the same. */
export type Skippable = Extract<(typeof stages)[number], { readonly optional: true }>["name"];

export const skippable: readonly Skippable[] = stages.flatMap((one) => (one.optional ? [one.name] : []));

type GraphProduct = { [K in keyof Products]: Products[K] extends Entry ? K : never }[keyof Products];

function graphStage(pass: GraphPass, from: GraphProduct, to: GraphProduct) {
  const run = (have: Pick<Products, GraphProduct>, context: StageContext) => verified(pass, have[from], context);
  return { pass, ...stage({ name: pass.name, needs: [from], gives: to, run, ...ofGraph }) };
}

function verified(pass: GraphPass, entry: Entry, context: StageContext): Entry {
  return runVerified(pass, () => passesBefore(pass), entry, context);
}

function withoutBranches(entry: Entry, { target: { traits } }: StageContext): Entry {
  return traits.hasBranches ? entry : lowerBranches(entry);
}

/** They say which ops nobody meets any more. */
function passesBefore(pass: GraphPass): readonly GraphPass[] {
  const before: GraphPass[] = [];
  for (const one of stages) {
    if (!("pass" in one)) continue;
    if (one.pass === pass) return before;
    before.push(one.pass);
  }
  throw new CompilerBug(`no stage has the pass "${pass.name}"`);
}

/** An entry simplified while its dimensions are names: `specialize` and `expand`, which need sizes, have not run. */
export function simplifiedUnsized(differentiated: Entry, context: StageContext): Entry {
  return runVerified(simplify, () => passesBefore(specialize), differentiated, context);
}

/** Here and not before: what `simplify` has left out may be as large as it likes. */
function fitting(entry: Entry, { program, dims }: StageContext): Entry {
  checkInputSizes(program, dims);
  checkSizes(entry);
  return entry;
}

function scheduled(
  { lowered, ordered }: Pick<Products, "lowered" | "ordered">,
  { target, kernels }: StageContext,
): Sequence {
  try {
    return scheduleSequence(lowered, target, { kernels, buffers: ordered.buffers });
  } catch (error) {
    checkKernels("lower", lowered); // whose fault it is; otherwise kernels are checked once, as that is 5% of a cold compilation
    throw error;
  }
}

/** A GPU has no loops that are not scheduled. */
function unscheduled(have: Pick<Products, "lowered" | "ordered">, context: StageContext): Sequence {
  if (context.target.traits.needsSchedule) return scheduled(have, context);
  return checkKernels("lower", expandSequence(have.lowered, context.kernels));
}

/** Checked where anything was changed. */
function legal(before: Kernel, after: Kernel): Kernel {
  return after === before ? before : sound("legalize", after);
}

/** The sequence, where it counts no further than the target can. */
function counting(sequence: Sequence, entry: Entry, { target }: StageContext): Sequence {
  checkIndexes(sequence, entry, target.traits);
  return sequence;
}

function addresses(
  { sequence, ordered }: Pick<Products, "sequence" | "ordered">,
  { program, dims, target }: StageContext,
  reuse: boolean,
): Layout {
  const declared = declaredBuffers(program, ordered.fused.entry, dims, ordered.buffers);
  return checkLayout(sequence, layout(sequence, declared, target.traits, reuse));
}
