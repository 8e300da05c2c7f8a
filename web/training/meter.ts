/** Readings on their way to the page: gathered between messages, with the speed of the steps alone. */
import type { Message } from "./protocol.ts";

/** The time over which speed is measured, in milliseconds. */
const windowMs = 1000;

export class Meter {
  #steps: number[] = [];
  #losses: number[] = [];
  #accuracies: number[] = [];
  #toldAt = 0;
  /** Time and samples of the steps in the window under way. */
  #busyMs = 0;
  #samples = 0;
  #resumedAt = performance.now();
  #rate: number | null = null;

  /** Whether a message is due: ten a second are enough for eyes. */
  get isDue(): boolean {
    return performance.now() - this.#toldAt >= 100;
  }

  /** After steps on so many samples, whose loss and accuracy were read together. */
  add(step: number, samples: number, { loss, accuracy }: { readonly loss: number; readonly accuracy: number }): void {
    this.#steps.push(step);
    this.#losses.push(loss);
    this.#accuracies.push(accuracy);
    this.#samples += samples;
    this.stop();
    if (this.#busyMs >= windowMs || this.#rate === null)
      this.#rate = (1000 * this.#samples) / Math.max(this.#busyMs, 0.01);
    if (this.#busyMs >= windowMs) this.#busyMs = this.#samples = 0;
  }

  /** The clock stands while something else is done. */
  stop(): void {
    const now = performance.now();
    this.#busyMs += now - this.#resumedAt;
    this.#resumedAt = now;
  }

  go(): void {
    this.#resumedAt = performance.now();
  }

  /** What was gathered, or null where that is nothing. */
  take(): Extract<Message, { readonly kind: "steps" }> | null {
    this.#toldAt = performance.now();
    if (this.#steps.length === 0) return null;
    const [steps, losses, accuracies] = [this.#steps, this.#losses, this.#accuracies];
    [this.#steps, this.#losses, this.#accuracies] = [[], [], []];
    return { kind: "steps", steps, losses, accuracies, samplesPerSecond: this.#rate };
  }

  /** Of another device nothing is known yet. */
  reset(): void {
    this.#busyMs = this.#samples = 0;
    this.#rate = null;
    this.go();
  }
}
