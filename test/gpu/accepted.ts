/** Whether Dawn's own compiler accepts shader modules, with every feature there is. */
import { spawnSync } from "node:child_process";
import { expect } from "vitest";

/** In a process of its own, see validate.mjs. */
export function expectAccepted(sources: readonly string[]): void {
  const { stdout, stderr, status } = spawnSync(process.execPath, ["test/gpu/validate.mjs"], {
    input: JSON.stringify(sources),
    encoding: "utf8",
    timeout: 60_000,
  });
  expect({ stdout, stderr, status }).toEqual({ stdout: `${sources.length} modules\n`, stderr: "", status: 0 });
}
