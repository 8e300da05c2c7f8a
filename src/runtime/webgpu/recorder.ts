/**
 * Recording: actions, and copies between them, as the commands of one encoder.
 *
 * Launches share a pass until a copy stands between them. A pipeline and a bind group are set where they are not those of the
 * launch before: each costs 1.5 to 2 us of the host's time on a fast GPU, as much as the dispatch itself.
 */

import { unreachable } from "../../core/errors.ts";
import type { LaunchStep } from "../../program/artifact.ts";
import type { LaunchObserver } from "../machine.ts";
import type { LaunchLog } from "../profile/launch-log.ts";
import { type Action, counterStride, type Start } from "./actions.ts";
import type { PassClock } from "./pass-clock.ts";
import type { Stopwatch } from "./stopwatch.ts";

/** Where launches are timed, one by one, and where that is noted. */
export interface LaunchTimes {
  readonly clock: PassClock;
  readonly log: LaunchLog;
}

export class Recorder {
  readonly #encoder: GPUCommandEncoder;
  readonly #onLaunch: LaunchObserver | undefined;
  readonly #iterations: number[] = [];
  /** Of the inputs. */
  #place = 0;
  #pass: GPUComputePassEncoder | null = null;
  /** Of what is recorded now. */
  #times: LaunchTimes | null = null;
  /** What the pass has set. */
  #pipeline: GPUComputePipeline | null = null;
  #group: GPUBindGroup | null = null;

  /** `onLaunch` is told of each launch. */
  constructor(encoder: GPUCommandEncoder, onLaunch: LaunchObserver | undefined) {
    this.#encoder = encoder;
    this.#onLaunch = onLaunch;
  }

  /** On the inputs at this place. `times`: launch by launch, each in a pass of its own. */
  record(actions: readonly Action[], place: number, times: LaunchTimes | null = null): void {
    this.#place = place;
    this.#times = times;
    if (times !== null) this.#endPass();
    this.#all(actions);
    this.#times = null;
  }

  /** Behind what was timed so far. */
  resolve(clock: PassClock): void {
    this.#endPass();
    clock.resolve(this.#encoder);
  }

  /** Behind what is recorded so far. */
  copy(from: GPUBuffer, fromAt: number, to: GPUBuffer, toAt: number, bytes: number): void {
    this.#endPass();
    this.#encoder.copyBufferToBuffer(from, fromAt, to, toAt, bytes);
  }

  /** Times the pass that the next launch begins. */
  time(watch: Stopwatch): void {
    this.#endPass();
    this.#pass = this.#encoder.beginComputePass({ timestampWrites: watch.writes });
  }

  /** Behind that pass: where the times will be. */
  timed(watch: Stopwatch): GPUBuffer {
    this.#endPass();
    return watch.resolve(this.#encoder);
  }

  finish(): GPUCommandBuffer {
    this.#endPass();
    return this.#encoder.finish();
  }

  #all(actions: readonly Action[]): void {
    for (let i = 0; i < actions.length; i++) {
      const action = actions[i];
      if (action !== undefined) this.#action(action);
    }
  }

  #action(action: Action): void {
    switch (action.kind) {
      case "dispatch":
        this.#dispatch(action);
        break;
      case "copies":
        for (const { from, to } of action.copies) {
          this.copy(from.buffer, this.#at(from), to.buffer, this.#at(to), action.bytes);
        }
        break;
      case "loop":
        for (let i = 0; i < action.extent; i++) {
          this.#iterations[action.depth] = i;
          this.#all(action.actions);
        }
        break;
      default:
        unreachable(action);
    }
  }

  #dispatch({ steps, program, groups, iterations, offsets }: Action & { readonly kind: "dispatch" }): void {
    const [x, y, z] = program.text.workgroups;
    if (x * y * z === 0) return; // an empty tensor: nothing to launch, and Dawn would warn
    this.#pass ??= this.#encoder.beginComputePass(this.#times === null ? undefined : this.#timed(steps, this.#times));
    if (this.#pipeline !== program.pipeline) this.#pass.setPipeline(program.pipeline);
    const group = groups.at(this.#place);
    if (this.#group !== group) this.#pass.setBindGroup(0, group);
    this.#pipeline = program.pipeline;
    this.#group = group;
    if (iterations !== null) {
      const depths = steps[0]?.iterations ?? [];
      for (let i = 0; i < offsets.length; i++) {
        offsets[i] = counterStride * (this.#iterations[depths[i] ?? 0] ?? 0);
      }
      this.#pass.setBindGroup(1, iterations, offsets, 0, offsets.length);
    }
    this.#pass.dispatchWorkgroups(x, y, z);
    if (this.#times !== null) this.#endPass();
    if (this.#onLaunch !== undefined) for (const { label, id } of steps) this.#onLaunch(label, id);
  }

  #timed([step]: readonly LaunchStep[], { clock, log }: LaunchTimes): GPUComputePassDescriptor {
    const row = log.rowOf(step?.id ?? -1);
    return row === undefined ? {} : { timestampWrites: clock.writes(log, row, this.#encoder) };
  }

  #at({ at, byPlace, strides }: Start): number {
    let offset = at + byPlace * this.#place;
    for (const { depth, by } of strides) offset += by * (this.#iterations[depth] ?? 0);
    return offset;
  }

  #endPass(): void {
    this.#pass?.end();
    this.#pass = null;
    this.#pipeline = null;
    this.#group = null;
  }
}
