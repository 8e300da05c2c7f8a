/**
 * The tuner on a GPU: kernels by themselves, by every candidate, with what is asked of a card; all of them compute the same, and the
 * GPU's clock tells how long.
 */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compileOn, stagesOf } from "../../../src/compile.ts";
import { alone } from "../../../src/program/artifact.ts";
import { launchesOf } from "../../../src/program/sequence.ts";
import { printChoices } from "../../../src/tuning/choices.ts";
import { readChoices } from "../../../src/tuning/choices-file.ts";
import { isolate } from "../../../src/tuning/isolated.ts";
import { tune } from "../../../src/tuning/tuner.ts";
import { numbers } from "../../numbers.ts";
import { oneProduct } from "../../tuning-programs.ts";
import { cardTarget, sameAsJs } from "../against-js.ts";
import type { GpuCase } from "../case.ts";

const fail = (message: string): never => {
  throw new Error(message);
};

export const cases: readonly GpuCase[] = [
  {
    name: "a kernel is tuned: no candidate computes something else, and the choice is used",
    async run({ device }) {
      const folder = mkdtempSync(join(tmpdir(), "tensorloom-tuning-"));
      try {
        const tuningFile = join(folder, "tuning.json");
        const card = cardTarget(device);
        const wanted = ["no tiles", "tiles 16x16 by 8x8, 8 deep", "tiles 32x32 by 8x8, 16 deep, by 4, ahead, twice"];
        const some = card.candidates().filter(({ name }) => wanted.includes(name));
        strictEqual(some.length, wanted.length);
        const report = await tune(oneProduct(), { ...card, candidates: () => some }, { tuningFile, onWarning: fail });
        const [kernel] = report.kernels;
        strictEqual(report.left, 0);
        ok(kernel !== undefined && kernel.ways > 1, JSON.stringify(report));
        ok(kernel.usualMs > 0 && kernel.ms > 0);
        const [place, ...others] = readChoices(tuningFile, fail);
        if (place === undefined) throw new Error("nothing was kept");
        deepStrictEqual(others, []);
        const feeds = { x: numbers(24 * 40), w: numbers(40 * 48), b: numbers(48) };
        const gpuOptions = { tune: "kept", tuningFile, onWarning: fail } as const;
        await sameAsJs(device, oneProduct(), [{ feeds }], { gpuOptions, tolerance: 1e-4, asCard: true });
        // Whichever was the fastest here: each is used where the file names it.
        const schedules = new Set<unknown>();
        for (const name of wanted) {
          const kernels = new Map([...place.kernels].map(([key, kept]) => [key, { ...kept, choice: name }]));
          writeFileSync(tuningFile, printChoices([{ ...place, kernels }]));
          const executable = await compileOn(oneProduct(), card, gpuOptions);
          schedules.add(executable.report.entries[0]?.kernels[0]?.schedule);
          executable.dispose();
        }
        strictEqual(schedules.size, wanted.length);
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    },
  },
  {
    name: "the GPU's clock times launches",
    async run({ device }) {
      const target = cardTarget(device);
      const [launch] = launchesOf(stagesOf(oneProduct(), "step", {}, target).lowered);
      const machine = await target.machine(1 << 20, {});
      const runner = await machine.prepare(isolate(launch ?? fail("no launch"), target, alone).entry);
      const times = [await runner.timed?.(4), await runner.timed?.(400)];
      machine.dispose();
      const hasClock = device.features.has("timestamp-query");
      deepStrictEqual(
        times.map((ms) => typeof ms),
        hasClock ? ["number", "number"] : ["undefined", "undefined"],
      );
    },
  },
];
