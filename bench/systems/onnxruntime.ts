/**
 * ONNX Runtime: `node onnxruntime.mjs DATA node 2`, `... web 2`. The whole step is one graph, see onnx-step.ts.
 */
import { momentsOf, onnxFormula, onnxStep, parameters } from "../onnx-step.ts";
import { type System, serve } from "../protocol.ts";
import { network } from "../workloads.ts";

interface Tensor {
  readonly data: Float32Array;
}
type Values = Readonly<Record<string, Tensor>>;
interface Session {
  run(feeds: Values): Promise<Values>;
  release(): Promise<void>;
}
interface Ort {
  readonly env: { readonly wasm: { numThreads: number } };
  readonly Tensor: new (type: "float32" | "int32", data: Float32Array | Int32Array, dims: readonly number[]) => Tensor;
  readonly InferenceSession: {
    create(model: Uint8Array, options: Readonly<Record<string, unknown>>): Promise<Session>;
  };
}
interface OnnxProto {
  readonly onnx: {
    readonly ModelProto: {
      fromObject(model: object): unknown;
      encode(model: unknown): { finish(): Uint8Array };
    };
  };
}

const [folder = "", kind = "node", threads = "1"] = process.argv.slice(2);

async function create(): Promise<System> {
  const ort = await load();
  const proto = withDefault<OnnxProto>(await import("onnx-proto" as string));
  let last: Session | undefined;
  const session = async (model: object): Promise<Session> => {
    const { ModelProto } = proto.onnx;
    const options =
      kind === "web" ? { executionProviders: ["wasm"] } : { intraOpNumThreads: Number(threads), interOpNumThreads: 1 };
    await last?.release();
    last = await ort.InferenceSession.create(ModelProto.encode(ModelProto.fromObject(model)).finish(), options);
    return last;
  };
  const floats = (values: Float32Array, dims: readonly number[]): Tensor => new ort.Tensor("float32", values, dims);

  return {
    async step({ batch, optimizer }, weights) {
      const run = await session(onnxStep(batch, optimizer));
      let state: Values = {};
      for (const [name, shape] of Object.entries(parameters)) {
        const count = shape.reduce((product, size) => product * size, 1);
        const start = name === "w1" || name === "w2" ? weights[name] : new Float32Array(count);
        state = { ...state, [name]: floats(start, shape) };
        for (const moment of momentsOf(optimizer, name)) {
          state = { ...state, [moment]: floats(new Float32Array(count), shape) };
        }
      }
      let count = 0;
      return {
        async step(image, label) {
          count += 1;
          const fed: Values = {
            ...state,
            image: floats(image, [batch, network.inputs]),
            label: new ort.Tensor("int32", label, [batch]),
            ...(optimizer === "adam" ? { t: floats(Float32Array.of(count), []) } : {}),
          };
          const { loss, ...next } = await run.run(fed);
          state = Object.fromEntries(Object.entries(next).map(([name, value]) => [name.replace("next_", ""), value]));
          return loss?.data[0] ?? Number.NaN;
        },
      };
    },

    async other(workload, numbers) {
      const formula = onnxFormula(workload);
      if (formula === undefined) return undefined;
      const run = await session(formula.model);
      const { shape, operands, calls } = formula;
      const size = shape[0] * shape[1];
      const feeds = Object.fromEntries(
        operands.map((name, i) => [name, floats(numbers.slice(i * size, (i + 1) * size), shape)]),
      );
      let result: Values = {};
      return {
        async run() {
          for (let i = 0; i < calls; i++) result = await run.run(feeds);
        },
        result: () => result.z?.data ?? [],
      };
    },
  };
}

async function load(): Promise<Ort> {
  const ort = withDefault<Ort>(await import((kind === "web" ? "onnxruntime-web" : "onnxruntime-node") as string));
  if (kind === "web") ort.env.wasm.numThreads = Number(threads);
  return ort;
}

/** CommonJS packages come as their default export, ES modules as themselves. */
function withDefault<T>(module: unknown): T {
  const { default: inner } = module as { readonly default?: T };
  return inner ?? (module as T);
}

await serve(folder, create);
