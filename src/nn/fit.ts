/**
 * The training loop: epochs of batches over a compiled training program.
 *
 *   for each epoch    shuffle; for each batch: gather, enqueue a step; read the sums now and then; validate; keep a copy
 *
 * The loop reads results every `readEvery` steps. On the CPU reading costs nothing, so it reads every step; a GPU would have to
 * be waited for, so there it goes ahead for many. The means come out exact either way: the program sums on the device and
 * the host adds those sums up. A run is a function of the seed: weights, shuffles and dropout follow from it.
 *
 * When a step fails, the executable is lost, but not the work: after every epoch the state is copied to the host, and
 * the error says from where `fit({ resume })` can go on, to the same numbers that an unbroken run would have reached.
 * A checkpoint can be taken between any two steps, and a run goes on from there too.
 */

import { UserError } from "../core/errors.ts";
import { checkSameRun, positionOrder } from "./checkpointing.ts";
import type { AnyFitOptions } from "./fit-options.ts";
import type { EpochRecord, History } from "./history.ts";
import { freshStart } from "./resume-point.ts";
import { Run } from "./run.ts";
import { RunHistory } from "./run-history.ts";
import type { Session } from "./session.ts";

export async function train(session: Session, options: AnyFitOptions): Promise<History> {
  const { epochs = 1, initialEpoch = 0, resume } = options;
  if (session.isFitting) throw new UserError("fit: another fit of this trainer is under way");
  const run = new Run(session, options);
  const records: EpochRecord[] = [];
  const started = performance.now();
  session.isFitting = true;
  try {
    await run.prepare();
    run.checkTargets();
    if (resume !== undefined) {
      const { epoch, batch, seen, order } = resume;
      checkSameRun("resume", { ...positionOrder(order, seen), epoch, batch }, run.order);
      await session.turns.take(async () => session.executable.state.restore(resume.state));
      session.shuffles = resume.shuffles;
      session.seed = resume.seed;
    }
    const pending = session.pending ?? run.skip(initialEpoch);
    const start = run.begin(resume ?? { ...pending, callbacks: session.pendingCallbacks });
    try {
      await run.keep(start);
      await run.tellBegin(start);
      for (let epoch = start.epoch + 1; epoch <= epochs && run.stopped === null; epoch++) {
        const record = await run.epoch(epoch, epoch === start.epoch + 1 ? start : freshStart);
        if (record !== null) records.push(record);
      }
      await run.end();
    } finally {
      run.progress?.end?.(run.stopped);
      await run.close();
    }
    const history = new RunHistory(records, run.stopped, (performance.now() - started) / 1000);
    await run.tellEnd(history);
    return history;
  } finally {
    run.over();
    session.isFitting = false;
  }
}
