/**
 * Compiling a trainer: the first time with fresh weights, and again with everything kept.
 *
 *   compile({ target: "js" }), fit, compile({ target: "wasm", batch: 50 })     the same weights, moments, counters, random state
 *
 * The new program is there before the old one goes, so a compilation that fails loses nothing. A session stays the same object:
 * whoever waits for a turn goes on with the new program.
 */
import { compile } from "../compile.ts";
import { type CompileOptions, compileTable } from "../compile-options.ts";
import { messageOf, UserError } from "../core/errors.ts";
import { callable, checkOptions, count, either, flag, type OptionTable, oneOf } from "../core/options.ts";
import { atLine, here } from "../core/origin.ts";
import type { Executable } from "../runtime/executable-type.ts";
import type { Snapshot } from "../runtime/state.ts";
import { openSession, type Session, startOfRun } from "./session.ts";
import { programFor, type Training, type TrainingOutputs, type TrainingProgram } from "./training-program.ts";
import { bothWeightings, bySample, type Weighting, withSteps } from "./weighting.ts";

/** How a trainer is compiled: target, batch, seed, and what `compile` takes. */
export interface TrainerCompileOptions extends Omit<CompileOptions, "dims" | "entries"> {
  /** Samples a step; 128 by default. A trainer that is compiled again keeps what it had. */
  readonly batch?: number;
  /**
   * Starting weights, shuffles and random draws follow from it; 0 by default. A trainer that is compiled again keeps what it had:
   * another seed is refused without `fresh`, since its weights would not follow from it.
   */
  readonly seed?: number;
  /**
   * Start anew, like a trainer that was never compiled. False by default: a trainer that is compiled again, for another target
   * say, keeps its weights, moments, counters, random state and place in the data.
   */
  readonly fresh?: boolean;
  /**
   * Whether the program takes weights for samples; "steps": for each step of outputs that have some. False by default: the first `fit`
   * or `evaluate` that gives some compiles anew, and `executable` is another one then, with the same states.
   */
  readonly weighted?: boolean | "steps";
  /**
   * Which entries are compiled at once: `["train"]` by default. `evaluate` and `predict` are by their first calls, as in Keras, and for
   * validation before the first step.
   */
  readonly entries?: readonly string[];
  /** What compiles the program: `compile` by default. */
  readonly compiler?: (program: TrainingProgram, options: CompileOptions) => Promise<Executable<TrainingOutputs>>;
}

const { dims: _, ...withoutDims } = compileTable;

export const trainerCompileTable: OptionTable<TrainerCompileOptions> = {
  ...withoutDims,
  batch: count,
  fresh: flag,
  weighted: either(flag, oneOf("steps")),
  compiler: callable(),
};

/** Names and kinds; what Keras's `compile` takes is the trainer's. */
export function checkCompileOptions(options: TrainerCompileOptions): void {
  const odd = ["optimizer", "loss", "metrics"].find((name) => Object.hasOwn(Object(options), name));
  if (odd !== undefined) {
    const where = "trainer(model, { input, optimizer, loss, metrics })";
    throw new UserError(`compile: ${odd} is the trainer's: ${where}${atLine(here("compile"))}`);
  }
  checkOptions("compile", options, trainerCompileTable);
}

/** What a program is compiled for, besides where it runs. */
type Settings = Pick<Session, "batch" | "seed" | "weighting">;
const newSettings: Settings = { batch: 128, seed: 0, weighting: null };

export async function compileFirst(training: Training, options: TrainerCompileOptions): Promise<Session> {
  const settings = settingsOf(training, options, newSettings);
  const executable = await build(training, options, settings);
  return openSession({ ...settings, executable, training, ...toldBy(options) });
}

/** Takes a turn, in which the program is exchanged. */
export async function compileAgain(session: Session, options: TrainerCompileOptions): Promise<void> {
  const busy = "compile: a fit is under way: wait for its end, or stop it";
  checkIdle(session, busy); // at once: the fit has turns of its own
  await session.turns.take(async () => {
    const { fresh = false } = options;
    const settings = settingsOf(session.training, options, fresh ? newSettings : session);
    if (!fresh && settings.seed !== session.seed) {
      throw new UserError(
        `compile: the seed is ${settings.seed}, and this trainer's weights and random state come from seed ${session.seed}: ` +
          "leave seed out to keep them, or start anew with compile({ fresh: true, seed })",
      );
    }
    await exchange(session, options, settings, busy);
    if (fresh) Object.assign(session, startOfRun);
  });
}

