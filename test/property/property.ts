/**
 * Properties, each defined once: the tests try a fixed number of cases from a fixed seed (a part of `runs`, see effort.ts, or
 * all of them), `npm run fuzz` new ones for as long as it is told. A failure names the seed, the path to the smallest case that fails, and the case.
 *
 *   FC_SEED=7 FC_RUNS=10000 npx vitest run test/property/random-programs.test.ts
 */
import fc from "fast-check";
import { tried } from "../effort.ts";

export interface Property {
  readonly name: string;
  /** How many cases a test tries where it tries all. */
  readonly runs: number;
  check(parameters: fc.Parameters<unknown>): Promise<fc.RunDetails<unknown>>;
}

/** A property with its name. `of` is what fast-check makes: `fc.property(...)` or `fc.asyncProperty(...)`. */
export function property<T>(name: string, runs: number, of: fc.IRawProperty<T>): Property {
  return {
    name,
    runs,
    check: async (parameters) => (await fc.check(of, parameters as fc.Parameters<T>)) as fc.RunDetails<unknown>,
  };
}

/** Tries the cases of a test; throws what was found. */
export async function prove({ name, runs, check }: Property, limits: fc.Parameters<unknown> = {}): Promise<void> {
  const seed = Number(process.env.FC_SEED ?? 20260);
  const details = await check({ ...limits, seed, numRuns: Number(process.env.FC_RUNS ?? tried(runs)) });
  if (details.failed) throw new Error(describeFailure(name, details), { cause: details.errorInstance });
}

/** What failed, and how to see it again. */
export function describeFailure(name: string, details: fc.RunDetails<unknown>): string {
  const { seed, counterexamplePath } = details;
  const report = fc.defaultReportMessage({
    ...details,
    runConfiguration: { ...details.runConfiguration, includeErrorInReport: true },
  });
  return `"${name}", seed ${seed}, path ${counterexamplePath}\n${report}`;
}

/** Long enough for any property, and for more runs than usual. */
export const patience = { timeout: 600_000 };

/** Milliseconds of processor time that this process has used: limits on it hold on a busy machine too. */
export function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
