/**
 * Commands, one after the other: one that changes the run first ends the training under way; predictions come between two of its steps.
 */
import type { ImageSet } from "tensorloom";
import { loadDigits } from "./digits.ts";
import type { BreakableGpu } from "./gpu.ts";
import { examinePlaces } from "./places.ts";
import type { Command, Message, OwnFiles, Place, Plan, Stage } from "./protocol.ts";
import { isLoss, NetworkRun } from "./run.ts";

type Start = Extract<Command, { readonly kind: "start" }>;

export class Desk {
  readonly #tell: (message: Message) => void;
  readonly #gpu: BreakableGpu;
  #run: NetworkRun | null = null;
  #digits: { readonly of: string; readonly set: ImageSet } | null = null;
  /** Ends the training under way. */
  #training = new AbortController();
  /** Whether the visitor wants it to go on. */
  #isWanted = false;
  /** Commands that change the run wait for each other. */
  #last: Promise<void>;

  /** Begins with a look at what this browser has. */
  constructor(gpu: BreakableGpu, tell: (message: Message) => void) {
    this.#gpu = gpu;
    this.#tell = tell;
    this.#last = examinePlaces()
      .then((exams) => tell({ kind: "places", exams }))
      .catch((error: unknown) => this.#fail(error));
  }

  obey(command: Command): void {
    switch (command.kind) {
      case "start":
        this.#change(true, (signal) => this.#start(command, signal));
        break;
      case "goOn":
        this.#change(true, (signal) => this.#train(signal, command.epochs));
        break;
      case "move":
        this.#change(this.#isWanted, (signal) => this.#move(command.place, signal));
        break;
      case "pause":
        this.#isWanted = false;
        this.#training.abort();
        break;
      case "predict":
        this.#beside(() => this.#predict(command.pixels));
        break;
      case "sample":
        this.#beside(async () => this.#run?.sample());
        break;
      case "save":
        this.#beside(() => this.#save());
        break;
      case "loseGpu":
        if (!this.#gpu.lose()) this.#tell({ kind: "notice", tone: "info", text: "There is no GPU device to lose." });
        else if (!this.#isWanted) this.#change(false, () => this.#heal());
    }
  }

  /** Ends the training under way; then the work, which is given the signal of its own end. */
  #change(isWanted: boolean, work: (signal: AbortSignal) => Promise<void>): void {
    this.#training.abort();
    this.#training = new AbortController();
    this.#isWanted = isWanted;
    const { signal } = this.#training;
    this.#last = this.#last.then(() => work(signal)).catch((error: unknown) => this.#fail(error));
  }

  /** Beside the training. A device that is gone is left to the run under way, which misses it by itself. */
  #beside(work: () => Promise<void>): void {
    work().catch((error: unknown) => {
      if (!isLoss(error)) this.#fail(error);
      else if (!this.#isWanted) this.#change(false, () => this.#heal());
    });
  }

  #fail(error: unknown): void {
    this.#isWanted = false;
    this.#training.abort();
    this.#tell({ kind: "notice", tone: "error", text: messageOf(error) });
    this.#tellStage("failed", "Stopped by an error");
  }

  #tellStage(stage: Stage, text: string): void {
    this.#tell({ kind: "stage", stage, text });
  }

  async #start({ plan, place, files }: Start, signal: AbortSignal): Promise<void> {
    if (signal !== this.#training.signal) return; // another command came meanwhile
    this.#run?.dispose();
    this.#run = null;
    this.#tellStage("preparing", plan.digits === "drawn" ? "Drawing digits…" : "Reading digits…");
    const digits = await this.#digitsFor(plan, files);
    this.#tell({ kind: "digits", about: digits.origin, train: digits.train.count, test: digits.test.count });
    this.#tellStage("preparing", "Compiling…");
    const run = new NetworkRun(plan, digits, this.#tell);
    await this.#open(run, place);
    this.#run = run;
    await this.#train(signal);
  }

  /** The same digits are not drawn or read twice; files of the same names may be others. */
  async #digitsFor(plan: Plan, files: OwnFiles): Promise<ImageSet> {
    const { digits, images, seed } = plan;
    const of = JSON.stringify([digits, images, digits === "drawn" ? seed : 0]);
    if (this.#digits?.of === of && digits !== "own") return this.#digits.set;
    const set = await loadDigits(plan, files);
    this.#digits = { of, set };
    return set;
  }

  /** Where it was asked for; elsewhere where that cannot be, and a word about it. */
  async #open(run: NetworkRun, place: Place): Promise<void> {
    try {
      await run.open(place);
    } catch (error) {
      if (place === "auto" || !isLoss(error)) throw error;
      this.#tell({ kind: "notice", tone: "warning", text: `${messageOf(error)} Another place is taken.` });
      await run.open("auto");
    }
  }

  async #move(place: Place, signal: AbortSignal): Promise<void> {
    this.#tellStage("preparing", "Compiling…");
    try {
      await this.#run?.move(place);
    } catch (error) {
      // The run is where it was.
      this.#tell({ kind: "notice", tone: "warning", text: messageOf(error) });
    }
    await this.#train(signal);
  }

  async #train(signal: AbortSignal, again?: number): Promise<void> {
    const run = this.#run;
    if (run === null) {
      this.#tellStage("idle", "Ready");
      return;
    }
    if (this.#isWanted) this.#tellStage("training", "Training");
    const end = this.#isWanted ? await run.train(signal, again) : run.isOver ? "done" : "paused";
    if (end === "done") this.#isWanted = false;
    this.#tellStage(end, end === "done" ? "Trained" : "Paused");
  }

  async #heal(): Promise<void> {
    await this.#run?.heal();
  }

  async #predict(pixels: Uint8Array | null): Promise<void> {
    if (this.#run === null) this.#tell({ kind: "prediction", probabilities: null });
    else await this.#run.predict(pixels);
  }

  async #save(): Promise<void> {
    const run = this.#run;
    if (run === null) return;
    this.#tell({ kind: "saved", bytes: await run.file(), name: `${run.plan.network}.safetensors` });
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
