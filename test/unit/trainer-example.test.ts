/**
 * examples/two-heads.ts, run as a user runs it: it learns, and what it prints is what it says it does.
 */
import { expect, test } from "vitest";
import { runScript } from "./run-script.ts";

test("two-heads", async () => {
  const { code, stdout, stderr } = await runScript("examples/two-heads.ts", []);
  expect(stderr).toBe("");
  expect(code).toBe(0);
  const lines = stdout.trimEnd().split("\n");
  expect(lines).toHaveLength(6);
  for (const [i, epoch] of [5, 10, 15].entries()) {
    expect(lines[i]).toMatch(
      new RegExp(`^Epoch ${epoch}: loss 0\\.\\d+, ring_accuracy 0\\.\\d+, validation 0\\.\\d+, gradient \\d+\\.\\d+$`),
    );
  }
  const [, ring = "0", inside = "0"] = /^Trained: ring_accuracy ([\d.]+), inside ([\d.]+)$/.exec(lines[3] ?? "") ?? [];
  expect(Number(ring)).toBeGreaterThan(0.93);
  expect(Number(inside)).toBeGreaterThan(0.95);
  expect(lines[4]).toMatch(/lies in ring 0 with probability (0\.9\d|1\.00)\.$/);
  expect(lines[5]).toBe("After two more epochs of the heads the trunk is as it was.");
});
