/** profiler(): where the time of a training goes, as a trace for Perfetto, and as a profile. Node only. */
import { callable, checkArguments, checkOptions, checkValue, type OptionTable, text } from "../../core/options.ts";
import { writeFileAtomically } from "../../io/files.ts";
import { type Profile, type ProfileOptions, profileTable, type RunningProfile } from "../../runtime/profile/profile.ts";
import { profileTrace } from "../../runtime/profile/trace.ts";
import type { Callback } from "./callback.ts";

export interface ProfilerOptions extends ProfileOptions {
  /** Which steps are looked at, and which batches of an evaluation: `[10, 20]` by default. */
  readonly steps?: readonly [from: number, to: number];
  /** Given the profile when the training ends: `(profile) => console.log(printProfile(profile))`. */
  readonly onProfile?: (profile: Profile) => void | Promise<void>;
}

const optionTable: OptionTable<ProfilerOptions> = { ...profileTable, onProfile: callable() };

/**
 * Looks at some steps of a training, counted from its beginning, and writes a trace of them when it ends, which ui.perfetto.dev opens. A
 * UserError says where the file cannot be written, before the first step.
 */
export function profiler(path: string, options: ProfilerOptions = {}): Callback {
  checkArguments("profiler", arguments, 2);
  checkValue("profiler", "the path", path, text);
  const { steps = [10, 20], onProfile } = checkOptions("profiler", options, optionTable, { before: "path, " });
  let running: RunningProfile | null = null;
  const write = (trace: object): Promise<void> =>
    writeFileAtomically(path, new TextEncoder().encode(JSON.stringify(trace)));
  return {
    async onTrainBegin(_, control) {
      await running?.stop(); // of a training that failed
      await write({ traceEvents: [] });
      running = await control.profile({ steps });
    },
    async onTrainEnd() {
      const profile = await running?.stop();
      running = null;
      if (profile === undefined) return;
      await write(profileTrace(profile));
      await onProfile?.(profile);
    },
  };
}
