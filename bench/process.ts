/**
 * A system's process, as the driver sees it: requests go in, answers come out, one at a time. Between an answer and the next
 * request it is stopped, as the thread pools of some libraries go on looking for work for as long as they are let.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import type { Answer, Request } from "./protocol.ts";
import type { SystemSpec } from "./systems.ts";

/** The last of what a process said, for the message when it ends. */
const keptOutput = 2_000;

/** By default it speaks the protocol of protocol.ts. */
export class SystemProcess<R extends object = Request, A extends Answer = Answer> {
  readonly name: string;
  readonly #child: ChildProcess;
  readonly #answers: AsyncIterator<string>;
  #output = "";
  /** A process that is stopped does not see that its driver is gone. */
  readonly #kill = (): void => void this.#child.kill("SIGKILL");

  constructor({ name, command, env = {} }: SystemSpec) {
    this.name = name;
    const [file = "", ...args] = command;
    this.#child = spawn(file, args, {
      stdio: ["pipe", "pipe", "pipe", "pipe"],
      env: { ...process.env, ...env },
    });
    process.once("exit", this.#kill);
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.on("data", (data: Buffer) => {
        this.#output = (this.#output + data.toString()).slice(-keptOutput);
      });
    }
    this.#child.on("error", (error) => {
      this.#output += error.message;
    });
    this.#child.stdin?.on("error", () => {}); // the process is gone: the missing answer tells
    this.#answers = createInterface({ input: this.#child.stdio[3] as Readable })[Symbol.asyncIterator]();
  }

  /** An answer with `error` set where the process failed or ended. */
  async ask(request: R): Promise<A> {
    this.#child.kill("SIGCONT");
    this.#child.stdin?.write(`${JSON.stringify(request)}\n`);
    const { value, done } = await this.#answers.next();
    this.#child.kill("SIGSTOP");
    if (done === true) return this.#ended() as A;
    return JSON.parse(value) as A;
  }

  #ended(): Answer {
    return { ms: [], check: [], peakBytes: 0, error: `the process ended. ${this.#output}` };
  }

  async close(): Promise<void> {
    process.off("exit", this.#kill);
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, "exit");
    this.#child.stdin?.end();
    this.#child.kill("SIGCONT");
    await ended;
  }
}
