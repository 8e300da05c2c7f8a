/** Endings that promise another format than is written: a file called model.keras that is none would fail where it is read. */
import { UserError } from "../core/errors.ts";
import { atLine, here } from "../core/origin.ts";

/** Refuses a path of Keras's, and one of npz where a whole trainer is written; `instead` says what to name it. */
export function checkFileEnding(call: string, path: string, isWeightsAlone: boolean, instead: string): void {
  const [, keras] = /(\.keras|\.h5|\.hdf5)$/i.exec(path) ?? [];
  const npz = !isWeightsAlone && /\.npz$/i.test(path) ? ".npz" : undefined;
  const ending = keras ?? npz;
  if (ending === undefined) return;
  const whole = npz === undefined ? "" : " of a whole trainer";
  throw new UserError(
    `${call}: ${path}: a ${ending} file is not written${whole}: name it ${instead}${atLine(here(call))}`,
  );
}
