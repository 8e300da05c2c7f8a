/** explore as a user types it: one file, a server until Ctrl+C, and what it says to wrong calls. */
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Exploration } from "../../src/tools/explorer/exploration.ts";
import { type Commands, startCommands, startScript } from "../unit/run-script.ts";

const mnist = "test/cli/scripts/mnist.ts";
let folder = "";
let commands: Commands;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "tensorloom-explore-"));
  commands = startCommands();
});
afterAll(async () => {
  await commands.end();
  rmSync(folder, { recursive: true, force: true });
});

test("writes one file that asks nobody for anything", async () => {
  const file = join(folder, "step.html");
  const { code, stdout, stderr } = await commands.run("explore", mnist, "--dims", "batch=16", "--html", file);
  expect([code, stderr]).toEqual([0, ""]);
  expect(stdout).toMatch(/step\.html: train on js, wasm, wgsl, \d+ KiB\n$/);
  const page = readFileSync(file, "utf8");
  expect(page.length).toBeLessThan(2_000_000);
  expect(page.match(/<script type="application\/octet-stream"/g)).toHaveLength(3);
  expect(page).toMatch(/<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'nonce-/);
  expect(page).not.toMatch(/<(?:script|link|img)[^>]* (?:src|href)="(?!data:)/);
  expect(page).toContain("Marijn Haverbeke"); // licences of what it contains
});

test.each([
  ["no size", [mnist, "--html", "x.html"], /the dimension "batch" has no size: add --dims batch=128/],
  ["an unknown entry", [mnist, "--dims", "batch=2", "--entry", "tran"], /there is no entry "tran"/],
  ["an unknown target", [mnist, "--target", "cuda"], /Allowed choices are js, wasm, wgsl/],
  ["no script", ["none.ts"], /there is no file none\.ts/],
  [
    "a file that cannot be written",
    [mnist, "--dims", "batch=2", "--target", "js", "--html", "test/none/x.html"],
    /test\/none/,
  ],
] as const)("%s is told, with exit code 2", async (_, args, message) => {
  const { code, stderr, stdout } = await commands.run("explore", ...args);
  expect(stderr).toMatch(message);
  expect([code, stdout]).toEqual([2, ""]);
});

test("serves until it is interrupted, each choice with the names of the script", async () => {
  const child = startScript("src/tools/cli/main.ts", ["explore", mnist, "--dims", "batch=16", "--target", "wasm"]);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const { value: address } = await lines.next();
  expect(address).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/[\w-]+\/$/);
  const page = await (await fetch(String(address))).text();
  const offer = /id="offer">(.*?)<\/script>/.exec(page)?.[1] ?? "";
  const { choices } = JSON.parse(offer) as { readonly choices: readonly { readonly target: string }[] };
  expect(choices.map(({ target }) => target)).toEqual(["wasm", "js", "wgsl"]);
  const made = (await (await fetch(`${address}data/0`)).json()) as Exploration;
  expect([made.target, made.dims]).toEqual(["wasm", { batch: 16 }]);
  expect(made.kernels[0]?.name).toBe("k0_hidden");
  expect(made.measured).toBe(null);
  child.kill("SIGINT");
  const [code] = await once(child, "close");
  expect(code).toBe(0);
});
