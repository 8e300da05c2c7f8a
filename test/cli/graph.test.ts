/**
 * graph, explain and compile as a user types them, with scripts that are right and wrong, one after the other in one process.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compile } from "../../src/index.ts";
import { type Commands, type Finished, runScript, startCommands } from "../unit/run-script.ts";
import factors from "./scripts/factors.ts";

const mnist = "test/cli/scripts/mnist.ts";
let folder = "";
let commands: Commands;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "tensorloom-cli-"));
  commands = startCommands();
});
afterAll(async () => {
  await commands.end();
  rmSync(folder, { recursive: true, force: true });
});

const run: Commands["run"] = (...args) => commands.run(...args);
const runEach: Commands["runEach"] = (lists) => commands.runEach(lists);

/** A script outside the repository, in a package of the given kind. */
function userScript(name: string, text: string, type: "module" | "commonjs" = "module"): string {
  const home = mkdtempSync(join(folder, "user-"));
  writeFileSync(join(home, "package.json"), JSON.stringify({ type }));
  writeFileSync(join(home, name), text);
  return join(home, name);
}

/** What a user may get wrong, and what they are told. */
const mistakes: readonly (readonly [what: string, args: readonly string[], message: RegExp])[] = [
  ["a script that is not there", ["no.ts"], /^error: there is no file no\.ts\n$/],
  ["a folder", ["test"], /^error: test is a folder/],
  ["no script", [], /missing required argument 'script'/],
  ["an unknown entry", [mnist, "--entry", "tran"], /^error: there is no entry "tran": the program has train\n$/],
  [
    "an unknown stage",
    [mnist, "--stage", "final"],
    /Allowed choices are forward, gradient, optimized, kernels, memory/,
  ],
  ["an unknown format", [mnist, "--format", "gif"], /Allowed choices are text, dot, svg, png, mermaid, json/],
  [
    "a file of no known ending",
    [mnist, "-o", join(tmpdir(), "step.gif")],
    /no format has the ending \.gif: add --format/,
  ],
  ["an unknown dimension", [mnist, "--dims", "bach=3"], /has no dimension "bach" \(it has batch\)/],
  ["a dimension that is no number", [mnist, "--dims", "batch=many"], /"batch=many" is not a size/],
  ["a missing dimension", [mnist, "--stage", "kernels"], /"batch" has no size: add --dims batch=128/],
  ["a dimension of two sizes", [mnist, "--dims", "batch=2", "--dims", "batch=3"], /"batch" is given twice/],
  ["a pass and a stage", [mnist, "--print-after", "fuse", "--stage", "kernels"], /cannot be used with option '--stage/],
  [
    "what is left out",
    [mnist, "--print-after", "fuse", "--skip", "fuse"],
    /--print-after fuse: that is left out by --skip/,
  ],
  ["--skip of what is not compiled", [mnist, "--skip", "fuse"], /--skip is for what is compiled: use it with --stage/],
  [
    "--skip of a stage that must be",
    [mnist, "--skip", "lower"],
    /"lower" cannot be left out; these can: maxFirst, simplify, fuse/,
  ],
  ["a picture of a pass", [mnist, "--print-after", "fuse", "-o", "x.svg"], /--print-after shows is text, and no svg/],
  ["a difference, folded", [mnist, "--diff", mnist, "--fold"], /cannot be used with option '--fold'/],
  [
    "a difference in memory",
    [mnist, "--diff", mnist, "--stage", "memory"],
    /--diff compares graphs: use it with --stage/,
  ],
  ["a difference to no file", [mnist, "--diff", "no.ts"], /^error: there is no file no\.ts\n$/],
  ["folded text", [mnist, "--fold"], /--fold is for pictures: add --format svg/],
  [
    "folded kernels",
    [mnist, "--fold", "--stage", "kernels", "--format", "svg", "--dims", "batch=2"],
    /--fold draws calls/,
  ],
  ["dot of memory", [mnist, "--stage", "memory", "--format", "dot", "--dims", "batch=2"], /no dot of it/],
  ["a file that cannot be written", [mnist, "-o", "no/such/folder/x.svg"], /could not write no\/such\/folder\/x\.svg/],
  [
    "shapes that do not fit",
    ["test/cli/scripts/bad/shapes.ts"],
    /inner dimensions 3 and 4 differ\n {4}at .*shapes\.ts:\d/,
  ],
  [
    "no default export, before it is run,",
    ["test/cli/scripts/bad/no-default.ts"],
    /has no default export: .* \(it was not run\)/,
  ],
  ["another default export", ["test/cli/scripts/bad/no-program.ts"], /neither a program nor a trainer/],
  [
    "a script that throws",
    ["test/cli/scripts/bad/throws.ts"],
    /RangeError: the size is missing\n {4}at .*throws\.ts:2:/,
  ],
];

describe("graph", () => {
  test("text and JSON to the terminal, at stages that need no sizes", async () => {
    const [text, json] = await runEach([
      ["graph", mnist, "--stage", "forward"],
      ["graph", mnist, "--format", "json"],
    ]);
    expect(text).toMatchObject({ code: 0, stderr: "" });
    expect(text.stdout).toMatch(/^entry train\nimage: f32\[batch,784\] = input name=image\n/);
    expect(text.stdout.match(/= gradient /g)?.length).toBe(4);
    expect(json.code).toBe(0);
    expect(JSON.parse(json.stdout)).toMatchObject({ stage: "optimized", entry: "train" });
  });

  test("pictures into files, by their ending", async () => {
    const file = (name: string): string => join(folder, name);
    const common = ["graph", mnist, "--dims", "batch=128", "-o"];
    const done = await runEach([
      [...common, file("k.svg"), "--stage", "kernels"],
      [...common, file("m.png"), "--stage", "memory"],
      [...common, file("g.dot"), "--stage", "gradient"],
      ["graph", "test/cli/scripts/deep.ts", "--fold", "-o", file("f.svg")],
      [...common, file("w.txt"), "--stage", "kernels", "--target", "wgsl"],
    ]);
    for (const { code, stdout, stderr } of done) expect([code, stdout, stderr]).toEqual([0, "", ""]);
    expect(readFileSync(file("k.svg"), "utf8")).toContain("k0_hidden");
    expect(readFileSync(file("m.png")).subarray(1, 4).toString()).toBe("PNG");
    expect(readFileSync(file("g.dot"), "utf8")).toMatch(/^digraph "train: gradient" \{\n/);
    expect(readFileSync(file("f.svg"), "utf8")).toContain("softmaxCrossEntropy");
    expect(readFileSync(file("w.txt"), "utf8")).toMatch(/^ *workgroup group < \d+$/m);
  });

  test("names with quotes and angle brackets, a chosen entry, a script of a CommonJS package", async () => {
    const plain = userScript("plain.ts", "const x: number = await 1;\nexport default { x };\n", "commonjs");
    const [odd, product, common] = await runEach([
      ["graph", "test/cli/scripts/factors.ts", "--stage", "kernels", "--format", "svg"],
      ["graph", "test/cli/scripts/factors.ts", "--entry", "product"],
      ["graph", plain],
    ]);
    expect(odd.stdout).toContain("model.v &lt;&quot;b&amp;&gt;");
    expect(product.stdout).toMatch(/^entry product\n/);
    expect(common.stderr).toContain("is neither a program nor a trainer"); // loaded, as an ES module
  });

  test("a trainer with several inputs and outputs", async () => {
    const [forward, kernels] = await runEach([
      ["graph", "test/cli/scripts/two-heads.ts", "--stage", "forward", "--entry", "predict"],
      ["graph", "test/cli/scripts/two-heads.ts", "--stage", "kernels", "--target", "wasm", "--dims", "batch=64"],
    ]);
    expect(forward).toMatchObject({ code: 0, stderr: "" });
    for (const name of ["input name=x.point", "input name=x.scale", "output output.ring", "output output.inside"]) {
      expect(forward.stdout).toContain(name);
    }
    expect(kernels).toMatchObject({ code: 0, stderr: "" });
    expect(kernels.stdout).toMatch(/ lane$/m);
  });

  test("sorts where dimensions are names, and where they are numbers; a timer of the script's is not waited for", async () => {
    const graph = (...args: string[]) =>
      runScript("src/tools/cli/main.ts", ["graph", "test/cli/scripts/sorted.ts", "--no-names", ...args]);
    const [named, numbers] = await Promise.all([graph(), graph("--dims", "rows=3", "--print-after", "fuse")]);
    expect([named.code, named.stderr, numbers.code, numbers.stderr]).toEqual([0, "", 0, ""]);
    expect(named.stdout).toContain("%1: f32[2,4], %2: i32[2,4] = sort %0 axis=0 descending=true keep=2\n");
    expect(named.stdout).toMatch(/putAlong %\d+ %\d+ axis=1 size=4\n/);
    expect(numbers.stdout.match(/%2: f32\[.*\n/g)).toEqual([
      expect.stringMatching(/ = mergeRuns .* {4}stored %2 %3\n/),
    ]);
  });

  test("every example is looked into, and not run", async () => {
    const names = [
      "cnn",
      "custom-loss",
      "derivatives",
      "inspect",
      "mnist-from-scratch",
      "mnist-mlp",
      "resume",
      "tensors",
    ];
    const found = await runEach(names.map((name) => ["graph", `examples/${name}.ts`]));
    for (const { code, stdout, stderr } of found) {
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      expect(stdout).toMatch(/^entry (train|step)\n[a-zA-Z]\w*: [fiu]\d+\[.*\] = (input|state) name=/);
    }
  });

  describe("mistakes, all in one process", () => {
    const ends = new Map<readonly string[], Finished>();
    beforeAll(async () => {
      const found = await runEach(mistakes.map(([, args]) => ["graph", ...args]));
      mistakes.forEach(([, args], i) => void ends.set(args, found[i] as Finished));
    });

    test.each(mistakes)("%s is a user's error", (_, args, message) => {
      const { code, stdout, stderr } = ends.get(args) as Finished;
      expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
      expect(stderr).toMatch(message);
      expect(stderr.match(/^ +at /gm)?.length ?? 0).toBeLessThan(2); // a place, not a stack
    });
  });

  test("syntax errors and missing imports are the user's too", async () => {
    const results = await runEach([
      ["graph", userScript("syntax.ts", "export default program({{;\n")],
      ["graph", userScript("gone.mjs", 'export { default } from "./gone-file.mjs";\n')],
    ]);
    for (const { code, stderr } of results) {
      expect(code).toBe(2);
      expect(stderr).toMatch(/^error: .*(syntax\.ts|gone\.mjs) could not be loaded: /);
      expect(stderr).not.toMatch(/^ +at .*node_modules/m);
    }
  });
});

describe("explain", () => {
  test("as JSON", async () => {
    const { code, stdout } = await run("explain", mnist, "--dims", "batch=128", "--json");
    expect(code).toBe(0);
    const told = JSON.parse(stdout);
    expect(told.passes[0]).toEqual({
      name: "foldTransposes",
      ms: expect.any(Number),
      count: expect.any(Number),
      unit: "nodes",
    });
    expect(told.kernels.length).toBe(told.launches);
    for (const kernel of told.kernels) {
      expect(kernel).toEqual({
        layers: expect.any(Array),
        lines: expect.any(Array),
        nodes: expect.any(Array),
        step: expect.any(Number),
        name: expect.stringMatching(/^k\d+_/),
        times: 1,
        fuses: expect.arrayContaining([expect.stringMatching(/^(%\d+|[a-z]\w*): /)]),
        again: [],
        flops: expect.any(Number),
        bytes: expect.any(Number),
        schedule: expect.any(String),
      });
    }
    for (const name of ["peakBytes", "lowerBoundBytes", "withoutReuseBytes", "stateBytes", "inputBytes"]) {
      expect(told.memory[name]).toBeGreaterThan(0);
    }
    expect(told.updates).toContainEqual(expect.objectContaining({ state: "model.w1", stored: [], copied: null }));
  });

  test("what is computed again, and who asked for it", async () => {
    const checkpointed = ["explain", "examples/checkpoint.ts", "--dims", "batch=64"];
    const { stdout } = await run(...checkpointed, "--entry", "again");
    expect(stdout.match(/^ {7}\S+: .*contract .* {4}again$/gm)).toHaveLength(1);
    expect(stdout).toMatch(
      /\nComputed again\n {2}27 Mflop in the backward pass, 14% more work, .*\n {2}at .*checkpoint\.ts:\d+:\d+\n$/,
    );
    expect((await run(...checkpointed, "--entry", "kept")).stdout).not.toContain("again");
  });

  test("--skip leaves stages out", async () => {
    const explained = async (...skip: string[]): Promise<unknown> =>
      JSON.parse((await run("explain", mnist, "--dims", "batch=128", "--json", ...skip)).stdout);
    const [all, some] = [await explained(), await explained("--skip", "fuse,plan", "--skip", "order")];
    expect(all).toMatchObject({ launches: 7 });
    expect(some).toMatchObject({ passes: expect.not.arrayContaining([expect.objectContaining({ name: "fuse" })]) });
    expect(Number((some as { launches: number }).launches)).toBeGreaterThan(20);
  });

  test("why an update is not fused with its gradient, and why a state is copied", async () => {
    const [clipped, copied, wgsl, wasm] = await runEach([
      ["explain", "test/cli/scripts/clipped.ts"],
      ["explain", "test/cli/scripts/factors.ts"],
      ["explain", mnist, "--target", "wgsl", "--dims", "batch=128"],
      ["explain", mnist, "--target", "wasm", "--dims", "batch=128"],
    ]);
    expect(clipped.stdout).toMatch(
      /not fused with its gradient %\d+ \(k\d_contract\): the update also needs scale \(k\d_scale\)/,
    );
    expect(copied.stdout).toMatch(/model\.v <"b&> {2}in k\d_\w+, through a copy, as kernels that read/);
    expect(wgsl.stdout).toMatch(/^train, batch 128 on wgsl: \d launches, 0 copies\n/);
    expect(wasm.stdout).toMatch(/^train, batch 128 on wasm: \d launches, 0 copies\n/);
    expect(wasm.stdout).toMatch(
      / k0_hidden .* split j 16; .*stage right of acc into panel along columns; .*; spill acc over i_i$/m,
    );
  });
});

describe("compile", () => {
  test("writes WGSL with launch sizes", async () => {
    const out = join(folder, "wgsl");
    const { code, stdout } = await run("compile", mnist, "--target", "wgsl", "--dims", "batch=128", "-o", out);
    expect([code, stdout]).toEqual([0, expect.stringMatching(/: \d kernels, manifest\.json\n$/)]);
    const [entry] = JSON.parse(readFileSync(join(out, "manifest.json"), "utf8")).entries;
    expect(entry.sequence.map((step: { readonly launch: string }) => step.launch)).toEqual(
      entry.kernels.map(({ name }: { readonly name: string }) => name),
    );
    for (const { file, workgroupSize, workgroups } of entry.kernels) {
      expect(file).toMatch(/^[a-z0-9_]+\.wgsl$/);
      expect(readFileSync(join(out, file), "utf8")).toContain(`@workgroup_size(${workgroupSize})`);
      expect(workgroups.length).toBe(3);
    }
  });

  test("what the manifest says, done by hand, is what the executable does", async () => {
    const out = join(folder, "js");
    expect((await run("compile", "test/cli/scripts/factors.ts", "-o", out)).code).toBe(0);
    const x = Float32Array.from({ length: 30 }, (_, i) => Math.sin(i));
    const executable = await compile(factors, { target: "js", seed: 3 });
    const before = await executable.state.snapshot();
    const { loss } = await executable.run({ entry: "train", feeds: { x } });
    const found = await runByHand(out, "train", new Map([...before, ["x", x]]));
    expect(found("output loss")[0]).toBe(loss);
    for (const [name, values] of await executable.state.snapshot()) {
      expect([...found(`state ${name}`)]).toEqual([...values]);
    }
    executable.dispose();
  });

  test("the wasm modules, loaded as the example beside them does it, are what the executable runs", async () => {
    const out = join(folder, "wasm");
    const { code, stdout } = await run("compile", "test/cli/scripts/factors.ts", "--target", "wasm", "-o", out);
    expect([code, stdout]).toEqual([0, `${out}: 2 modules, example.mjs and manifest.json\n`]);
    const x = Float32Array.from({ length: 30 }, (_, i) => Math.sin(i));
    const executable = await compile(factors, { target: "wasm", threads: 1, precise: true, seed: 3 });
    const { load } = await import(pathToFileURL(join(out, "example.mjs")).href);
    const entries: ReadonlyMap<string, LoadedEntry> = await load();
    const [train, product] = [entries.get("train"), entries.get("product")];
    if (train === undefined || product === undefined) throw new Error("an entry is missing");
    for (const [name, values] of await executable.state.snapshot()) train.view(`state ${name}`).set(values);

    train.view("input x").set(x);
    expect(train.run()).toBe(0);
    const { loss } = await executable.run({ entry: "train", feeds: { x } });
    expect(train.view("output loss")[0]).toBe(loss);
    for (const [name, values] of await executable.state.snapshot()) {
      expect([...product.view(`state ${name}`)]).toEqual([...values]); // all entries share the states
    }

    product.run();
    const { made } = await executable.run({ entry: "product", feeds: {} });
    expect([...product.view("output made")]).toEqual([...(made as Float32Array)]);
    executable.dispose();
  });

  test("the wasm manifest is the module's memory, imports and exports; more than 4 GiB are refused", async () => {
    const out = join(folder, "wasm-mnist");
    const [done, large] = await runEach([
      ["compile", mnist, "--target", "wasm", "--dims", "batch=128", "-o", out],
      ["compile", mnist, "--target", "wasm", "--dims", "batch=2000000", "-o", join(folder, "none")],
    ]);
    expect(done.code).toBe(0);
    const [entry] = JSON.parse(readFileSync(join(out, "manifest.json"), "utf8")).entries;
    const module = await WebAssembly.compile(readFileSync(join(out, entry.file)));
    expect(
      WebAssembly.Module.exports(module)
        .map(({ name }) => name)
        .sort(),
    ).toEqual([...entry.exports].sort());
    const imports = WebAssembly.Module.imports(module).map(({ module: from, name }) => `${from}.${name}`);
    expect(imports.sort()).toEqual([...entry.imports].sort());
    expect(entry.exports.length).toBe(entry.sequence.length + 1);
    const { bases, panels, panelBytes, pages } = entry.memory;
    const spans = Object.entries(entry.segmentBytes).map(([name, bytes]) => [bases[name], bases[name] + bytes]);
    const sorted = [...spans, [panels, panels + panelBytes], [pages * 65536, 0]].sort(([a], [b]) => a - b);
    for (let i = 1; i < sorted.length; i++) expect(sorted[i - 1]?.[1]).toBeLessThanOrEqual(sorted[i]?.[0]);
    expect(large).toMatchObject({
      code: 2,
      stdout: "",
      stderr: expect.stringMatching(/needs \d+ bytes of WebAssembly/),
    });
  });
});

interface LoadedEntry {
  view(buffer: string): Float32Array;
  run(): number;
}

interface Buffer32 {
  readonly name: string;
  readonly segment: string;
  readonly offset: number;
  readonly count: number;
}

/** Runs an entry of a compiled folder with nothing but its files; all its buffers are f32. */
async function runByHand(folder: string, entry: string, values: ReadonlyMap<string, ArrayLike<number>>) {
  const manifest = JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8"));
  const { segmentBytes, buffers, kernels, sequence } = manifest.entries.find(
    (e: { readonly name: string }) => e.name === entry,
  );
  const segments = new Map(
    Object.entries(segmentBytes).map(([name, bytes]) => [name, new ArrayBuffer(bytes as number)]),
  );
  const view = (name: string): Float32Array => {
    const { segment, offset, count } = buffers.find((buffer: Buffer32) => buffer.name === name) as Buffer32;
    return new Float32Array(segments.get(segment) as ArrayBuffer, offset, count);
  };
  for (const { name } of buffers as readonly Buffer32[]) {
    const given = values.get(name.replace(/^(state|input) /, ""));
    if (given !== undefined) view(name).set(given);
  }
  for (const step of sequence) {
    if (step.copy !== undefined) view(step.copy.to).set(view(step.copy.from));
    else {
      const kernel = kernels.find(({ name }: { readonly name: string }) => name === step.launch);
      const module = await import(pathToFileURL(join(folder, kernel.file)).href);
      module[kernel.export](...step.bindings.map(({ buffer }: { readonly buffer: string }) => view(buffer)));
    }
  }
  return view;
}
