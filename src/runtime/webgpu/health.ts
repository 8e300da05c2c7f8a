/**
 * Whether a device can still be trusted. WebGPU reports errors late and elsewhere: a refused command shows up in an error
 * scope or an event, a lost device in a promise. All of them end here as one DeviceError, which every later call throws.
 */
import { DeviceError } from "../../core/errors.ts";
import type { GpuConnection } from "./connection.ts";

/** Starts the label of every object that we make, so that errors on a user's own device can be told apart. */
export const labelPrefix = "tensorloom";

const advice =
  "The states on the GPU are gone: compile again, and restore a snapshot. If it happens again, a step may take " +
  "too long for the driver, or need more memory than there is: use a smaller batch.";

/** How long a failure may be ahead of the loss that made it, in milliseconds. */
const lossMs = 1000;

export class GpuHealth {
  readonly #connection: GpuConnection;
  readonly #warn: (message: string) => void;
  readonly #lost: Promise<void>;
  #failure: DeviceError | null = null;
  #isClosed = false;

  /** `warn` is told of errors that came outside of any call: there may be no later call that would throw them. */
  constructor(connection: GpuConnection, warn: (message: string) => void = () => {}) {
    this.#connection = connection;
    this.#warn = warn;
    const { device, name } = connection;
    this.#lost = device.lost.then(({ reason, message }) => {
      if (this.#isClosed) return;
      const how = reason === "destroyed" ? "was destroyed" : "was lost";
      this.#failure = new DeviceError(
        `the GPU (${name}) ${how}${message === "" ? "" : `: ${message.replace(/\.$/, "")}`}. ${advice}`,
      );
    });
    device.addEventListener("uncapturederror", this.#listen);
  }

  /** Throws what went wrong so far. */
  assertWell(): void {
    if (this.#failure !== null) throw this.#failure;
  }

  /**
   * Runs commands that are done with when `run` returns, and waits for the device's verdict on them. Several may wait at
   * once, as a scope is opened and closed without anything in between.
   */
  async attempt<T>(what: string, run: () => T): Promise<T> {
    this.assertWell();
    const { device } = this.#connection;
    const kinds = ["validation", "out-of-memory", "internal"] as const;
    for (const kind of kinds) device.pushErrorScope(kind);
    let errors: Promise<readonly (GPUError | null)[]> = Promise.resolve([]);
    let result: T;
    try {
      result = run();
    } finally {
      errors = Promise.all(kinds.map(() => device.popErrorScope()));
      errors.catch(() => undefined);
    }
    const [internal, memory, validation] = await this.wait(what, errors);
    if (memory) throw new DeviceError(`the GPU (${this.#connection.name}) has not enough memory ${what}`);
    const error = validation ?? internal;
    if (error) throw this.refusal(what, error.message);
    return result;
  }

  /** The result of something that the device does in its own time; a lost device is the error then, whatever it says. */
  async wait<T>(what: string, promise: Promise<T>): Promise<T> {
    try {
      const result = await promise;
      this.assertWell();
      return result;
    } catch (error) {
      // The loss that made it fail is told later, in Chromium when its GPU process has come to it: behind all that was submitted.
      await Promise.race([this.#lost, new Promise((resolve) => setTimeout(resolve, lossMs))]);
      this.assertWell();
      throw error instanceof DeviceError ? error : this.refusal(what, messageOf(error));
    }
  }

  refusal(what: string, message: string): DeviceError {
    return new DeviceError(
      `the GPU (${this.#connection.name}) refused ${what}: ${message}\nThis is probably a bug in tensorloom: please report it.`,
    );
  }

  /** Gives every later call this error. */
  fail(error: unknown): void {
    this.#failure ??= error instanceof DeviceError ? error : new DeviceError(messageOf(error));
  }

  /** From here on the device may go away. */
  close(): void {
    this.#isClosed = true;
    this.#failure ??= new DeviceError("this GPU program was disposed");
    // Errors of what was submitted before may still come; they come before the work is reported as done.
    const { device } = this.#connection;
    const stop = (): void => device.removeEventListener("uncapturederror", this.#listen);
    device.queue.onSubmittedWorkDone().then(stop, stop);
  }

  readonly #listen = (event: GPUUncapturedErrorEvent): void => {
    const { message } = event.error;
    // Somebody else's mistake on a device that is theirs.
    if (!this.#connection.isOurs && !message.includes(labelPrefix)) return;
    const refusal = this.refusal("a command", message);
    this.#failure ??= refusal;
    // Dawn in Node prints an error that nobody has prevented to stdout, into whatever the program prints there.
    const isTold = event.defaultPrevented;
    event.preventDefault();
    if (!isTold) this.#warn(refusal.message);
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
