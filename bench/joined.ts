/**
 * `npm run bench:joined` (Node 24 or newer, x86-64 with AVX2): how much of the vector code of `wasm` the engine joins to vectors of
 * 256 bits, and what that saves.
 *
 * Of each workload: its time at 128 bits and at 256, in turns in one process, and of the arithmetic on vectors in the machine code
 * the share that runs in 256 bits, every operation counted once wherever it stands. A second process prints that code: V8's
 * disassembler writes to stdout.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { adam, add, dropout, exp, max, mul, type Program, param, program, rmsprop, type Shape, slot, sub, sum, type Tensor, tanh, zeros } from "tensorloom"; // biome-ignore format: names
import { importNames } from "../codegen/wasm/abi.ts";
import { compileOn } from "../src/compile.ts";
import { wasmTarget } from "../src/eager-targets.ts";
import type { Artifact } from "../src/program/artifact.ts";
import { findJoining } from "../src/runtime/wasm/code.ts";
import type { TargetSetup } from "../src/target-setup.ts";
import { netProgram } from "./net-program.ts";
import { type NetName, netWorkload } from "./nets.ts";
import { table } from "./print.ts";
import { formulaOf, formulaProgram, stepProgram } from "./programs.ts";
import { network, type Workload } from "./workloads.ts";

const { values: flags } = parseArgs({
  options: { only: { type: "string", default: "" }, code: { type: "string" }, turns: { type: "string", default: "9" } },
});

interface Case {
  readonly name: string;
  readonly program: Program;
  readonly batch?: number;
}

type Floats = Tensor<Shape, "f32">;

/** 256 KiB: what a cache holds. */
const count = 2 ** 16;

const formula = (workload: Workload): Program => {
  const of = formulaOf(workload);
  if (of === undefined) throw new Error(`${workload.kind} is no formula`);
  return formulaProgram(of) as unknown as Program;
};
const map = (z: (x: Floats) => Tensor): Program =>
  formulaProgram({ operands: { x: [count] }, z: ({ x }) => z(x as Floats) }) as unknown as Program;
const rows = (z: (x: Floats) => Tensor): Program =>
  formulaProgram({ operands: { x: [128, 512] }, z: ({ x }) => z(x as Floats) }) as unknown as Program;

function update(optimizer: ReturnType<typeof adam> | ReturnType<typeof rmsprop>): Program {
  const model = { w: param(zeros(count)) };
  return program({
    state: { model, opt: optimizer.slots(model), g: slot(zeros(count)) },
    entries: {
      go: (_: unknown, { model: now, opt, g }) => ({
        next: optimizer.update({ model: now, slots: opt, gradients: { w: g } as never }),
      }),
    },
  }) as unknown as Program;
}

const net = (name: NetName, batch: number): Case => ({
  name: `${name}, batch ${batch}`,
  program: netProgram(netWorkload(name, batch)) as unknown as Program,
  batch,
});

const cases: readonly Case[] = [
  { name: "map x + y", program: formula({ kind: "map", map: "add", count }) },
  { name: "map lerp", program: formula({ kind: "map", map: "lerp", count }) },
  { name: "map exp", program: map((x) => exp(x)) },
  { name: "map tanh", program: map((x) => tanh(x)) },
  { name: "dropout", program: map((x) => dropout(x, 0.5)) },
  { name: "softmax of rows", program: formula({ kind: "softmax", rows: 128, columns: 512 }) },
  { name: "layer norm of rows", program: formula({ kind: "layerNorm", rows: 128, columns: 512 }) },
  { name: "sums of rows", program: rows((x) => sum(x, { axis: 1 })) },
  { name: "largest of rows", program: rows((x) => max(x, { axis: 1 })) },
  { name: "sums of columns", program: rows((x) => sum(x, { axis: 0 })) },
  { name: "squares of rows", program: rows((x) => sum(mul(sub(x, 1), add(x, 1)), { axis: 1 })) },
  { name: "update, RMSprop", program: update(rmsprop()) },
  { name: "update, Adam", program: update(adam()) },
  { name: "step, RMSprop 128", program: stepProgram("rmsprop") as unknown as Program, batch: 128 },
  net("c5", 32),
  net("lstm", 32),
  net("block", 2),
];

/** The modules that a target prints. */
function watched(target: TargetSetup, modules: Uint8Array[]): TargetSetup {
  return {
    ...target,
    printer() {
      const print = target.printer();
      return (sequence, addresses, crew): Artifact => {
        const artifact = print(sequence, addresses, crew);
        modules.push((artifact as Artifact & { readonly module: Uint8Array }).module);
        return artifact;
      };
    },
  };
}

interface Compiled {
  readonly modules: readonly Uint8Array[];
  readonly compileMs: number;
  step(): void;
  dispose(): void;
}

