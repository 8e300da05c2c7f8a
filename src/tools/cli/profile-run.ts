/** Profiles of all that a script compiles, from its beginning to its end: as tables, and as one trace. */
import { UserError } from "../../core/errors.ts";
import { writeFileAtomically } from "../../io/files.ts";
import { setProfileHook } from "../../runtime/profile/hook.ts";
import type { Profile, ProfileOptions, RunningProfile } from "../../runtime/profile/profile.ts";
import { printProfile } from "../../runtime/profile/table.ts";
import { profileTrace } from "../../runtime/profile/trace.ts";
import { namingOf } from "../names/naming.ts";

export interface ProfileRunOptions extends ProfileOptions {
  /** Where the trace is written. */
  readonly trace?: string;
  /** Columns of the terminal. */
  readonly width?: number;
}

/** Runs a script, and gives its tables. What it had compiled when it failed is told, too. */
export async function profileRun(
  run: () => Promise<void>,
  { trace, width, ...options }: ProfileRunOptions,
  tell: (text: string) => void,
): Promise<void> {
  // A path that cannot be written is told before the run.
  if (trace !== undefined) await writeTrace(trace, []);
  const running: RunningProfile[] = [];
  setProfileHook({
    naming: namingOf,
    made: async (begin) => void running.push(await begin(options)),
  });
  try {
    await run();
  } finally {
    setProfileHook(null);
    const profiles = await Promise.all(running.map((one) => one.stop()));
    tell(tablesOf(profiles, width));
    if (trace !== undefined) {
      await writeTrace(trace, profiles);
      tell(`the trace is in ${trace}: open it at ui.perfetto.dev\n`);
    }
  }
}

function tablesOf(profiles: readonly Profile[], width: number | undefined): string {
  const ran = profiles.filter(({ entries }) => entries.length > 0);
  if (profiles.length === 0) return "\nprofile: the script compiled nothing\n";
  if (ran.length === 0) return "\nprofile: nothing that the script compiled was run\n";
  return ran.map((profile) => `\n${printProfile(profile, width === undefined ? {} : { width })}`).join("");
}

async function writeTrace(path: string, profiles: readonly Profile[]): Promise<void> {
  const trace = profiles.length === 0 ? { traceEvents: [] } : profileTrace(profiles);
  await writeFileAtomically(path, new TextEncoder().encode(JSON.stringify(trace)));
}

/** "10-20": the first run that counts, and the one behind the last. */
export function parseSteps(given: string): readonly [from: number, to: number] {
  const found = /^(\d+)-(\d+)$/.exec(given.trim());
  const [from, to] = [Number(found?.[1]), Number(found?.[2])];
  if (found !== null && from < to) return [from, to];
  throw new UserError(
    `--profile-steps takes two numbers, the first run that counts and the one behind the last: 10-20, not ${given}`,
  );
}
