/**
 * What a new target takes: its folder, its name in the list, and what `tsc` then asks for. docs/architecture.md lists the places.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import type { JsArtifact } from "../../codegen/js/artifact.ts";
import { js } from "../../codegen/js/target.ts";
import type { Target } from "../../codegen/target.ts";
import { compileOn } from "../../src/compile.ts";
import { f32, grad, matmul, mul, normal, param, program, softmax, sub, sum, tanh } from "../../src/index.ts";
import { JsMachine } from "../../src/runtime/js/machine.ts";
import { jsTarget, setupOf } from "../../src/targets.ts";
import { exporterOf } from "../../src/tools/cli/export.ts";

const ts: typeof import("typescript-5.9") = createRequire(import.meta.url)("typescript-5.9");
const root = fileURLToPath(new URL("../../", import.meta.url));

/** Errors of the compiler and the command line, a source file replaced. */
function errorsWith(path: string, text: string): readonly string[] {
  const { config } = ts.readConfigFile(`${root}tsconfig.json`, ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root);
  const host = ts.createCompilerHost(options);
  const read = host.readFile.bind(host);
  host.readFile = (name) => (relative(root, name) === path ? text : read(name));
  const roots = ["src/index.ts", "src/node.ts", "src/tools/cli/main.ts"].map((name) => root + name);
  const checked = ts.createProgram({ rootNames: roots, options: { ...options, noEmit: true }, host });
  // Only what speaks of targets by name can lack one.
  const files = checked.getSourceFiles().filter((file) => file.fileName.startsWith(`${root}src/`));
  const concerned = files.filter(({ text: source }) => /TargetName|targetNames/.test(source));
  const found = concerned.flatMap((file) =>
    checked.getSemanticDiagnostics(file).map(({ messageText }) => {
      const message = ts.flattenDiagnosticMessageText(messageText, " ");
      return `${relative(root, file.fileName)}: ${message}`;
    }),
  );
  return [...new Set(found)].sort();
}

test("a name more in the list, and tsc names every place that has to know of it: those that the docs list", () => {
  const path = "src/kernel/target.ts";
  const text = readFileSync(root + path, "utf8");
  const named = text.replace('["js", "wasm", "wgsl"]', '["js", "wasm", "wgsl", "dummy"]');
  expect(named).not.toBe(text);
  const errors = errorsWith(path, named);
  for (const error of errors) expect(error).toMatch(/Property 'dummy' is missing/);
  const places = [...new Set(errors.map((error) => error.split(":")[0]))];
  const docs = readFileSync(`${root}docs/architecture.md`, "utf8");
  const [listed = ""] = /\*\*add a target\*\*[\s\S]*?\n- \*\*/.exec(docs) ?? [];
  const listedPlaces = [...listed.matchAll(/`(src\/[\w/]+\.ts)`/g)].map(([, place]) => place);
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
  schedule: (kernel) => js.schedule(kernel, null),
  legalize: (sequence) => sequence,
  print: (sequence, addresses, _facts, crew) => js.print(sequence, addresses, null, crew),
};

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
