/** tensorloom on the adapter that Dawn finds, of whichever checkout the bundle is made: `node own.mjs DATA`. */
import { compile } from "tensorloom";
import { nodeGpu } from "tensorloom/node";
import { bytesOf } from "../data.ts";
import { network } from "../workloads.ts";
import { checkedSteps, operandArrays, probe, stepNumbers } from "./numbers.ts";
import { arrayProgram, fedStepProgram, mainTrainer, residentStepProgram, waitingState } from "./programs.ts";
import type { ArrayWorkload, EpochWorkload, GpuWorkload, ProductWorkload, StepsWorkload } from "./rows.ts";
import { type Data, type GpuSystem, type Prepared, serveGpu } from "./serve.ts";

const [folder = ""] = process.argv.slice(2);

type NodeGpu = (options?: { readonly precision: "mixed" }) => ReturnType<typeof nodeGpu>;

class Own implements GpuSystem {
  #last: { dispose(): void } | undefined;

  async prepare(workload: GpuWorkload, data: Data): Promise<Prepared | string> {
    this.#last?.dispose();
    this.#last = undefined;
    switch (workload.kind) {
      case "steps":
        return this.#steps(workload, data);
      case "product":
      case "array":
        return this.#array(workload, data);
      case "epoch":
        return this.#epoch(workload, data);
      default:
        return "not a row";
    }
  }

  async #steps(workload: StepsWorkload, { folder }: Data): Promise<Prepared> {
    const isResident = workload.data === "resident";
    const options = await onGpu();
    const executable = isResident
      ? await compile(residentStepProgram(workload), options)
      : await compile(fedStepProgram(workload), options);
    this.#last = executable;
    const { w1, w2, batch } = stepNumbers(folder, workload);
    executable.state.write("model.0.w", w1);
    executable.state.write("model.1.w", w2);
    if (isResident) {
      const { image, label } = batch(0);
      executable.state.write("image", image);
      executable.state.write("label", label);
    }
    let taken = 0;
    // Untyped: states or inputs, one or the other.
    const untyped = executable as unknown as {
      run(request: object): Promise<{ readonly loss: Float32Array | number }>;
      train(feeds: object): void;
      read(name: string): Promise<number>;
    };
    const many = async (steps: number): Promise<Float32Array | number> => {
      const first = taken;
      taken += steps;
      const feeds = isResident ? {} : { feeds: (step: number) => batch(first + step) };
      return (await untyped.run({ entry: "train", steps, ...feeds })).loss;
    };
    return {
      async run() {
        if (!workload.reads) return void (await many(workload.calls));
        for (let i = 0; i < workload.calls; i++) {
          untyped.train(batch(taken++));
          await untyped.read("loss");
        }
      },
      check: async () => Array.from((await many(checkedSteps)) as Float32Array),
    };
  }

  async #array(workload: ProductWorkload | ArrayWorkload, { numbers }: Data): Promise<Prepared | string> {
    const isMixed = workload.kind === "product" && workload.precision === "mixed";
    const options = await (isMixed ? mixedGpu() : onGpu());
    if (typeof options === "string") return options;
    let executable: Awaited<ReturnType<typeof compileArray>>;
    try {
      executable = await compileArray(workload, options);
    } catch (error) {
      if (!isMixed) throw error;
      return reasonOf(error);
    }
    this.#last = executable;
    for (const { name, values } of operandArrays(workload, numbers)) executable.state.write(name, values);
    const run = async (calls: number): Promise<void> => {
      for (let i = 0; i < calls; i++) executable.go();
      await executable.state.read(waitingState);
    };
    return {
      run: () => run(workload.calls),
      async check() {
        await run(1);
        const z = await executable.read("z");
        return probe(typeof z === "number" ? [z] : (z as Float32Array));
      },
    };
  }

  async #epoch({ images: count, batch }: EpochWorkload, { folder }: Data): Promise<Prepared> {
    const net = mainTrainer();
    await net.compile({ ...(await onGpu()), batch });
    this.#last = net;
    const x = bytesOf(folder, "epoch-images.u8").subarray(0, count * network.inputs);
    const y = bytesOf(folder, "epoch-labels.u8").subarray(0, count);
    return {
      run: async () => void (await net.fit({ x, y, scale: 1 / 255, epochs: 1 })),
      check: async () => [], // each system draws an order of its own
    };
  }
}

function compileArray(workload: ProductWorkload | ArrayWorkload, options: object) {
  return compile(arrayProgram(workload), options);
}

async function onGpu() {
  return { target: "wgsl", gpu: await nodeGpu() } as const;
}

/** Options for products of f16 operands with f32 sums, or why there are none. */
async function mixedGpu(): Promise<object | string> {
  try {
    const gpu = await (nodeGpu as NodeGpu)({ precision: "mixed" });
    return { target: "wgsl", gpu, precision: "mixed" };
  } catch (error) {
    return reasonOf(error);
  }
}

function reasonOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split("\n")[0] ?? "";
}

await serveGpu(folder, async () => new Own());
