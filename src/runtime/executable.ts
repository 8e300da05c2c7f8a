/**
 * Executable: a compiled program on a target.
 *
 * Entries become methods: `executable.train(feeds)` checks the feeds, copies them in and enqueues one run; nothing comes
 * back until `read` or `run` asks. All entries and batch sizes share one set of states. Calls take effect in the order in
 * which they are made (`calls.ts`). After a failure every call gives the same error: a step that half happened has no
 * state worth going on with.
 */

import { UserError } from "../core/errors.ts";
import { checkArguments, checkOptions, checkValue, list, object, text } from "../core/options.ts";
import { told } from "../core/origin.ts";
import type { Program } from "../dsl/program.ts";
import type { Dims } from "../graph/shape.ts";
import type { BufferSlot } from "../program/buffer.ts";
import type { Report } from "../program/report.ts";
import { Calls } from "./calls.ts";
import { checkDims, dimsOfFeeds } from "./dims.ts";
import type { Executable, ExecutableCore } from "./executable-type.ts";
import { checkFeed, checkNames, copyFeeds, type DeclaredInput, type Feeds, feedAt } from "./feeds.ts";
import { type HeldRows, Holding, type HoldingParts, type HoldRequest } from "./held-rows.ts";
import { feedError } from "./host-values.ts";
import { OneStep, type Runner } from "./machine.ts";
import { firstNonFinite } from "./non-finite.ts";
import { joined, outputTree, scalarOr } from "./outputs.ts";
import { profileHook } from "./profile/hook.ts";
import { type Profile, type ProfileOptions, profileTable, type RunningProfile, workWords } from "./profile/profile.ts";
import { type AnyRequest, checkedRequest, type Job, refusePromise, unknownEntry } from "./requests.ts";
import { type Compiled, letGo, type Specialization, type SpecializationParts, Specializations } from "./specializations.ts"; // biome-ignore format: names
import { StateAccess, type StateParts } from "./state.ts";
import type { TypedArray } from "./typed-arrays.ts";

const sizesByName = "the sizes of dimensions: { batch: 16 }";

/** Chunks of steps whose outputs may be on their way back at once. */
const inFlight = 4;

export interface ExecutableParts extends Omit<SpecializationParts, "compileEntry"> {
  readonly program: Program<unknown>;
  /** Compiles one entry of this program, or of one made of it, for given sizes: the pipeline, handed in because a runtime knows no passes. */
  readonly compileEntry: (entry: string, dims: Dims, program: Program<unknown>) => Compiled;
  readonly states: readonly BufferSlot[];
  readonly dims: Dims;
  readonly inputs: readonly DeclaredInput[];
  /** The entries to prepare at once; all by default. */
  readonly first?: readonly string[];
  /** The report without its entries. */
  readonly summary: () => Omit<Report, "entries">;
}

export async function makeExecutable<O, I>(parts: ExecutableParts): Promise<Executable<O, I>> {
  const core = new Core(parts);
  for (const name of parts.program.entries.keys()) {
    // "then" would make the executable something that `await` calls
    if (!(name in core) && name !== "then") continue;
    throw new UserError(`an entry cannot be called "${name}": executables have that name already. Choose another.`);
  }
  await core.prepare(parts.dims, parts.first);
  for (const name of parts.program.entries.keys()) {
    Object.defineProperty(core, name, { value: (feeds?: Feeds) => core.enqueue(name, feeds ?? {}), enumerable: true });
  }
  await profileHook()?.made((options) => core.startProfile("profile", options));
  return core as unknown as Executable<O, I>;
}

/** Holds the rows of an entry's inputs on the device. Null where some are held, or somebody else made the executable, who would not know how. */
export async function holdRows(executable: object, request: HoldRequest): Promise<HeldRows | null> {
  return executable instanceof Core ? executable.hold(request) : null;
}

/** Begins a profile of an executable, after all calls so far: for who cannot say what is to be looked at as one function. */
export async function startProfile(
  call: string,
  executable: object,
  options: ProfileOptions = {},
): Promise<RunningProfile> {
  if (!(executable instanceof Core)) throw new UserError(`${call}: somebody else made this executable`);
  return executable.startProfile(call, options);
}

