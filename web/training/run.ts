/**
 * A network that is trained, whatever happens: paused, moved to another device in the middle of its run, its GPU lost.
 *
 * What survives a device is a checkpoint on the host, taken before the first step, at each pause, and now and then while a GPU runs;
 * every `fit` begins by putting it back, so going on, moving and recovering are one thing. None of it changes a number.
 */
import { DeviceError, type ImageSet, type Trainer } from "tensorloom";
import { firstWeights, predictOne, sampleOf, someImages, test } from "./look.ts";
import { Meter } from "./meter.ts";
import { networks } from "./networks.ts";
import { targetOf, withoutGpu } from "./places.ts";
import type { Message, Place, Plan } from "./protocol.ts";

/** Milliseconds of training that a lost GPU may cost. */
const saveEveryMs = 3_000;
/** Looking may take a fifth of the time, and is done twice a second at most. */
const [lookEveryMs, lookShare] = [500, 4];
/** Steps between readings on a GPU, which would have to be waited for. */
const gpuReadEvery = 8;

/** A state to go back to. */
interface Saved {
  readonly bytes: Uint8Array;
  /** Steps that were done. */
  readonly step: number;
}

export class NetworkRun {
  readonly plan: Plan;
  readonly digits: ImageSet;
  readonly #net: Trainer<"accuracy">;
  readonly #tell: (message: Message) => void;
  readonly #meter = new Meter();
  readonly #stepsPerEpoch: number;
  /** Steps before the fit under way: more than none where a run was over and trained on. */
  #firstStep = 0;
  #epochs: number;
  #step = 0;
  #saved: Saved = { bytes: new Uint8Array(0), step: 0 };
  #savedAt = 0;
  #looked = { at: 0, ms: 0 };
  #losses = 0;
  /** Recoveries in a row that went back to one saved step. */
  #stuck = { step: -1, times: 0 };
  #drawing: Uint8Array | null = null;
  #samples = 0;
  #place: Place = "auto";
  #isOver = false;

  constructor(plan: Plan, digits: ImageSet, tell: (message: Message) => void) {
    this.plan = plan;
    this.digits = digits;
    this.#net = networks[plan.network]();
    this.#tell = tell;
    this.#epochs = plan.epochs;
    this.#stepsPerEpoch = Math.ceil(digits.train.count / plan.batch);
  }

  /** Compiles, and shows the network as it is before its first step. */
  async open(place: Place): Promise<void> {
    await this.#compile(place, true); // what an attempt before this one left on a device may be gone
    await this.#save();
    await this.#look(someImages);
  }

