/**
 * The page: its form becomes commands for the worker, and what the worker tells is drawn. Nothing is computed here, so it never freezes.
 */
import { Answer } from "./answer.ts";
import { TrainingClient } from "./client.ts";
import { Curves } from "./curves.ts";
import type { ServedFiles } from "./digits.ts";
import { byId, download, make, percent } from "./dom.ts";
import { Pad } from "./pad.ts";
import { showMistakes, showWeights } from "./pictures.ts";
import { PlanForm } from "./plan-form.ts";
import type { Command, Message, Stage } from "./protocol.ts";

type Told<K extends Message["kind"]> = Extract<Message, { readonly kind: K }>;

class Page {
  readonly #form = new PlanForm();
  readonly #go = byId("go", HTMLButtonElement);
  readonly #anew = byId("anew", HTMLButtonElement);
  readonly #files = byId("files", HTMLInputElement);
  readonly #stageText = byId("stage", HTMLElement);
  readonly #progress = byId("progress", HTMLProgressElement);
  readonly #notices = byId("notices", HTMLElement);
  readonly #answer = new Answer(byId("answer", HTMLElement), byId("bars", HTMLElement));
  readonly #curves = new Curves({
    loss: byId("loss-chart", HTMLElement),
    accuracy: byId("accuracy-chart", HTMLElement),
  });
  readonly #pad: Pad;
  readonly #client: TrainingClient;
  #stage: Stage = "preparing";
  #stepsPerEpoch = 1;
  #isDrawn = false;
  #hasFiles = false;
  /** Asked for before the worker was ready. */
  #startsAtOnce = false;

  constructor(served: ServedFiles) {
    this.#client = new TrainingClient((message) => this.#hear(message));
    this.#pad = new Pad(byId("pad", HTMLCanvasElement), byId("frame", HTMLElement), (pixels) => {
      this.#isDrawn = pixels !== null;
      this.#send({ kind: "predict", pixels });
    });
    const { start, lose } = this.#form.fillIn(location.href, served !== null);
    this.#startsAtOnce = start;
    this.#listen(lose);
    this.#tellData();
    this.#answer.show(null, false);
  }

  #send(command: Command): void {
    this.#client.send(command);
  }

  // ---- what the visitor does -----------------------------------------------------------------------------------------

  #listen(lose: boolean): void {
    byId("plan", HTMLFormElement).addEventListener("submit", (event) => {
      event.preventDefault();
      this.#press();
    });
    this.#anew.addEventListener("click", () => this.#start());
    this.#form.place.addEventListener("change", () => {
      if (this.#stage !== "idle") this.#send({ kind: "move", place: this.#form.placeName });
    });
    for (const field of [this.#form.digits, this.#form.network])
      field.addEventListener("change", () => this.#tellData());
    this.#form.digits.addEventListener("change", () => {
      if (this.#form.plan.digits === "own") this.#files.click();
    });
    this.#files.addEventListener("change", () => {
      this.#hasFiles = this.#files.files !== null && this.#files.files.length > 0;
      this.#tellData();
    });
    const onClick = (id: string, does: () => void): void => byId(id, HTMLButtonElement).addEventListener("click", does);
    onClick("clear", () => this.#pad.clear());
    onClick("sample", () => this.#send({ kind: "sample" }));
    onClick("save-network", () => this.#send({ kind: "save" }));
    onClick("save-curves", () => download("curves.csv", "text/csv", this.#curves.csv()));
    onClick("lose", () => this.#send({ kind: "loseGpu" }));
    byId("lose", HTMLButtonElement).hidden = !lose;
  }

  /** The large button: start, pause, go on, by what there is. */
  #press(): void {
    if (this.#stage === "training") this.#send({ kind: "pause" });
    else if (this.#stage === "paused" || this.#stage === "done")
      this.#send({ kind: "goOn", epochs: this.#form.plan.epochs });
    else this.#start();
  }

  #start(): void {
    const { plan, placeName: place } = this.#form;
    if (plan.digits === "own" && !this.#hasFiles) {
      this.#files.click();
      return;
    }
    this.#notices.replaceChildren();
    this.#curves.clear();
    this.#progress.value = 0;
    this.#tellStage("preparing", "Starting…");
    this.#send({ kind: "start", plan, place, files: [...(this.#files.files ?? [])] });
  }

  // ---- what the worker tells -----------------------------------------------------------------------------------------

  #hear(message: Message): void {
    switch (message.kind) {
      case "places":
        this.#form.showPlaces(message.exams);
        this.#tellStage("idle", "Ready");
        if (this.#startsAtOnce) this.#start();
        this.#startsAtOnce = false;
        break;
      case "digits":
        this.#tellDigits(message);
        break;
      case "stage":
        this.#tellStage(message.stage, message.text);
        break;
      case "compiled":
        this.#compiled(message);
        break;
      case "steps":
        this.#steps(message);
        break;
      case "tested":
        this.#tested(message);
        break;
      case "weights":
        showWeights(byId("weights", HTMLElement), message);
        break;
      case "prediction":
        this.#answer.show(message.probabilities, this.#isDrawn);
        break;
      case "sample":
        this.#pad.show(message.pixels);
        break;
      case "saved":
        download(message.name, "application/octet-stream", new Uint8Array(message.bytes));
        break;
      case "rewind":
        this.#curves.rewind(message.step);
        break;
      case "notice":
        this.#notice(message);
        break;
    }
  }

  #tellStage(stage: Stage, text: string): void {
    this.#stage = stage;
    this.#stageText.textContent = text;
    const names: Readonly<Record<Stage, string>> = {
      idle: "Start",
      preparing: "Start",
      training: "Pause",
      paused: "Go on",
      done: "Train on",
      failed: "Start",
    };
    this.#go.textContent = names[stage];
    this.#go.disabled = stage === "preparing";
    this.#anew.hidden = !["training", "paused", "done"].includes(stage);
    const hasNetwork = ["training", "paused", "done"].includes(stage);
    byId("sample", HTMLButtonElement).disabled = !hasNetwork;
    byId("save-network", HTMLButtonElement).disabled = !hasNetwork;
    byId("save-curves", HTMLButtonElement).disabled = this.#curves.isEmpty;
  }

  #compiled({ place, device, why, launches, milliseconds, parameters, stepsPerEpoch, steps }: Told<"compiled">): void {
    this.#stepsPerEpoch = stepsPerEpoch;
    this.#progress.max = steps;
    this.#form.place.value = place;
    const element = byId("device", HTMLElement);
    element.textContent = device;
    element.title = why;
    if (milliseconds === 0) return;
    const numbers = parameters.toLocaleString("en");
    this.#stageText.title = `${numbers} weights; a step is ${launches} kernels, compiled in ${milliseconds.toFixed(0)} ms`;
  }

  #steps(told: Told<"steps">): void {
    this.#curves.add(told);
    const step = told.steps.at(-1) ?? 0;
    this.#progress.value = step;
    const epochs = Math.round(this.#progress.max / this.#stepsPerEpoch);
    this.#show("epoch", `${Math.ceil(step / this.#stepsPerEpoch)} of ${epochs}, step ${step.toLocaleString("en")}`);
    this.#show("loss", spelled(told.losses.at(-1)));
    if (told.samplesPerSecond !== null) this.#show("speed", Math.round(told.samplesPerSecond).toLocaleString("en"));
    byId("save-curves", HTMLButtonElement).disabled = false;
  }

  #tested(told: Told<"tested">): void {
    const { accuracy, images, wrong, mistakes, isWhole } = told;
    this.#curves.addTested(told);
    this.#show("accuracy", percent(accuracy));
    const count = images.toLocaleString("en");
    this.#show("accuracy-of", isWhole ? "Test accuracy" : `Test accuracy (${count})`);
    const which = isWhole ? `all ${count} test images` : `the first ${count} test images`;
    const surest = wrong > mistakes.length ? ` The surest ${mistakes.length}:` : "";
    this.#show("wrong", `${wrong.toLocaleString("en")} of ${which} are taken for another digit.${surest}`);
    showMistakes(byId("mistakes", HTMLElement), mistakes);
  }

  #notice({ tone, text }: Told<"notice">): void {
    const close = make("button", { text: "×" });
    close.type = "button";
    close.setAttribute("aria-label", "Close this message");
    const item = make("li", { class: tone }, make("span", { text }), close);
    close.addEventListener("click", () => item.remove());
    this.#notices.append(item);
  }

  /** Before anything is loaded: what the choice means. */
  #tellData(): void {
    const { digits } = this.#form.plan;
    const about = {
      drawn:
        "These digits are drawn by a program in this page. They are not MNIST, and accuracies on them are not MNIST's.",
      served: "MNIST: 60,000 digits written by hand to train on, 10,000 to test on.",
      own: "Pick MNIST's four files (train-images-idx3-ubyte, ..., gzipped or not). They are read here, and sent nowhere.",
    } as const;
    const named = [...(this.#files.files ?? [])].map(({ name }) => name).join(", ");
    this.#show("about", digits === "own" && named !== "" ? `Your files: ${named}.` : about[digits]);
  }

  #tellDigits({ about, train, test }: Told<"digits">): void {
    const [images, tests] = [train.toLocaleString("en"), test.toLocaleString("en")];
    this.#show("about", `${images} images to train on, ${tests} to test on: ${about}.`);
  }

  #show(id: string, text: string): void {
    byId(id, HTMLElement).textContent = text;
  }
}

function spelled(value: number | undefined): string {
  return value === undefined ? "–" : String(Number(value.toPrecision(3)));
}

const served: ServedFiles = await fetch("./data.json").then(
  (response) => (response.ok ? response.json() : null),
  () => null,
);
new Page(served);
