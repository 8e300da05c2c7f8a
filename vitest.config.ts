/**
 * Three sizes of a test run: `npm test`, `npm run test:quick` (--mode quick: without the files below that take seconds) and
 * `npm run test:all` (--mode all: every random case that is recorded or counted, see test/effort.ts).
 */
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";
import { workerFlags } from "./test/worker-flags.ts";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** Files that take seconds, the longest first: they start first, so that two workers end together. */
const slow = [
  "test/gpu/gpu.test.ts",
  "test/unit/workloads.test.ts",
  "test/property/random-programs.test.ts",
  "test/property/random-kernels.test.ts",
  "test/foreign/foreign.test.ts",
  "test/unit/schemas.test.ts",
  "test/unit/declarations.test.ts",
  "test/unit/package.test.ts",
  "test/unit/ops-targets.test.ts",
  "test/unit/examples.test.ts",
  "test/browser/targets.test.ts",
  "test/browser/standalone.test.ts",
  "test/browser/training-page.test.ts",
  "test/browser/explorer.test.ts",
  "test/unit/c-target.test.ts",
  "test/unit/standalone.test.ts",
  "test/unit/main-job.test.ts",
  "test/unit/gpu-bench.test.ts",
  "test/unit/seeded-defects.test.ts",
  "test/unit/tuning.test.ts",
  "test/unit/from-worker.test.ts",
  "test/unit/trainer-data.test.ts",
  "test/unit/keras-callbacks.test.ts",
  "test/unit/batch.test.ts",
  "test/unit/atomic-save.test.ts",
  "test/unit/wasm/crash.test.ts",
  "test/unit/mnist-step.test.ts",
  "test/property/buffers.test.ts",
  "test/unit/pictures.test.ts",
  "test/cli/graph.test.ts",
  "test/unit/origins-of-kernels.test.ts",
  "test/unit/no-allocation.test.ts",
  "test/cli/run.test.ts",
  "test/cli/standalone.test.ts",
  "test/unit/maths/accuracy.test.ts",
  "test/unit/short.test.ts",
  "test/unit/resume.test.ts",
  "test/unit/long-sums.test.ts",
  "test/unit/new-target.test.ts",
  "test/unit/loop-programs.test.ts",
  "test/unit/fuse.test.ts",
  "test/unit/wasm/programs.test.ts",
  "test/unit/wasm/threads.test.ts",
  "test/property/cli.test.ts",
  "test/unit/trainer-saved.test.ts",
  "test/unit/odd-sizes.test.ts",
  "test/property/safetensors.test.ts",
  "test/unit/call-order.test.ts",
  "test/unit/digits.test.ts",
  "test/unit/mnist.test.ts",
  "test/unit/wasm/kernels.test.ts",
  "test/property/prepared-windows.test.ts",
  "test/unit/torch-conv.test.ts",
  "test/unit/array-kinds.test.ts",
  "test/unit/sort.test.ts",
  "test/unit/checkpoint-gradient.test.ts",
  "test/unit/wasm/encoder-instructions.test.ts",
  "test/unit/difficult-programs.test.ts",
  "test/unit/loop-sequences.test.ts",
  "test/unit/keras-recurrent-layers.test.ts",
  "test/unit/wrong-calls.test.ts",
  "test/unit/derivatives.test.ts",
  "test/property/lifetimes.test.ts",
  "test/unit/js-values.test.ts",
  "test/unit/short-training.test.ts",
  "test/unit/trainer-recompile.test.ts",
  "test/unit/wgsl-schedule.test.ts",
  "test/unit/weights.test.ts",
  "test/unit/keras-training.test.ts",
  "test/unit/inner.test.ts",
  "test/unit/wasm/colliding.test.ts",
  "test/unit/convolution-plan.test.ts",
];

/** Tests of what is exported are left out where no Python is named that has the engine. */
const otherEngines = [
  ...(process.env.JAX_PYTHON === undefined ? ["test/interop/xla*.test.ts"] : []),
  ...(process.env.ONNX_PYTHON === undefined ? ["test/interop/onnx*.test.ts"] : []),
];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification): number => {
      const at = slow.findIndex((file) => moduleId.endsWith(`/${file}`));
      return at < 0 ? slow.length : at;
    };
    return (await super.sort(files)).toSorted((a, b) => rank(a) - rank(b));
  }
}

export default defineConfig(({ mode }) => ({
  resolve: {
    alias: [
      { find: /^tensorloom\/node$/, replacement: here("./src/node.ts") },
      { find: /^tensorloom$/, replacement: here("./src/index.ts") },
    ],
  },
  test: {
    include: ["test/**/*.test.ts"],
    exclude: [...(mode === "quick" ? slow : []), ...otherEngines],
    // What somebody has measured on this machine is not to be tested.
    env: { TENSORLOOM_CACHE: "off", ...(mode === "all" ? { TEST_EFFORT: "1" } : {}) },
    testTimeout: 90_000,
    hookTimeout: 120_000,
    maxWorkers: 2,
    execArgv: [...workerFlags],
    isolate: false, // nothing here is global, so files of one worker share what they import: a third of the time of a quick run
    sequence: { sequencer: LongestFirst },
    globalSetup: "test/built.ts",
    setupFiles: "test/seed.ts",
  },
}));