  /** Trains to the end of its run, or until the signal says so. A run that is over may be followed by another, of so many epochs. */
  async train(signal: AbortSignal, again?: number): Promise<"done" | "paused"> {
    if (this.#isOver && again !== undefined) {
      this.#firstStep = this.#step;
      this.#epochs = again;
      this.#isOver = false;
      this.#tellCompiled(0);
    }
    while (!signal.aborted && !this.#isOver) {
      try {
        await this.#fit(signal);
        await this.#save();
        if (this.#isOver) await this.#look(this.digits.test.count);
      } catch (error) {
        if (!isLoss(error)) throw error;
        this.#isOver = false;
        await this.#recover(error);
      }
    }
    return this.#isOver ? "done" : "paused";
  }

  /** To another place, with everything kept. Where that cannot be, it is where it was, and the error says why. */
  async move(place: Place): Promise<void> {
    try {
      await this.#compile(place);
    } catch (error) {
      this.#tellCompiled(0);
      throw error;
    }
    await this.#net.restore(this.#saved.bytes);
    await this.#answer();
  }

  /** Says what a drawn digit is taken for, now and after each look. */
  async predict(drawing: Uint8Array | null): Promise<void> {
    this.#drawing = drawing;
    await this.#answer();
  }

  /** Goes on elsewhere where the device is gone; for when nothing is trained that would notice. */
  async heal(): Promise<void> {
    try {
      await this.#answer();
    } catch (error) {
      if (!isLoss(error)) throw error;
      await this.#recover(error);
      await this.#answer();
    }
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  sample(): void {
    this.#tell(sampleOf(this.digits, this.#samples++));
  }

  /** The network as it stands, for `loadTrainer`. */
  async file(): Promise<Uint8Array> {
    return this.#net.checkpoint();
  }

  dispose(): void {
    this.#net.dispose();
  }

  async #compile(place: Place, fresh = false): Promise<void> {
    const { batch, seed } = this.plan;
    const started = performance.now();
    const onWarning = (text: string): void => this.#tell({ kind: "notice", tone: "warning", text: sentence(text) });
    await this.#net.compile({ ...targetOf[place], batch, seed, fresh, onWarning });
    this.#place = place;
    this.#meter.reset();
    this.#tellCompiled(performance.now() - started);
  }

  #tellCompiled(milliseconds: number): void {
    const { report } = this.#net.executable;
    const [entry] = report.entries;
    this.#tell({
      kind: "compiled",
      place: this.#place,
      device: report.device,
      why: report.why,
      launches: entry?.launches ?? 0,
      milliseconds,
      parameters: this.#net.summary().parameters,
      stepsPerEpoch: this.#stepsPerEpoch,
      steps: this.#firstStep + this.#epochs * this.#stepsPerEpoch,
    });
  }

  async #fit(signal: AbortSignal): Promise<void> {
    const { train } = this.digits;
    await this.#net.restore(this.#saved.bytes);
    this.#meter.go();
    let readAt = this.#step;
    const { stopped } = await this.#net.fit({
      x: train.images,
      y: train.labels,
      epochs: this.#epochs,
      signal,
      readEvery: this.#runsAhead ? gpuReadEvery : 1,
      callbacks: [
        {
          onBatchEnd: async ({ epoch, step, latest }) => {
            this.#step = this.#firstStep + (epoch - 1) * this.#stepsPerEpoch + step;
            this.#meter.add(this.#step, (this.#step - readAt) * this.plan.batch, latest);
            readAt = this.#step;
            if (this.#meter.isDue) this.#flush();
            if (this.#isLookDue) await this.#look(someImages);
            if (this.#runsAhead && performance.now() - this.#savedAt > saveEveryMs) await this.#save();
            this.#meter.go();
          },
          onEpochEnd: async ({ epoch }) => {
            this.#flush();
            if (epoch < this.#epochs) await this.#look(this.digits.test.count);
            this.#meter.go();
          },
        },
      ],
    });
    this.#flush();
    this.#isOver = stopped === null;
  }

  get #runsAhead(): boolean {
    return this.#net.executable.report.runsAhead;
  }

  #flush(): void {
    const steps = this.#meter.take();
    if (steps !== null) this.#tell(steps);
  }

  async #save(): Promise<void> {
    this.#saved = { bytes: await this.#net.checkpoint(), step: this.#step };
    this.#savedAt = performance.now();
  }

  get #isLookDue(): boolean {
    return performance.now() - this.#looked.at > Math.max(lookEveryMs, lookShare * this.#looked.ms);
  }

  async #look(images: number): Promise<void> {
    const started = performance.now();
    this.#flush();
    this.#tell(await test(this.#net, this.digits, images, this.#step));
    this.#tell(await firstWeights(this.#net));
    await this.#answer();
    const now = performance.now();
    this.#looked = { at: now, ms: now - started };
  }

  async #answer(): Promise<void> {
    const drawing = this.#drawing;
    this.#tell({ kind: "prediction", probabilities: drawing === null ? null : await predictOne(this.#net, drawing) });
  }

  /**
   * Another device and the last state. A GPU may come back once; one that is lost again is left alone. What comes to nothing again and
   * again from the same state is no loss that another device would mend.
   */
  async #recover(error: unknown): Promise<void> {
    const [lost, at] = [reasonOf(error), this.#step];
    const { step } = this.#saved;
    this.#stuck = { step, times: this.#stuck.step === step ? this.#stuck.times + 1 : 1 };
    if (this.#stuck.times > mostFromOneState) throw error;
    this.#losses++;
    const places: readonly Place[] = this.#runsAhead && this.#losses === 1 ? ["wgsl", ...withoutGpu] : withoutGpu;
    let last: unknown = error;
    for (const place of places) {
      try {
        await this.#compile(place, true);
        await this.#net.restore(this.#saved.bytes);
        this.#step = this.#saved.step;
        this.#tell({ kind: "rewind", step: this.#step });
        const where = this.#net.executable.report.device;
        const text = `${lost} That was at step ${at}. Going on from step ${this.#step}, on ${where}.`;
        this.#tell({ kind: "notice", tone: "warning", text });
        return;
      } catch (problem) {
        last = problem;
      }
    }
    throw last;
  }
}

/** Recoveries: the GPU again, then a processor, and one more. */
const mostFromOneState = 3;

/** Whether a device failed; other errors are ours, or the visitor's. */
export function isLoss(error: unknown): boolean {
  return error instanceof DeviceError || (error instanceof Error && error.cause instanceof DeviceError);
}

/** The device's own words, without advice for programmers. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const text = cause instanceof Error ? cause.message : String(cause);
  return sentence(text.split(/\. |\n/)[0] ?? text);
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${text.endsWith(".") ? "" : "."}`;
}
