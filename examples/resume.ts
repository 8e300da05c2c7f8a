/**
 * Training that survives being killed: a run saves itself after every step, is killed in the middle of its second epoch, and
 * goes on in another process to the very losses that an unbroken run has, with dropout, momentum and shuffling.
 *
 *   npx tsx src/tools/cli/main.ts run examples/resume.ts
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { dense, dropout, sequential, sgd, trainer } from "tensorloom";
import { loadTrainer, saveTrainer } from "tensorloom/node";

/** Points in the plane; which of four rings one lies in. */
const count = 500;
const x = Float32Array.from({ length: 2 * count }, (_, i) => Math.sin(i * i));
const y = Uint8Array.from({ length: count }, (_, i) =>
  Math.min(3, Math.floor(3 * Math.hypot(x[2 * i] ?? 0, x[2 * i + 1] ?? 0))),
);

const rings = () =>
  trainer(sequential([dense(32, { activation: "relu" }), dropout(0.2), dense(4, { activation: "softmax" })]), {
    input: [2],
    loss: "softmaxCrossEntropy",
    optimizer: sgd({ learningRate: 0.1, momentum: 0.9 }),
  });
export default rings();

/** Trains; with a file it saves there and goes on from there, and `killAt` ends the process without warning. */
async function run(file: string | null, killAt = 0): Promise<readonly number[]> {
  const net = rings();
  await net.compile({ target: "js", seed: 7, batch: 64 });
  if (file !== null && existsSync(file)) await loadTrainer(file, net);
  let steps = 0;
  const { epochs } = await net.fit({
    x,
    y,
    epochs: 4,
    callbacks: [
      {
        async onBatchEnd() {
          if (file !== null) await saveTrainer(file, net);
          if (++steps === killAt) process.kill(process.pid, "SIGKILL");
        },
      },
    ],
  });
  return epochs.map(({ loss }) => loss);
}

/** Without arguments the whole story; with a file the run that is killed, after 11 steps of 8 an epoch. */
export async function main([child]: readonly string[]): Promise<void> {
  if (child !== undefined) {
    await run(child, 11);
    return;
  }
  const folder = mkdtempSync(join(tmpdir(), "tensorloom-resume-"));
  const file = join(folder, "run.safetensors");
  const program = `import { main } from "${import.meta.url}"; await main([${JSON.stringify(file)}]);`;
  const flags = ["--import", "tsx", "--input-type=module", "--eval", program];
  const { signal, status } = spawnSync(process.execPath, flags, { stdio: "inherit" });
  console.log(`A run was killed (${signal ?? `exit code ${status}`}) in epoch 2, after 3 of 8 steps.`);
  const resumed = await run(file);
  const unbroken = await run(null);
  console.log(`Resumed, epochs 2 to 4:  ${resumed.join("  ")}`);
  console.log(`Unbroken, epochs 2 to 4: ${unbroken.slice(1).join("  ")}`);
  const isEqual = resumed.length === 3 && resumed.every((loss, i) => loss === unbroken[i + 1]);
  console.log(isEqual ? "The losses are equal, to the last bit." : "The losses differ.");
  rmSync(folder, { recursive: true });
  process.exitCode = isEqual ? 0 : 1;
}