async function compiled({ program: of, batch }: Case, vectors: 128 | 256): Promise<Compiled> {
  const modules: Uint8Array[] = [];
  const target = watched(wasmTarget({ threads: 1, vectors }), modules);
  const executable = await compileOn(of, target, batch === undefined ? {} : { dims: { batch } });
  const feeds =
    batch === undefined
      ? {}
      : {
          image: Float32Array.from({ length: batch * network.inputs }, (_, i) => ((i * 7919) % 1009) / 1009),
          label: Int32Array.from({ length: batch }, (_, i) => i % network.classes),
        };
  const call = (executable as unknown as Readonly<Record<string, (feeds: unknown) => unknown>>)[
    batch === undefined ? "go" : "train"
  ];
  if (call === undefined) throw new Error("there is no such entry");
  return {
    modules,
    compileMs: executable.report.compileMs,
    step: () => void call(feeds),
    dispose: () => executable.dispose(),
  };
}

function timeOf({ step }: Compiled, calls: number): number {
  const started = performance.now();
  for (let i = 0; i < calls; i++) step();
  return (performance.now() - started) / calls;
}

/** Of one call: the least of some turns. */
function times(of: readonly Compiled[]): readonly number[] {
  const calls = of.map((one) => {
    for (let i = 0; i < 20; i++) one.step();
    return Math.max(1, Math.ceil(10 / timeOf(one, 5)));
  });
  const least = of.map(() => Number.POSITIVE_INFINITY);
  for (let turn = 0; turn < Number(flags.turns); turn++) {
    for (const [i, one] of of.entries()) least[i] = Math.min(least[i] ?? 0, timeOf(one, calls[i] ?? 1));
  }
  return least;
}

/** Of the process that prints: src/runtime/wasm/code.ts sets the first two while it asks V8 to optimize what a module exports. */
const printing = ["--experimental-wasm-revectorize", "--allow-natives-syntax", "--print-wasm-code"];

/** The machine code of what a module exports, as V8 prints it. */
function codeOf(module: Uint8Array): string {
  const folder = mkdtempSync(join(tmpdir(), "joined-"));
  try {
    const file = join(folder, "module.wasm");
    writeFileSync(file, module);
    const { module: from, memory, mod } = importNames;
    const script = `
      const module = new WebAssembly.Module(require("node:fs").readFileSync(${JSON.stringify(file)}));
      const ${from} = { ${memory}: new WebAssembly.Memory({ initial: 1 }), ${mod}() {} };
      for (const f of Object.values(new WebAssembly.Instance(module, { ${from} }).exports)) %WasmTierUpFunction(f);`;
    const printed = spawnSync(process.execPath, [...printing, "-e", script], {
      encoding: "utf8",
      maxBuffer: 2 ** 30,
      env: { PATH: process.env.PATH },
    });
    if (printed.status !== 0) throw new Error(`V8 printed no code: ${printed.stderr}`);
    return printed.stdout;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Arithmetic on whole vectors: no moves, and nothing of one number. */
const arithmetic =
  /\sv(?!mov|pinsr|pextr|extract|insert|broadcast|pbroadcast|ucomi|comi|zero)\w*?(?<!ss|sd)\s(?<operands>[xy]mm.*)$/;

interface Operations {
  readonly wide: number;
  readonly narrow: number;
}

function operationsIn(code: string): Operations {
  let [wide, narrow] = [0, 0];
  for (const line of code.split("\n")) {
    const operands = arithmetic.exec(line)?.groups?.operands;
    if (operands === undefined) continue;
    if (operands.includes("ymm")) wide += 2;
    else narrow += 1;
  }
  return { wide, narrow };
}

const lack = findJoining(256, true).lack;
if (lack !== null) {
  console.error(`Nothing is joined here: ${lack}.`);
  process.exit(1);
}

const shown = (ms: number): string => (ms < 0.1 ? `${(1000 * ms).toFixed(1)} us` : `${ms.toFixed(3)} ms`);
const body: string[][] = [];
for (const one of cases.filter(({ name }) => name.includes(flags.only))) {
  const both = [await compiled(one, 128), await compiled(one, 256)];
  const [narrowMs = 0, wideMs = 0] = times(both);
  const code = (both[1]?.modules ?? []).map(codeOf).join("\n");
  if (flags.code !== undefined) writeFileSync(flags.code, code);
  const { wide, narrow } = operationsIn(code);
  const share = `${((100 * wide) / Math.max(1, wide + narrow)).toFixed(0)}% of ${wide + narrow}`;
  const bytes = both.map(({ modules }) => modules.reduce((all, { length }) => all + length, 0));
  body.push([
    one.name,
    shown(narrowMs),
    shown(wideMs),
    (narrowMs / wideMs).toFixed(2),
    share,
    bytes.join(" / "),
    both.map(({ compileMs }) => compileMs.toFixed(0)).join(" / "),
  ]);
  for (const each of both) each.dispose();
}
console.log(
  table(["one thread", "128 bits", "256 bits", "times", "joined operations", "bytes of wasm", "compile ms"], body),
);
