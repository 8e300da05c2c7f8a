/**
 * Goes round all properties with fresh seeds until the time is up.
 *
 *   npm run fuzz -- --minutes 30 --seed 7
 *
 * A line for each round; on failure the property, the seed, the path and the smallest case, and exit code 1. Ctrl-C ends it
 * after the property under way, with the summary.
 */
import { script } from "../../src/tools/script.ts";
import { bufferProperties } from "./buffers.ts";
import { cliProperties } from "./cli.ts";
import { escapeProperties, loadReaders } from "./escapes.ts";
import { idxProperties } from "./idx.ts";
import { kernelProperties } from "./kernels.ts";
import { lifetimeProperties } from "./lifetimes.ts";
import { loopLifetimeProperties } from "./loop-lifetimes.ts";
import { preparedProperties } from "./prepared-windows.ts";
import { programProperties } from "./programs.ts";
import { describeFailure } from "./property.ts";
import { safetensorsProperties } from "./safetensors.ts";
import { transformProperties } from "./transforms.ts";
import { windowProperties } from "./windows.ts";

/** Of the cases that a test tries, how many a round tries. */
const share = 0.1;

await script(
  {
    name: "fuzz",
    about: "Tries new cases of every property.",
    flags: {
      minutes: { kind: "number", default: 1, about: "how long" },
      seed: { kind: "number", default: Date.now() % 2 ** 31, about: "of the first round; each round has its own" },
      only: { kind: "text", about: "only properties whose names contain this" },
    },
  },
  async ({ minutes, seed, only = "" }) => {
    const properties = [
      ...programProperties,
      ...bufferProperties,
      ...kernelProperties,
      ...lifetimeProperties,
      ...loopLifetimeProperties,
      ...idxProperties,
      ...safetensorsProperties,
      ...windowProperties,
      ...preparedProperties,
      ...transformProperties,
      ...cliProperties,
      ...escapeProperties(await loadReaders()),
    ].filter(({ name }) => name.includes(only));
    const started = performance.now();
    const secondsSince = (start: number): number => Math.round((performance.now() - start) / 1000);
    let interrupted = false;
    process.once("SIGINT", () => {
      interrupted = true;
    });
    const isOver = (): boolean => interrupted || performance.now() - started > minutes * 60_000;
    let [cases, failures] = [0, 0];
    for (let round = 0; !isOver() && properties.length > 0; round++) {
      const [roundSeed, roundStart] = [seed + round, performance.now()];
      for (const { name, runs, check } of properties) {
        if (isOver()) break;
        const details = await check({ seed: roundSeed, numRuns: Math.ceil(runs * share) });
        cases += details.numRuns;
        if (!details.failed) continue;
        failures += 1;
        console.log(`\nFAILED ${describeFailure(name, details)}\n`);
      }
      console.log(`round ${round}, seed ${roundSeed}: ${secondsSince(roundStart)} s, ${cases} cases so far`);
      if (failures > 0) break;
    }
    console.log(
      `${cases} cases of ${properties.length} properties in ${secondsSince(started)} s, ${failures} failures`,
    );
    if (failures > 0) process.exitCode = 1;
  },
);
