/** tensorloom tune as a user types it, on js and wasm, and what it does with a file that it cannot use. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseChoices } from "../../src/tuning/choices.ts";
import { type Commands, startCommands } from "../unit/run-script.ts";

const script = "test/cli/scripts/factors.ts";
let folder = "";
let commands: Commands;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "tensorloom-tune-"));
  commands = startCommands();
});
afterAll(async () => {
  await commands.end();
  rmSync(folder, { recursive: true, force: true });
});

describe("tensorloom tune", () => {
  for (const target of ["js", "wasm"]) {
    test(`measures on ${target}, shows a table, and keeps it`, async () => {
      const file = join(folder, target, "tuning.json");
      const args = ["tune", script, "--target", target, "--seconds", "30", "--file", file];
      const [first, second] = await commands.runEach([args, [...args, "--json"]]);
      expect({ ...first, stdout: "", stderr: "" }).toEqual({ code: 0, stdout: "", stderr: "" });
      const [head, ...lines] = first.stdout.trimEnd().split("\n");
      expect(head).toMatch(/^kernel +ms before +after +ratio +by$/);
      const rows = lines.slice(0, lines.indexOf(""));
      for (const row of rows) expect(row).toMatch(/^\w+ k\d+\w* +\d+\.\d{4} +\d+\.\d{4} +[01]\.\d\d {2}\S/);
      expect(first.stdout).toMatch(new RegExp(`\\d+ of ${rows.length} kernels are faster on ${target}`));
      expect(first.stdout).toContain(`kept in ${file}\n`);
      expect(first.stderr).toMatch(/^1 of \d+: k\d+/);
      expect(parseChoices(readFileSync(file, "utf8"))).toMatchObject([{ target }]);
      // what is known is not measured again
      expect(JSON.parse(second.stdout)).toMatchObject({ target, kernels: [], known: rows.length, left: 0, file });
    });
  }

  test("tells what it does not understand", async () => {
    const hostile = join(folder, "hostile.json");
    writeFileSync(hostile, "[]");
    const [seconds, entry, dims, damaged] = await commands.runEach([
      ["tune", script, "--seconds", "0"],
      ["tune", script, "--target", "js", "--entry", "tran"],
      ["tune", "test/cli/scripts/mnist.ts", "--target", "js"],
      ["tune", script, "--target", "js", "--seconds", "0.0001", "--file", hostile],
    ]);
    expect(seconds).toMatchObject({ code: 2, stderr: expect.stringMatching(/must be a number of seconds, above 0/) });
    expect(entry).toMatchObject({ code: 2, stderr: expect.stringMatching(/^error: there is no entry "tran"/) });
    expect(dims).toMatchObject({ code: 2, stderr: expect.stringMatching(/"batch" has no size: add --dims batch=128/) });
    expect(damaged.code).toBe(0);
    expect(damaged.stderr).toMatch(/hostile\.json is not used: it is no object/);
    expect(damaged.stdout).toMatch(/kernels were not reached in the time: run it again, or with more --seconds/);
    expect(readFileSync(hostile, "utf8")).toBe("[]");
  });
});
