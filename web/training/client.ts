/**
 * The worker, as the page has it: commands go, messages come, and one that crashed is told of and replaced: at once, or, where it never
 * said a word and another would not either (its file is gone, say), by the next start.
 */
import type { Command, Message } from "./protocol.ts";

export class TrainingClient {
  readonly #hear: (message: Message) => void;
  #worker: Worker;
  /** Whether there is none now. */
  #isGone = false;

  constructor(hear: (message: Message) => void) {
    this.#hear = hear;
    this.#worker = this.#open();
  }

  send(command: Command): void {
    if (this.#isGone && command.kind === "start") {
      this.#isGone = false;
      this.#worker = this.#open();
    }
    this.#worker.postMessage(command);
  }

  /** Another worker, which knows nothing of what the one before has trained. */
  #open(): Worker {
    const worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module", name: "training" });
    let hasSpoken = false;
    worker.addEventListener("message", ({ data }: MessageEvent<Message>) => {
      hasSpoken = true;
      this.#hear(data);
    });
    worker.addEventListener("error", (event) => {
      event.preventDefault();
      worker.terminate();
      const text = event.message === "" || event.message === undefined ? "it did not load" : event.message;
      if (!hasSpoken) {
        this.#isGone = true;
        this.#hear({ kind: "notice", tone: "error", text: `The worker does not work: ${text}.` });
        this.#hear({ kind: "stage", stage: "failed", text: "Stopped by an error" });
        return;
      }
      this.#worker = this.#open();
      this.#hear({ kind: "notice", tone: "error", text: `The worker ended: ${text}. What it trained is lost.` });
      this.#hear({ kind: "stage", stage: "idle", text: "Ready" });
    });
    return worker;
  }
}
