/**
 * Launches of a GPU that has no clock, timed by ours: each is submitted by itself, after the runs, on what they have left, until the queue
 * is empty; once and nine times, as the way there and back is in both. States and outputs are put aside and back.
 */
import type { LaunchLog } from "../profile/launch-log.ts";
import type { Action } from "./actions.ts";
import { usages } from "./buffers.ts";
import { labelPrefix } from "./health.ts";
import { Recorder } from "./recorder.ts";

type Dispatch = Action & { readonly kind: "dispatch" };

const tries = 3;
const often = 9;
/** From so many milliseconds on the way there and back counts little. */
const longMs = 5;

export interface DrainedParts {
  readonly device: GPUDevice;
  readonly actions: readonly Action[];
  /** What launches may write that somebody could read. */
  readonly kept: readonly (GPUBuffer | null)[];
  readonly log: LaunchLog;
  /** Runs that the times are of. */
  readonly runs: number;
}

export async function timeDrained({ device, actions, kept, log, runs }: DrainedParts): Promise<void> {
  const aside = kept.flatMap((own) => (own === null ? [] : [{ own, copy: copyFor(device, own) }]));
  const copyAll = (isBack: boolean): void => {
    const encoder = device.createCommandEncoder({ label: `${labelPrefix} profile` });
    for (const { own, copy } of aside) {
      const [from, to] = isBack ? [copy, own] : [own, copy];
      encoder.copyBufferToBuffer(from, 0, to, 0, own.size);
    }
    device.queue.submit([encoder.finish()]);
  };
  copyAll(false);
  try {
    for (const { dispatch, times } of dispatchesOf(actions, 1)) {
      const row = log.rowOf(dispatch.steps[0]?.id ?? -1);
      if (row !== undefined) log.tracks[0]?.count(row, times * runs, await msOf(device, dispatch));
    }
  } finally {
    copyAll(true);
    for (const { copy } of aside) copy.destroy();
  }
}

function copyFor(device: GPUDevice, { size }: GPUBuffer): GPUBuffer {
  return device.createBuffer({ label: `${labelPrefix} profile`, size, usage: usages.copySrc | usages.copyDst });
}

function dispatchesOf(
  actions: readonly Action[],
  times: number,
): readonly { readonly dispatch: Dispatch; readonly times: number }[] {
  return actions.flatMap((action) => {
    if (action.kind === "loop") return dispatchesOf(action.actions, times * action.extent);
    return action.kind === "dispatch" ? [{ dispatch: action, times }] : [];
  });
}

/** Of one launch. */
async function msOf(device: GPUDevice, dispatch: Dispatch): Promise<number> {
  const once = await leastMs(device, dispatch, 1);
  if (once > longMs) return once;
  return Math.max(0, ((await leastMs(device, dispatch, often)) - once) / (often - 1));
}

async function leastMs(device: GPUDevice, dispatch: Dispatch, times: number): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < tries; i++) {
    const recorder = new Recorder(device.createCommandEncoder({ label: `${labelPrefix} profile` }), undefined);
    recorder.record(
      Array.from({ length: times }, () => dispatch),
      0,
    );
    const commands = recorder.finish();
    const began = performance.now();
    device.queue.submit([commands]);
    await device.queue.onSubmittedWorkDone();
    least = Math.min(least, performance.now() - began);
  }
  return least;
}