/** Compiles anew with weights for samples, where that was not done. `options` are those it was compiled with. */
export async function addWeights(
  call: string,
  session: Session,
  options: TrainerCompileOptions,
  wanted: Weighting,
): Promise<void> {
  const [kind, setting] = wanted.size === 0 ? ["weights", "true"] : ["weights for steps", '"steps"'];
  const busy = `${call}: a fit without ${kind} is under way: for ${kind} meanwhile call compile({ weighted: ${setting} }) before it`;
  await session.turns.take(() => addWeightsInTurn(session, options, wanted, busy));
}

/** The same in a turn that somebody has; where `busy` is not given also while a fit is under way, between two of its steps. */
export async function addWeightsInTurn(
  session: Session,
  options: TrainerCompileOptions,
  wanted: Weighting,
  busy: string | null = null,
): Promise<void> {
  const { batch, seed } = session;
  const weighting = bothWeightings(session.weighting, wanted);
  if (weighting === session.weighting) return;
  await exchange(session, { ...options, fresh: false }, { batch, seed, weighting }, busy);
}

async function exchange(
  session: Session,
  options: TrainerCompileOptions,
  settings: Settings,
  busy: string | null,
): Promise<void> {
  if (busy !== null) checkIdle(session, busy);
  const executable = await build(session.training, unlessTold(session.executable, options), settings);
  try {
    if (options.fresh !== true) executable.state.restore(await stateToKeep(session));
    if (busy !== null) checkIdle(session, busy); // one may have begun meanwhile
  } catch (error) {
    executable.dispose();
    throw error;
  }
  session.executable.dispose();
  Object.assign(session, settings, { executable, ...toldBy(options) });
}

async function build(
  training: Training,
  options: TrainerCompileOptions,
  { batch, seed, weighting }: Settings,
): Promise<Executable<TrainingOutputs>> {
  const { batch: _, weighted: __, fresh: ___, compiler = compile, entries = ["train"], ...rest } = options;
  if (rest.precision === "mixed" && training.definition.precision === "f32") {
    throw new UserError(
      'compile: precision "mixed" is an option of the trainer, whose optimizer scales the loss then: ' +
        'trainer(model, { precision: "mixed", ... })',
    );
  }
  const program = programFor(training, weighting);
  return compiler(program, { ...rest, seed, dims: { batch }, entries });
}

/** What was warned of at the compilation before is not told again. */
function unlessTold({ report }: Executable<TrainingOutputs>, options: TrainerCompileOptions): TrainerCompileOptions {
  const told = new Set(report.warnings);
  const warn = warnerOf(options);
  return {
    ...options,
    onWarning(message) {
      if (!told.has(message)) warn(message);
    },
  };
}

function toldBy(options: TrainerCompileOptions): Pick<Session, "debugsNaN" | "warn"> {
  return { debugsNaN: options.debug?.nan === true, warn: warnerOf(options) };
}

function warnerOf({ onWarning }: TrainerCompileOptions): (message: string) => void {
  return onWarning ?? ((message) => console.warn(message));
}

/** What the options say, and where they say nothing what is there already. */
function settingsOf(training: Training, options: TrainerCompileOptions, before: Settings): Settings {
  const { batch = before.batch, seed = before.seed, weighted } = options;
  const wanted = weighted === "steps" ? withSteps(training.outputs) : weighted === true ? bySample : null;
  return { batch, seed, weighting: weighted === false ? null : bothWeightings(before.weighting, wanted) };
}

async function stateToKeep({ executable }: Session): Promise<Snapshot> {
  try {
    return await executable.state.snapshot();
  } catch (error) {
    const why = messageOf(error);
    throw new UserError(
      `compile: the trainer's states cannot be kept, as they cannot be read any more: ${why}\ncompile({ fresh: true }) starts ` +
        "anew; the `resume` of a TrainingError (given to fit) or a checkpoint (given to restore) puts states back after it.",
      { cause: error },
    );
  }
}

function checkIdle({ isFitting }: Session, message: string): void {
  if (isFitting) throw new UserError(message);
}
