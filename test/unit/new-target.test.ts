/**
 * What a new target takes: its folder, its name in the list, and what `tsc` then asks for. docs/extending.md lists the places.
 */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { cp, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import type { JsArtifact } from "../../codegen/js/artifact.ts";
import { js } from "../../codegen/js/target.ts";
import type { Target } from "../../codegen/target.ts";
import { wgslMoves } from "../../codegen/wgsl/moves/all.ts";
import { wgslPolicy } from "../../codegen/wgsl/policy/policy.ts";
import { compileOn } from "../../src/compile.ts";
import { jsTarget } from "../../src/eager-targets.ts";
import { f32, grad, matmul, mul, normal, param, program, softmax, sub, sum, tanh } from "../../src/index.ts";
import { JsMachine } from "../../src/runtime/js/machine.ts";
import { setupOf } from "../../src/target-setup.ts";
import { exporterOf } from "../../src/tools/cli/export.ts";
import { tscEnv, tscFlags } from "../installed.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** Errors of the compiler in a copy of the sources, of which one is replaced. */
async function errorsWith(path: string, text: string): Promise<readonly string[]> {
  const folder = await mkdtemp(join(tmpdir(), "tensorloom-new-target-"));
  try {
    for (const name of ["src", "passes", "codegen", "tsconfig.json", "package.json"]) {
      await cp(join(root, name), join(folder, name), { recursive: true });
    }
    await symlink(join(root, "node_modules"), join(folder, "node_modules"), "junction");
    await writeFile(join(folder, path), text);
    const config = { extends: "./tsconfig.json", include: ["src"], compilerOptions: { noEmit: true } };
    await writeFile(join(folder, "tsconfig.new.json"), JSON.stringify(config));
    const args = [
      join(root, "node_modules/typescript/bin/tsc"),
      "-p",
      "tsconfig.new.json",
      "--pretty",
      "false",
      ...tscFlags,
    ];
    const printed = await promisify(execFile)(process.execPath, args, { cwd: folder, env: tscEnv }).catch(
      (failure) => failure,
    );
    const found = String(printed.stdout).matchAll(/^(\S+)\(\d+,\d+\): error TS\d+: (.*)$/gm);
    return [...new Set([...found].map(([, file, message]) => `${file}: ${message}`))].sort();
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

test("a name more in the list, and tsc names every place that has to know of it: those that the docs list", async () => {
  const path = "src/kernel/target.ts";
  const text = readFileSync(root + path, "utf8");
  const named = text.replace('["js", "wasm", "wgsl"]', '["js", "wasm", "wgsl", "dummy"]');
  expect(named).not.toBe(text);
  const errors = await errorsWith(path, named);
  for (const error of errors) expect(error).toMatch(/Property 'dummy' is missing/);
  const places = [...new Set(errors.map((error) => error.split(":")[0]))];
  const docs = readFileSync(`${root}docs/extending.md`, "utf8");
  const [listed = ""] = /\*\*add a target\*\*[\s\S]*?\n- \*\*/.exec(docs) ?? [];
  const listedPlaces = [...listed.matchAll(/`(src\/[\w/-]+\.ts)`/g)].map(([, place]) => place);
  expect(places).toEqual(listedPlaces.filter((place) => place !== path));
}, 60_000);

const made = program({
  inputs: { x: f32(6, 10), y: f32(6, 4) },
  state: { w: param(normal(0, 0.1, 10, 4)) },
  step({ x, y }, { w }) {
    const wrong = sub(softmax(tanh(matmul(x, w))), y);
    const loss = sum(mul(wrong, wrong));
    return { outputs: { loss }, next: { w: sub(w, mul(grad(loss, w), 0.1)) } };
  },
});

/** Of existing pieces: js, with other traits and a name that is in no list. */
const dummy: Target<JsArtifact, { readonly buffers: number }> = {
  ...js,
  name: "dummy",
  portable: { buffers: 5 },
  traits: ({ buffers }) => ({ ...js.traits(null), name: "dummy", maxBuffers: buffers }),
  scheduling: () => js.scheduling(null),
  candidates: () => [],
  legalize: (kernel) => kernel,
  printer: () => js.printer(null),
};

test("a policy that asks for moves of a target's own comes with how they are made, or tsc refuses it", () => {
  const policy = wgslPolicy({ maxInvocations: 64, maxWorkgroupStorage: 4096 });
  const given: Target<JsArtifact, null> = { ...js, scheduling: () => ({ policy, ownMoves: wgslMoves }) };
  // @ts-expect-error nobody says how
  const lacking: Target<JsArtifact, null> = { ...js, scheduling: () => ({ policy }) };
  expect(given.scheduling(null).policy).toBe(lacking.scheduling(null).policy);
});

test("a target made of existing pieces compiles and runs a program", async () => {
  const setup = setupOf(dummy, {
    facts: { buffers: 6 },
    machine: async (stateBytes, options) => new JsMachine(stateBytes, options),
  });
  const feeds = { x: Float32Array.from({ length: 60 }, (_, i) => Math.sin(i)), y: new Float32Array(24).fill(0.25) };
  const losses: unknown[] = [];
  for (const target of [setup, jsTarget]) {
    const executable = await compileOn(made, target, { seed: 1 });
    losses.push((await executable.run({ entry: "step", feeds, steps: 3 })).loss);
    expect(executable.report.target).toBe(target.traits.name);
    executable.dispose();
  }
  expect(losses[0]).toEqual(losses[1]);
});

test("a target without a device is an exporter", () => {
  const exported = exporterOf(dummy, (entries, name) => ({
    files: new Map(entries.map((entry) => [`${name(entry.name)}.txt`, entry.artifact.source])),
    entries: entries.map(({ artifact }) => ({ functions: artifact.names })),
    told: "texts",
  }))(made);
  expect([...exported.files.keys()]).toEqual(["manifest.json", "step.txt"]);
  const manifest = JSON.parse(String(exported.files.get("manifest.json")));
  expect(manifest).toMatchObject({ target: "dummy", entries: [{ name: "step" }] });
  const launched = manifest.entries[0].sequence.flatMap((step: { readonly launch?: string }) => step.launch ?? []);
  expect(manifest.entries[0].functions).toEqual(launched);
});
