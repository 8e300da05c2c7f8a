/**
 * From a program to an executable: the target is chosen, the machine opened, the states written, and every entry taken through
 * the pipeline, whose stages stand in stages.ts.
 */

import type { BoundTarget, Printer } from "../codegen/target.ts";
import { sideBySide } from "../passes/plan/layout.ts";
import { type CompileOptions, checkDebug, compileTable } from "./compile-options.ts";
import { CompilerBug, UserError } from "./core/errors.ts";
import { checkArguments, checkOptions, show } from "./core/options.ts";
import { atLine, here, told } from "./core/origin.ts";
import type { Precision } from "./core/precision.ts";
import type { Program } from "./dsl/program.ts";
import { splitPath } from "./dsl/tree.ts";
import { jsTarget } from "./eager-targets.ts";
import type { Entry } from "./graph/entry.ts";
import type { Dims } from "./graph/shape.ts";
import { KernelPool } from "./kernel/kernel-pool.ts";
import type { Addresses, Artifact, Crew } from "./program/artifact.ts";
import { Buffers } from "./program/buffer.ts";
import { checkDTypes, checkPrecision, checkProgram, firstF64 } from "./program/check.ts";
import type { CompiledEntry } from "./program/compiled.ts";
import { stateBuffers } from "./program/declared.ts";
import { reportOf } from "./program/entry-report.ts";
import { inputSlots } from "./program/inputs.ts";
import type { PassReport } from "./program/report.ts";
import type { Sequence } from "./program/sequence.ts";
import { isWatchName, watchedOf } from "./program/watched.ts";
import { workOf } from "./program/work.ts";
import { checkDims } from "./runtime/dims.ts";
import { makeExecutable } from "./runtime/executable.ts";
import type { Executable } from "./runtime/executable-type.ts";
import { declaredInputs } from "./runtime/feeds.ts";
import type { MachineOptions } from "./runtime/machine.ts";
import { profileHook } from "./runtime/profile/hook.ts";
import type { Compiled } from "./runtime/specializations.ts";
import { writeStartValues } from "./runtime/start-values.ts";
import { type Products, runAll, runUpTo, type StageContext, simplifiedUnsized } from "./stages.ts";
import type { TargetSetup } from "./target-setup.ts";
import { chooseTarget } from "./targets.ts";

/** Compiles a program for the target that the options ask for, and makes it ready to run. */
export async function compile<O, I>(program: Program<O, I>, options: CompileOptions = {}): Promise<Executable<O, I>> {
  checkArguments("compile", arguments, 2);
  checkProgram("compile", program);
  checkOptions("compile", options, compileTable, { before: "program, " });
  checkDebug("compile", options);
  checkDims("compile", program.inputs, options.dims ?? {});
  return told("compile", async () => {
    const wanted = { ...options, precision: precisionOf(program, options) };
    const needsF64 = firstF64(program) !== undefined;
    // Each has a target of its own: an adapter gives one device.
    if (options.tune === true) await measure(program, await chooseTarget(wanted, needsF64), options);
    return compileOn(program, await chooseTarget(wanted, needsF64), options);
  });
}

/** Loaded where it is asked for. */
async function measure(program: Program<unknown>, target: TargetSetup, options: CompileOptions): Promise<void> {
  const { tune } = await import("./tuning/tuner.ts");
  await tune(program, target, { onWarning: console.warn, ...options });
}

/** The target with what was measured for it on this machine; a browser, which keeps no such file, loads nothing for it. */
async function withKept(
  target: TargetSetup,
  device: string,
  options: CompileOptions,
  warn: (message: string) => void,
): Promise<TargetSetup> {
  if (typeof process !== "object") return target;
  const { withKeptChoices } = await import("./tuning/tuned.ts");
  return withKeptChoices(target, device, options, warn);
}

/** Compiles a program on a given target: with what was measured for it before, where `tune` is not false; it measures nothing itself. */
export async function compileOn<O, I>(
  program: Program<O, I>,
  target: TargetSetup,
  options: CompileOptions = {},
): Promise<Executable<O, I>> {
  checkArguments("compileOn", arguments, 3);
  const started = performance.now();
  checkProgram("compileOn", program);
  const setup: unknown = target;
  if (typeof setup !== "object" || setup === null || !("traits" in setup)) {
    throw new UserError(`compileOn takes a target, jsTarget say, not ${show(setup)}${atLine(here("compileOn"))}`);
  }
  checkOptions("compileOn", options, compileTable, { before: "program, target, " });
  checkDebug("compileOn", options);
  const { dims = {}, seed = 0 } = options;
  checkDims("compileOn", program.inputs, dims);
  checkDTypes(program, target.traits);
  checkPrecision("compile", precisionOf(program, options), target.traits);
  const { slots, bytes } = sideBySide(stateBuffers(program.states, new Buffers()), target.traits);
  const states = [...slots.values()];
  const { warnings, warn } = warningsOf(program, options);
  const machine = await target.machine(bytes, {
    ...machineOptions(options),
    onWarning: warn,
    work: () => workOf(program, dims),
  });
  try {
    const tuned = await withKept(target, machine.device, options, warn);
    let compileMs = 0;
    // First: what draws them should be optimized before there is anything else for the engine to optimize.
    writeStartValues(program, states, machine, seed);
    let together: Together | null = newTogether(tuned);
    const naming = profileHook()?.naming(program);
    const executable = await makeExecutable<O, I>({
      program,
      machine,
      states,
      dims,
      ...(options.entries === undefined ? {} : { first: options.entries }),
      inputs: declaredInputs(program.inputs),
      compileEntry: (name, sizes, of) => {
        const { entry, report } = stagesOf(of, name, sizes, tuned, options, {
          warn,
          crew: machine.crew,
          together: together ?? newTogether(tuned),
          naming,
        });
        return { entry, report };
      },
      summary: () => ({
        target: target.traits.name,
        device: machine.device,
        remarks: machine.remarks ?? [],
        why: target.why,
        runsAhead: machine.runsAhead,
        compileMs,
        warnings,
      }),
    });
    together = null; // what is compiled later, for other sizes, has little in common with it
    compileMs = performance.now() - started;
    return executable;
  } catch (error) {
    machine.dispose();
    throw error;
  }
}

