/** onnxruntime as a referee: a Python process that runs what we export. ONNX_PYTHON names the interpreter. */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { OnnxModel } from "../../codegen/onnx/model.ts";
import { modelFile } from "../../codegen/onnx/proto.ts";
import { decoded, encoded, type Named, type Told } from "./told.ts";

export const onnxPython = process.env.ONNX_PYTHON ?? "python3";

export class OnnxRuntime {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #answers: AsyncIterator<string>;
  #loaded: OnnxModel | undefined;

  constructor() {
    const script = fileURLToPath(new URL("./onnx_service.py", import.meta.url));
    this.#child = spawn(onnxPython, [script]);
    this.#child.stderr.on("data", () => undefined);
    this.#answers = createInterface(this.#child.stdout)[Symbol.asyncIterator]();
  }

  /** Runs a model once: outputs by their names in the graph. It is loaded anew where it is not the last. */
  async run(model: OnnxModel, given: Named, mostInside?: number): Promise<Named> {
    const inputs = model.inputs.map((place) => [place.as, encoded(place, given.get(place.name) ?? [])] as const);
    const file = model === this.#loaded ? {} : asked(model, mostInside);
    this.#loaded = model;
    this.#child.stdin.write(`${JSON.stringify({ ...file, inputs: Object.fromEntries(inputs) })}\n`);
    const { value } = await this.#answers.next();
    const answer = JSON.parse(value ?? '{"error":"onnxruntime ended"}') as Answer;
    if (answer.outputs === undefined) throw new Error(answer.error);
    const { outputs } = answer;
    return new Map(model.outputs.map(({ as }) => [as, decoded(outputs[as] as Told)]));
  }

  stop(): void {
    this.#child.kill();
  }
}

interface Answer {
  readonly outputs?: Readonly<Record<string, Told>>;
  readonly error?: string;
}

function asked(model: OnnxModel, mostInside?: number) {
  const { bytes, external } = modelFile(model.graph, "weights.data", mostInside);
  const base64 = (data: Uint8Array): string => Buffer.from(data).toString("base64");
  const more = external === undefined ? {} : { external: { name: "weights.data", data: base64(external) } };
  return { model: base64(bytes), ...more };
}
