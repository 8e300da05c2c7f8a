/**
 * The contractions of the MNIST step on the `js` target: `npx tsx bench/js-contraction.ts`.
 *
 * Each generated kernel runs against plain i-j-k loops and against a 4x4 block in doubles written by hand, all in turns
 * within one process, so that the ratios hold where the clock does not. The best of many runs counts. Also printed: the
 * generated kernel in other block sizes, which is where the numbers of codegen/js/policy.ts come from (`--shapes`).
 */
import { factoryText } from "../codegen/js/artifact.ts";
import { jsMoves } from "../codegen/js/moves/all.ts";
import { jsBlocks, jsPolicy } from "../codegen/js/policy.ts";
import { JsPrinter } from "../codegen/js/print.ts";
import { scheduleKernel } from "../passes/schedule/schedule.ts";
import type { Index, Kernel, LoopVar } from "../src/kernel/kernel.ts";
import {
  apply,
  assign,
  constant,
  convert,
  forLoop,
  letValue,
  load,
  loopIndex,
  name,
  store,
  sumIndex,
  variable,
} from "../test/kernel-pool.ts";
import { blockByHand, type StridedContraction } from "./hand-written-js.ts";

interface Contraction extends StridedContraction {
  readonly title: string;
}

const contractions: readonly Contraction[] = [
  { title: "x . W1", m: 128, k: 784, n: 512, a: { i: 784, k: 1 }, b: { k: 512, j: 1 } },
  { title: "x^T . dh", m: 784, k: 128, n: 512, a: { i: 1, k: 784 }, b: { k: 512, j: 1 } },
  { title: "dz . W2^T", m: 128, k: 10, n: 512, a: { i: 10, k: 1 }, b: { k: 1, j: 10 } },
  { title: "h . W2", m: 128, k: 512, n: 10, a: { i: 512, k: 1 }, b: { k: 10, j: 1 } },
];

type Run = (a: Float32Array, b: Float32Array, out: Float32Array) => void;

function contraction({ m, k, n, a, b }: Contraction): Kernel {
  const loop = (loopName: string, extent: number): LoopVar => ({ name: loopName, extent });
  const [i, j, kk] = [loop("i", m), loop("j", n), loop("k", k)];
  const at = (...terms: readonly (readonly [LoopVar, number])[]): Index =>
    sumIndex(terms.map(([of, factor]) => ({ factor, index: loopIndex(of) })));
  const product = apply(
    "mul",
    convert("f64", load("f32", "a", at([i, a.i], [kk, a.k]))),
    convert("f64", load("f32", "b", at([kk, b.k], [j, b.j]))),
  );
  const body = [
    variable("acc", constant("f64", 0)),
    forLoop(kk, [assign("acc", apply("add", name("f64", "acc"), product))]),
    letValue("v", convert("f32", name("f64", "acc"))),
    store("out", at([i, n], [j, 1]), name("f32", "v")),
  ];
  return {
    name: "k0_contraction",
    buffers: [
      { name: "a", element: "f32", count: m * k, role: "read" },
      { name: "b", element: "f32", count: k * n, role: "read" },
      { name: "out", element: "f32", count: m * n, role: "write" },
    ],
    shared: [],
    nests: [{ loops: [i, j].map((one) => ({ loop: one, mark: "parallel" as const })), prelude: [], body }],
    flops: 2 * m * k * n,
    bytes: 4 * (m * k + k * n + m * n),
    iterations: [],
    schedule: [],
  };
}

function compiled(kernel: Kernel): Run {
  const [run] = new Function(factoryText(new JsPrinter().print([kernel])))() as readonly Run[];
  if (run === undefined) throw new Error("no kernel");
  return run;
}

// ---- the competitors -----------------------------------------------------------------------------------------------

/** Three loops, as one would write them. Strides are spelled out, so the engine knows as much as in our text. */
function plain({ m, k, n, a, b }: Contraction): Run {
  return new Function(
    "a",
    "b",
    "out",
    `for (let i = 0; i < ${m}; i++) {
      for (let j = 0; j < ${n}; j++) {
        let sum = 0;
        for (let k = 0; k < ${k}; k++) sum += a[i * ${a.i} + k * ${a.k}] * b[k * ${b.k} + j * ${b.j}];
        out[i * ${n} + j] = sum;
      }
    }`,
  ) as Run;
}

// ---- measuring -----------------------------------------------------------------------------------------------------

/** GFLOP/s of each, the best of all rounds. */
function measure(of: Contraction, runs: ReadonlyMap<string, Run>): ReadonlyMap<string, number> {
  const random = (count: number): Float32Array =>
    new Float32Array(count).map((_, i) => ((i * 7919) % 1009) / 1009 - 0.5);
  const [a, b] = [random(of.m * of.k), random(of.k * of.n)];
  const flops = 2 * of.m * of.k * of.n;
  const times = Math.max(1, Math.round(2e8 / flops));
  const best = new Map<string, number>();
  const results = new Set<string>();
  for (let round = 0; round < 12; round++) {
    for (const [title, run] of runs) {
      const out = new Float32Array(of.m * of.n);
      const before = performance.now();
      for (let n = 0; n < times; n++) run(a, b, out);
      const speed = (flops * times) / (performance.now() - before) / 1e6;
      best.set(title, Math.max(best.get(title) ?? 0, speed));
      if (round === 0) results.add(Buffer.from(out.buffer).toString("latin1"));
    }
  }
  if (results.size !== 1) throw new Error(`${of.title}: the results differ`);
  return best;
}

for (const of of contractions) {
  const kernel = contraction(of);
  const runs = new Map<string, Run>([
    ["plain", plain(of)],
    ["hand", blockByHand(of)],
    ["ours", compiled(scheduleKernel(kernel, { policy: jsPolicy(), ownMoves: jsMoves }))],
    ["unscheduled", compiled(kernel)],
  ]);
  if (process.argv.includes("--shapes")) {
    for (const shape of ["1x4", "2x2", "2x4", "4x2", "3x3", "3x4", "4x3", "4x4", "8x2", "2x8", "8x1"]) {
      const [outer = 1, inner = 1] = shape.split("x").map(Number);
      runs.set(
        shape,
        compiled(scheduleKernel(kernel, { policy: jsPolicy({ ...jsBlocks, outer, inner }), ownMoves: jsMoves })),
      );
    }
  }
  const speeds = measure(of, runs);
  const speed = (title: string): number => speeds.get(title) ?? 0;
  const ratio = (title: string): string => (speed("ours") / speed(title)).toFixed(2);
  console.log(
    `${of.title} (${of.m}x${of.k}x${of.n}): ${[...speeds].map(([t, s]) => `${t} ${s.toFixed(2)}`).join(", ")}`,
  );
  console.log(`  ours / plain ${ratio("plain")}, ours / hand-written 4x4 ${ratio("hand")}`);
}
if (process.argv.includes("--source"))
  console.log(
    contractions.map((of) =>
      factoryText(new JsPrinter().print([scheduleKernel(contraction(of), { policy: jsPolicy(), ownMoves: jsMoves })])),
    )[0],
  );