function precisionOf({ precision = "f32" }: Program<unknown>, options: CompileOptions): Precision {
  return options.precision ?? precision;
}

/** Each warning is told once; the program's own come first. */
function warningsOf({ warnings: known }: Program<unknown>, { onWarning = console.warn }: CompileOptions) {
  const warnings: string[] = [];
  const warn = (message: string): void => {
    if (warnings.includes(message)) return;
    warnings.push(message);
    onWarning(message);
  };
  for (const message of known ?? []) warn(message);
  return { warnings, warn };
}

function machineOptions({ onLaunch, debug }: CompileOptions): MachineOptions {
  return {
    ...(onLaunch === undefined ? {} : { onLaunch }),
    ...(debug?.poisonFreed === undefined ? {} : { poisonFreed: debug.poisonFreed }),
  };
}

// ---- one entry -----------------------------------------------------------------------------------------------------

/** A compiled entry, and all that it was on the way there: for the command line to show. */
export interface Stages<A extends Artifact = Artifact> extends Compiled, Products {
  readonly entry: CompiledEntry<A>;
  /** What each stage made, as text: asked for by the stage's name. */
  readonly shown: ReadonlyMap<string, () => string>;
}

/** What entries that are compiled together share. */
export interface Together<A extends Artifact = Artifact> {
  readonly kernels: KernelPool;
  readonly print: Printer<A>;
}

export function newTogether<A extends Artifact>(target: BoundTarget<A>): Together<A> {
  return { kernels: new KernelPool(), print: target.printer() };
}

interface Surroundings<A extends Artifact> {
  /** What nodes are called, and by them buffers and kernels: for people to read. */
  readonly naming?: StageContext["naming"] | undefined;
  readonly warn?: (message: string) => void;
  /** Follows what passes rewrite. */
  readonly rewrites?: StageContext["rewrites"];
  readonly crew?: Crew;
  readonly together?: Together<A>;
}

/** Compiles one entry, up to what its target prints. Needs no device, and all dimensions bound. */
export function stagesOf<A extends Artifact>(
  program: Program<unknown>,
  name: string,
  dims: Dims,
  target: BoundTarget<A>,
  options: CompileOptions = {},
  { warn = () => {}, rewrites, crew, together = newTogether(target), naming }: Surroundings<A> = {},
): Stages<A> {
  const { skip = [], debug } = options;
  checkDTypes(program, target.traits);
  const written = program.entries.get(name);
  if (written === undefined) throw new CompilerBug(`the program has no entry ${name}`);
  const passes: PassReport[] = [];
  const shown = new Map<string, () => string>();
  const printed: A[] = []; // in the target's own type
  const print = (sequence: Sequence, addresses: Addresses): A => {
    const artifact = together.print(sequence, addresses, crew);
    printed.push(artifact);
    return artifact;
  };
  const made = runAll(
    written,
    {
      dims,
      warn,
      target,
      program,
      print,
      kernels: together.kernels,
      watchesNonFinite: debug?.nan === true,
      precision: precisionOf(program, options),
      naming,
      rewrites,
    },
    {
      skip: new Set<string>(skip),
      done(pass, print) {
        passes.push(pass);
        shown.set(pass.name, print);
      },
    },
  );
  const { sequence, ordered, layout, simplified, expanded } = made;
  const { buffers, segmentBytes, freedAfter, arena, declared } = layout;
  const outputs = new Map(declared.output.map((slot) => [slot.name, slot]));
  const [artifact] = printed;
  if (artifact === undefined) throw new CompilerBug(`the entry ${name} was not printed`);
  const compiled: CompiledEntry<A> = {
    name,
    dims,
    artifact,
    ...(crew !== undefined && crew.threads > 1 ? { clocked: () => together.print(sequence, layout, crew, true) } : {}),
    buffers,
    inputs: inputSlots(simplified, [...declared.input, ...declared.held], splitPath),
    outputs: new Map([...outputs].filter(([name]) => !isWatchName(name))),
    segmentBytes,
    heldIn: program.inputs.find(({ leaf }) => leaf.held !== null)?.leaf.held ?? undefined,
    freedAfter,
    ...(debug?.nan === true ? { watched: watchedOf(expanded, outputs) } : {}),
  };
  const { copied } = ordered;
  const report = reportOf(compiled, { sequence, passes, copied, arena, names: naming?.(ordered.fused.entry) });
  return { ...made, entry: compiled, report, shown };
}

/** An entry as `specialize` leaves it, before any target has had a hand in it: what exporters of graphs take. */
export function specializedEntry(written: Entry, dims: Dims): Entry {
  return runUpTo("specialized", { written }, { ...forPeople(), dims }).specialized;
}

/** An entry after the passes up to one, but its dimensions still names: for people to read. */
export function afterPass(written: Entry, last: "differentiate" | "simplify"): Entry {
  const { differentiated } = runUpTo("differentiated", { written }, forPeople());
  if (last === "differentiate") return differentiated;
  return simplifiedUnsized(differentiated, forPeople());
}

/** What stages before a target's own ask for. */
function forPeople(): StageContext {
  const program = { inputs: [], states: [] };
  return { dims: {}, warn: () => {}, target: jsTarget, program, ...newTogether(jsTarget) };
}