class Core implements ExecutableCore<never> {
  readonly state: StateAccess;
  readonly #parts: ExecutableParts;
  readonly #specializations: Specializations;
  readonly #calls = new Calls(() => this.#assertUsable());
  readonly #holding: Holding;
  readonly #states: StateParts;
  #isProfiled = false;
  #failure: Error | null = null;

  constructor(parts: ExecutableParts) {
    this.#parts = parts;
    const assertUsable = (): void => this.#assertUsable();
    const compileEntry: SpecializationParts["compileEntry"] = (name, dims) =>
      parts.compileEntry(name, dims, this.#holding.programOf(name) ?? parts.program);
    this.#specializations = new Specializations({ ...parts, compileEntry }, assertUsable);
    const { program, dims } = parts;
    const [specializations, calls] = [this.#specializations, this.#calls];
    const start: HoldingParts["start"] = (specialization, runner) => this.#start(specialization, runner);
    const ready: HoldingParts["ready"] = (runner) => this.#ready(runner);
    this.#holding = new Holding({ program, dims, specializations, calls, assertUsable, start, ready });
    this.#states = { states: parts.states, program, machine: parts.machine };
    this.state = new StateAccess(this.#states, this.#calls, () => this.#assertUsable());
  }

  get report(): Report {
    return { ...this.#parts.summary(), entries: this.#specializations.reports };
  }

  async prepare(dims: Dims, entries: readonly string[] = [...this.#parts.program.entries.keys()]): Promise<void> {
    this.#assertUsable();
    const all = { ...this.#parts.dims, ...checkValue("prepare", "what comes first", dims, object<Dims>(sizesByName)) };
    for (const name of checkValue("prepare", "what comes second", entries, list(text))) {
      if (!this.#parts.program.entries.has(name)) throw unknownEntry("prepare", this.#parts.program, name);
      if (this.#specializations.find(name, all) === undefined) checkDims("prepare", this.#parts.program.inputs, all);
      const specialization = await this.#specializations.hold(name, all);
      this.#specializations.noteUse(specialization);
      letGo(specialization);
    }
  }

  enqueue(name: string, feeds: Feeds): void {
    this.#assertUsable();
    const specialization = this.#choose(name, feeds);
    if (this.#calls.isFree) this.#feedAndStart(specialization, feeds);
    else this.#enqueueLater(specialization, feeds);
  }

  async read(name: string): Promise<never> {
    this.#assertUsable();
    return this.#calls.ask(async () => {
      const { latest } = this.#specializations;
      const slot = latest?.compiled.entry.outputs.get(name);
      if (latest === null) throw new UserError(`read("${name}"): nothing was run yet`);
      if (slot === undefined) {
        const { entry } = latest.compiled;
        throw new UserError(
          `read("${name}"): ${entry.name} has no such output (it has: ${[...entry.outputs.keys()].join(", ")})`,
        );
      }
      return scalarOr(await this.#finite(latest, this.#values(latest.runner, slot)), slot) as never;
    });
  }

  async nonFinite(): Promise<string | null> {
    this.#assertUsable();
    const { latest } = this.#specializations;
    return latest === null ? null : this.#calls.ask(() => this.#nonFiniteIn(latest));
  }

  async run(request: AnyRequest): Promise<never> {
    const { entry, feeds = {}, steps } = checkedRequest(request, this.#parts.inputs);
    this.#assertUsable();
    if (entry === undefined || !this.#parts.program.entries.has(entry))
      throw unknownEntry("run", this.#parts.program, entry);
    const count = steps ?? 1;
    if (!Number.isSafeInteger(count) || count < 1) {
      throw new UserError(`run: steps must be a whole number, at least 1, not ${count}`);
    }
    const feedsOf = typeof feeds === "function" ? feeds : null;
    const first = typeof feeds === "function" ? feeds(0) : feeds;
    refusePromise(first);
    const job: Job = { count, first, feedsOf, isSeries: steps !== undefined };
    const dims = dimsOfFeeds(entry, this.#parts.inputs, first, this.#parts.dims);
    // Many steps take time, in which nobody else may feed the entry: called in the middle of a turn they wait for its end.
    const isNow = count === 1 ? this.#calls.isFree : this.#calls.isIdle;
    const known = isNow ? this.#specializations.find(entry, dims) : undefined;
    if (known === undefined) return this.#runLater(entry, dims, job);
    known.users += 1;
    try {
      const isOver = count === 1 && known.runner.ready === undefined; // before anyone could wait
      const started = isOver ? this.#steps(known, job) : this.#calls.begin(() => this.#steps(known, job));
      return outputsOf(known, await Promise.all(await started), job);
    } finally {
      letGo(known);
    }
  }

  async hold(request: HoldRequest): Promise<HeldRows | null> {
    this.#assertUsable();
    return this.#holding.hold(request);
  }

  async profile(work: () => unknown, options: ProfileOptions = {}): Promise<Profile> {
    checkArguments("profile", arguments, 2);
    return told("profile", async () => {
      if (typeof work !== "function") throw new UserError(workWords(work));
      const running = await this.startProfile("profile", options);
      try {
        await work();
      } catch (error) {
        await running.stop();
        throw error;
      }
      return running.stop();
    });
  }

  async startProfile(call: string, options: ProfileOptions): Promise<RunningProfile> {
    checkOptions(call, options, profileTable, { before: "work, " });
    this.#assertUsable();
    if (this.#isProfiled) throw new UserError(`${call}: a profile of this executable is being taken: one at a time`);
    this.#isProfiled = true;
    const { ProfileSession } = await import("./profile/session.ts");
    const session = new ProfileSession(
      {
        specializations: this.#specializations,
        machine: this.#parts.machine,
        states: this.#states,
        calls: this.#calls,
        summary: this.#parts.summary,
        isUsable: () => this.#failure === null,
        over: () => {
          this.#isProfiled = false;
        },
      },
      options,
    );
    return session.begin();
  }

  dispose(): void {
    this.#failure ??= new UserError("this executable was disposed");
    this.#specializations.release();
    this.#parts.machine.dispose();
  }

  #assertUsable(): void {
    if (this.#failure !== null) throw this.#failure;
  }

  /** Checked and copied in the call, as its turn may be later. A step that fails there shows at the next call. */
  #enqueueLater(specialization: Specialization, feeds: Feeds): void {
    const { entry } = specialization.compiled;
    const kept = copyFeeds(feeds, this.#parts.inputs, entry.name);
    for (const slot of entry.inputs) {
      const feed = feedAt(kept, slot.parts);
      if (feed !== undefined || slot.used) checkFeed(feed, slot, entry.name);
    }
    specialization.users += 1;
    this.#calls
      .take(async () => this.#feedAndStart(specialization, kept))
      .catch(() => {})
      .then(() => letGo(specialization));
  }

  async #runLater(entry: string, dims: Dims, job: Job): Promise<never> {
    const kept = { ...job, first: copyFeeds(job.first, this.#parts.inputs, entry) };
    const held = this.#specializations.hold(entry, dims);
    held.catch(() => {}); // it is awaited in this call's turn; until then no rejection is unheard
    try {
      const series = await this.#calls.take(async () => this.#steps(await held, kept));
      return outputsOf(await held, await Promise.all(series), job);
    } finally {
      held.then(letGo, () => {});
    }
  }

  /** Starts steps one after the other; gives the promises of their outputs, of each chunk together. */
  async #steps(specialization: Specialization, job: Job) {
    const { runner } = specialization;
    const series: Promise<readonly TypedArray[]>[] = [];
    for (let done = 0; done < job.count; ) {
      if (series.length >= inFlight) await series[series.length - inFlight]; // a readback holds memory until it is done
      const { steps, values } = this.#startChunk(specialization, job, done);
      series.push(values);
      done += steps;
      if (runner.ready !== undefined) await this.#ready(runner);
    }
    return series;
  }

  /** Starts as many steps as the runner takes together, from step `from` on. */
  #startChunk(specialization: Specialization, { count, first, feedsOf }: Job, from: number) {
    const { runner, compiled } = specialization;
    const { outputs, watched } = compiled.entry;
    // What is looked at for NaN ends with the step that has one.
    const chunk =
      (watched === undefined ? runner.chunk?.(count - from, from, "each step") : undefined) ?? new OneStep(runner);
    let step = from;
    try {
      for (; step < count && chunk.hasRoom; step++) {
        this.#assertUsable();
        // without a function the entry is fed already, as nobody else feeds it meanwhile
        if (step === 0 || feedsOf !== null) {
          const feeds = feedsOf === null || step === 0 ? first : this.#calls.within(() => feedsOf(step));
          refusePromise(feeds);
          this.#assertUsable();
          this.#feed(specialization, chunk, feeds);
        }
        this.#start(specialization, chunk);
      }
    } catch (error) {
      chunk.end(); // the steps before it have happened
      throw error;
    }
    const ended = chunk.end();
    // All are asked for before any is waited for, so that they belong to the same steps.
    const all = Promise.all([...outputs.values()].map((slot) => this.#values(ended, slot)));
    const values = this.#finite(specialization, all);
    values.catch(() => {}); // it is awaited by the caller; until then no rejection is unheard
    return { steps: step - from, values };
  }

  #feedAndStart(specialization: Specialization, feeds: Feeds): void {
    this.#feed(specialization, specialization.runner, feeds);
    this.#start(specialization, specialization.runner);
  }

  /** With what the entry was fed last. */
  #start(specialization: Specialization, runner: Pick<Runner, "run">): void {
    this.#specializations.noteRun(specialization);
    try {
      runner.run();
    } catch (error) {
      throw this.#poison(error);
    }
  }

  #feed({ compiled: { entry } }: Specialization, runner: Pick<Runner, "feed">, feeds: Feeds): void {
    checkNames(feeds, this.#parts.inputs, entry.name);
    for (let i = 0; i < entry.inputs.length; i++) {
      const slot = entry.inputs[i];
      if (slot === undefined) continue;
      const feed = feedAt(feeds, slot.parts);
      if (feed === undefined && !slot.used) continue;
      runner.feed(i, checkFeed(feed, slot, entry.name));
    }
  }

  async #ready(runner: Runner): Promise<void> {
    try {
      await runner.ready?.();
    } catch (error) {
      throw this.#poison(error);
    }
  }

  async #values(runner: Pick<Runner, "read">, slot: BufferSlot): Promise<TypedArray> {
    try {
      return await runner.read(slot);
    } catch (error) {
      throw this.#poison(error);
    }
  }

  /** The values of a run that is to be looked at. */
  async #finite<T>(specialization: Specialization, values: Promise<T>): Promise<T> {
    if (specialization.compiled.entry.watched === undefined) return values;
    const [found, read] = await Promise.all([this.#nonFiniteIn(specialization), values]);
    if (found !== null) throw new UserError(found);
    return read;
  }

  async #nonFiniteIn(specialization: Specialization): Promise<string | null> {
    const { watched, name } = specialization.compiled.entry;
    if (watched === undefined) return null;
    return firstNonFinite(watched, name, async (slot) => Number((await this.#values(specialization.runner, slot))[0]));
  }

  #poison(error: unknown): Error {
    const cause = error instanceof Error ? error : new Error(String(error));
    this.#failure ??= cause;
    return this.#failure;
  }

  /** The prepared specialization that the feeds fit, found by their lengths. */
  #choose(name: string, feeds: Feeds): Specialization {
    const fitting = this.#specializations.fitting(name, feeds);
    if (fitting !== undefined) return fitting;
    const dims = dimsOfFeeds(name, this.#parts.inputs, feeds, this.#parts.dims);
    const known = this.#specializations.find(name, dims);
    if (known !== undefined) return known; // nested arrays; or checking the feeds will say which is wrong
    const spelled = Object.entries(dims).map(([dim, size]) => `${dim}: ${size}`);
    throw feedError(
      `${name}: not compiled for ${spelled.join(", ")}. Call await executable.prepare({ ${spelled.join(", ")} }) first, or use run().`,
    );
  }
}

/** The tree of all outputs, from the arrays of every step. */
function outputsOf({ compiled }: Specialization, series: readonly (readonly TypedArray[])[], job: Job): never {
  return outputTree(compiled.entry.outputs, (slot, i) => {
    const values = series.flatMap((chunk) => chunk[i] ?? []);
    return job.isSeries ? joined(values, slot.dtype) : scalarOr(values[0], slot);
  }) as never;
}
