/** The worker, as the page has it: commands go, messages come, and one that crashed is told of and can be replaced. */
import type { Command, Message } from "./protocol.ts";

export class TrainingClient {
  readonly #hear: (message: Message) => void;
  #worker: Worker;

  constructor(hear: (message: Message) => void) {
    this.#hear = hear;
    this.#worker = this.#open();
  }

  send(command: Command): void {
    this.#worker.postMessage(command);
  }

  /** Another worker, which knows nothing of what the one before has trained. */
  #open(): Worker {
    const worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module", name: "training" });
    worker.addEventListener("message", ({ data }: MessageEvent<Message>) => this.#hear(data));
    worker.addEventListener("error", (event) => {
      event.preventDefault();
      worker.terminate();
      this.#worker = this.#open();
      const text = event.message === "" || event.message === undefined ? "it did not load" : event.message;
      this.#hear({ kind: "notice", tone: "error", text: `The worker ended: ${text}. What it trained is lost.` });
      this.#hear({ kind: "stage", stage: "idle", text: "Ready" });
    });
    return worker;
  }
}
