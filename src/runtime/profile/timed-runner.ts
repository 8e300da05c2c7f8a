/** What stands in the place of a runner and of a machine while a profile is taken: it does the same, and notes when. */
import type { Chunk, LaunchWatch, Runner } from "../machine.ts";
import type { Compiled } from "../specializations.ts";
import type { StateMachine } from "../state.ts";
import type { TransferKind } from "./profile.ts";

/** Something that the host did: when, in milliseconds of its clock. */
export interface HostSpan {
  readonly kind: "run" | TransferKind;
  readonly name: string;
  /** What ran; null for transfers. */
  readonly of: Compiled | null;
  readonly began: number;
  readonly ended: number;
  readonly bytes: number;
}

/** Spans of the host that are kept. */
const mostSpans = 2 ** 15;

/** What the host did: all of it in sums, the first of it one by one. */
export class HostLog {
  readonly spans: HostSpan[] = [];
  readonly sums = new Map<TransferKind, { count: number; bytes: number; ms: number }>();
  hasAll = true;
  readonly #isFar: boolean;

  transfer(kind: TransferKind, name: string, began: number, bytes: number): void {
    const ended = performance.now();
    const sum = this.sums.get(kind) ?? { count: 0, bytes: 0, ms: 0 };
    this.sums.set(kind, sum);
    sum.count += 1;
    sum.bytes += bytes;
    sum.ms += ended - began;
    this.note({ kind, name, of: null, began, ended, bytes });
  }

  /** `isFar`: until it is here. What lies in the host's memory was read when the call returns, whatever happens before it is told. */
  constructor(isFar: boolean) {
    this.#isFar = isFar;
  }

  async read<T>(kind: TransferKind, name: string, bytes: number, work: () => Promise<T>): Promise<T> {
    const began = performance.now();
    const value = work();
    if (this.#isFar) await value;
    this.transfer(kind, name, began, bytes);
    return value;
  }

  note(span: HostSpan): void {
    if (this.spans.length < mostSpans) this.spans.push(span);
    else this.hasAll = false;
  }
}

/** What a runner is timed with. */
export interface TimedParts {
  readonly compiled: Compiled;
  readonly own: Runner;
  /** Null where the machine times no launches. */
  readonly watch: LaunchWatch | null;
  /** The first run that counts, and the one behind the last. */
  readonly steps: readonly [from: number, to: number];
  readonly host: HostLog;
}

/** The runs of one runner. */
export class TimedRuns {
  readonly parts: TimedParts;
  /** What stands in its place. */
  readonly runner: Runner;
  seen = 0;
  counted = 0;
  hostMs = 0;
  #isOver = false;

  constructor(parts: TimedParts) {
    this.parts = parts;
    this.runner = this.#timed(parts.own);
  }

  /** No launch is timed any more, whatever runs. */
  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.parts.watch?.end();
    if (this.counted === 0) this.parts.watch?.log.reset();
  }

  /** It has what its runner has, as callers ask what there is. */
  #timed(own: Runner): Runner {
    const { ready, chunk } = own;
    return {
      feed: (input, values) => this.#feed(own, input, values),
      run: () => this.#run(own),
      read: (slot) => this.#read(own, slot),
      release: () => {
        this.end();
        own.release();
      },
      ...(ready === undefined ? {} : { ready: () => ready.call(own) }),
      ...(chunk === undefined ? {} : { chunk: (...given) => this.#chunk(chunk.apply(own, given)) }),
    };
  }

  #chunk(own: Chunk): Chunk {
    return {
      get hasRoom() {
        return own.hasRoom;
      },
      feed: (input, values) => this.#feed(own, input, values),
      run: () => this.#run(own),
      end: () => {
        const ended = own.end();
        return { read: (slot) => this.#read(ended, slot) };
      },
    };
  }

  #run(own: Pick<Runner, "run">): void {
    const { compiled, steps, watch, host } = this.parts;
    const step = this.seen;
    this.seen += 1;
    if (step === steps[0]) watch?.begin();
    if (step >= steps[1]) this.end();
    const began = performance.now();
    own.run();
    if (step < steps[0] || step >= steps[1]) return;
    const ended = performance.now();
    this.counted += 1;
    this.hostMs += ended - began;
    host.note({ kind: "run", name: compiled.entry.name, of: compiled, began, ended, bytes: 0 });
  }

  #feed(own: Pick<Runner, "feed">, ...[input, values]: Parameters<Runner["feed"]>): void {
    const { compiled, host } = this.parts;
    const began = performance.now();
    own.feed(input, values);
    host.transfer("feed", compiled.entry.inputs[input]?.path ?? "", began, values.byteLength);
  }

  #read(own: Pick<Runner, "read">, ...[slot]: Parameters<Runner["read"]>): ReturnType<Runner["read"]> {
    return this.parts.host.read("read output", slot.name, slot.bytes, () => own.read(slot));
  }
}

/** A machine whose states are read and written. */
export function timedStates(own: StateMachine, host: HostLog): StateMachine {
  return {
    writeState(slot, values) {
      const began = performance.now();
      own.writeState(slot, values);
      host.transfer("write state", slot.name, began, values.byteLength);
    },
    readState: (slot) => host.read("read state", slot.name, slot.bytes, () => own.readState(slot)),
    ...(own.stateMemory === undefined ? {} : { stateMemory: own.stateMemory.bind(own) }),
  };
}
