/**
 * The exported training step on XLA beside jax.jit of the same step by hand, in one process and in turns: `npm run bench:exported`.
 * JAX_PYTHON names a Python with jax.
 *
 * Both are one program with donated states, so 1.0 is expected: XLA fuses alike what is written alike.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { median } from "../src/core/median.ts";
import {
  add,
  f32,
  glorotUniform,
  grad,
  i32,
  matmul,
  mean,
  param,
  program,
  relu,
  rmsprop,
  softmaxCrossEntropy,
  zeros,
} from "../src/index.ts";
import { encodeCheckpoint, fingerprintOf } from "../src/io/checkpoint.ts";
import { startValuesOf } from "../src/runtime/start-values.ts";
import { stableHloFolder } from "../src/tools/cli/stablehlo-folder.ts";

interface Measured {
  readonly jax: string;
  readonly losses: readonly [number, number];
  readonly ms: { readonly exported: readonly number[]; readonly "by hand": readonly number[] };
}

/** What the script beside it writes for JAX: the loss is its only output. */
const opt = rmsprop();
const weights = {
  w1: param(glorotUniform(784, 512)),
  b1: param(zeros(512)),
  w2: param(glorotUniform(512, 10)),
  b2: param(zeros(10)),
};
const step = program({
  inputs: { image: f32("batch", 784), label: i32("batch") },
  state: { model: weights, opt: opt.slots(weights) },
  entries: {
    train({ image, label }, { model, opt: slots }) {
      const hidden = relu(add(matmul(image, model.w1), model.b1));
      const loss = mean(softmaxCrossEntropy(add(matmul(hidden, model.w2), model.b2), label));
      return { outputs: { loss }, next: opt.update({ model, slots, gradients: grad(loss, model) }) };
    },
  },
});

const rounds = Number(process.argv[2] ?? 40);
const folder = mkdtempSync(join(tmpdir(), "tensorloom-exported-"));
try {
  const state = encodeCheckpoint({ fingerprint: fingerprintOf(step), state: startValuesOf(step.states, 1), seed: 1 });
  for (const [name, content] of stableHloFolder(step, state, { dims: { batch: 128 } }))
    writeFileSync(join(folder, name), content);
  const script = fileURLToPath(new URL("./interop/exported_step.py", import.meta.url));
  const { status, stdout, stderr } = spawnSync(process.env.JAX_PYTHON ?? "python3", [script, folder, String(rounds)], {
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(stderr);
  const { jax, losses, ms } = JSON.parse(stdout.trim().split("\n").at(-1) ?? "") as Measured;
  const [ours, theirs] = [median(ms.exported), median(ms["by hand"])];
  console.log(`jax ${jax}; loss after 10 steps: exported ${losses[0]}, by hand ${losses[1]}`);
  console.log(
    `exported ${ours.toFixed(3)} ms, by hand ${theirs.toFixed(3)} ms: ${(ours / theirs).toFixed(3)} of it (at most 1.05)`,
  );
} finally {
  rmSync(folder, { recursive: true, force: true });
}
