/** The states of a script's program before its first step, as a checkpoint: a trainer's own, which its `restore` takes back. */
import { encodeCheckpoint, fingerprintOf } from "../../io/checkpoint.ts";
import { startValuesOf } from "../../runtime/start-values.ts";
import type { Exported } from "./load.ts";

export async function startOf({ program, trainer }: Exported, seed: number): Promise<Uint8Array> {
  if (trainer === undefined) {
    return encodeCheckpoint({ fingerprint: fingerprintOf(program), state: startValuesOf(program.states, seed), seed });
  }
  await trainer.compile({ target: "js", seed });
  return trainer.checkpoint();
}
