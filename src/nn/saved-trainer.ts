/**
 * trainerFrom(): a trainer from a checkpoint alone: model, loss, metrics, optimizer, weights and the place in the data.
 *
 *   const net = await trainerFrom(await (await fetch("mnist.safetensors")).bytes());
 *   const probabilities = await net.predict({ x: images });
 *
 * In Node `loadTrainer(path)` reads the file. All or nothing: the architecture is checked against the file's own states before
 * anything is compiled. Functions are in no file, so a trainer with any of its own must be made first and `restore` the bytes.
 */
import { UserError } from "../core/errors.ts";
import { checkArguments, checkOptions, type OptionTable } from "../core/options.ts";
import { told } from "../core/origin.ts";
import { type Checkpoint, checkFingerprint, checkSaved, decodeCheckpoint } from "../io/checkpoint.ts";
import { architectureNote, trainingFrom } from "./architecture.ts";
import { type TrainerCompileOptions, trainerCompileTable } from "./compilation.ts";
import { type RestoreOptions, restoreTable, Trainer } from "./trainer.ts";

/** How to compile it: by default with the batch size of its last `fit`, or 128 without one. The seed is in the file. */
export interface LoadTrainerOptions extends Omit<TrainerCompileOptions, "seed" | "fresh">, RestoreOptions {}

const { fresh: _, ...kept } = trainerCompileTable;
const loadTable: OptionTable<LoadTrainerOptions & Pick<TrainerCompileOptions, "seed">> = { ...kept, ...restoreTable };

/** `before` is what stands in front of the options in the call. */
export function checkLoadOptions(call: string, given: LoadTrainerOptions, before: string): LoadTrainerOptions {
  return checkOptions(call, given, loadTable, { before });
}

/** `name` is what errors call the checkpoint. The names of the scores are not known to tsc: `scores.accuracy` is a number. */
export async function trainerFrom(
  saved: Uint8Array | Checkpoint,
  given: LoadTrainerOptions = {},
  name = "trainerFrom",
): Promise<Trainer<string>> {
  checkArguments("trainerFrom", arguments, 3);
  return told("trainerFrom", async () => {
    const { newRun = false, batch: wanted, ...options } = checkLoadOptions("trainerFrom", given, "bytes, ");
    checkSaved("trainerFrom", saved);
    const checkpoint = saved instanceof Uint8Array ? decodeCheckpoint(saved, name) : saved;
    const text = checkpoint.notes.get(architectureNote);
    if (text === undefined) {
      throw new UserError(
        `${name}: this checkpoint holds no architecture: make the trainer first, and load the file into it: ` +
          "loadTrainer(path, trainer), or trainer.restore(bytes)",
      );
    }
    const { seed = checkpoint.seed }: TrainerCompileOptions = options; // from JavaScript
    if (seed !== checkpoint.seed) {
      throw new UserError(
        `${name}: the seed is ${seed}, and the file's weights and random state come from seed ${checkpoint.seed}: leave seed out`,
      );
    }
    const trainer = new Trainer<string>(trainingFrom(text, name));
    checkFingerprint(checkpoint.fingerprint, trainer.fingerprint, name);
    const batch = wanted ?? checkpoint.position?.batchSize;
    await trainer.compile({ ...(batch === undefined ? {} : { batch }), ...options, seed });
    try {
      await trainer.restore(checkpoint, { newRun });
    } catch (error) {
      trainer.dispose();
      throw error;
    }
    return trainer;
  });
}
