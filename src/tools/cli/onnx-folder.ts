/**
 * A program as ONNX models, one for each entry, with the states to begin with as a checkpoint and a manifest.
 *
 *   manifest.json        opset and IR version; entries with their inputs and outputs in order, and their names in the model
 *   train.onnx           a whole step: states are inputs, and their new values outputs (`w` and `w_new`)
 *   train.onnx.data      initializers of more than 1 GiB
 *   state.safetensors    a checkpoint of the program: ours go on from it
 */
import { irVersion, opset } from "../../../codegen/onnx/graph.ts";
import { onnxModel, type Place } from "../../../codegen/onnx/model.ts";
import { modelFile } from "../../../codegen/onnx/proto.ts";
import { Names } from "../../../passes/lower/names.ts";
import { specializedEntry } from "../../compile.ts";
import { UserError } from "../../core/errors.ts";
import type { Program } from "../../dsl/program.ts";
import { type Dims, fixedShape } from "../../graph/shape.ts";
import { checkFingerprint, decodeCheckpoint, fingerprintOf } from "../../io/checkpoint.ts";
import type { Files } from "./stablehlo-folder.ts";

export interface OnnxOptions {
  /** A size for each symbolic dimension. */
  readonly dims?: Dims;
  /** By default all entries. */
  readonly entries?: readonly string[];
  /** Whether states that an entry reads and does not change are initializers of its model, with the checkpoint's values. */
  readonly baked?: boolean;
  /** What the checkpoint is called in errors. */
  readonly checkpointName?: string;
  /** Bytes of initializers that a model holds; more lie in a file beside it. */
  readonly mostInside?: number;
}

/** The files; `checkpoint`: values of the program's states. Throws UserError where it is of another program. */
export function onnxFolder(program: Program<unknown>, checkpoint: Uint8Array, options: OnnxOptions = {}): Files {
  const { dims = {}, entries = [...program.entries.keys()], baked = false, mostInside } = options;
  const values = baked ? valuesOf(program, checkpoint, options.checkpointName ?? "the checkpoint") : undefined;
  const names = new Names();
  const files = new Map<string, string | Uint8Array>();
  const told = entries.map((name) => {
    const written = program.entries.get(name);
    if (written === undefined) throw new UserError(`there is no entry "${name}"`);
    const entry = specializedEntry(written, dims);
    const changes = entry.next.length > 0;
    const model = onnxModel(entry, changes ? undefined : values);
    const file = `${names.fresh(name)}.onnx`;
    const data = `${file}.data`;
    const { bytes, external } = modelFile(model.graph, data, mostInside);
    files.set(file, bytes);
    if (external !== undefined) files.set(data, external);
    const initializers = [...model.graph.initializers.keys()];
    return {
      name,
      file,
      ...(external === undefined ? {} : { data }),
      inputs: model.inputs.map((place) => inputJson(place, model.outputs)),
      outputs: model.outputs,
      ...(initializers.length === 0 ? {} : { initializers }),
    };
  });
  files.set("state.safetensors", checkpoint);
  const manifest = {
    format: "tensorloom ONNX",
    version: 1,
    opset,
    irVersion,
    dims,
    state: "state.safetensors",
    states: program.states.map(({ path, leaf }) => ({ name: path, dtype: leaf.dtype, shape: fixedShape(leaf.shape) })),
    entries: told,
  };
  files.set("manifest.json", `${JSON.stringify(manifest, null, 2)}\n`);
  return files;
}

/** With the output that is to be given here at the next run. */
function inputJson(place: Place, outputs: readonly Place[]): object {
  if (place.kind !== "state") return place;
  const next = outputs.find(({ kind, name }) => kind === "state" && name === place.name);
  return next === undefined ? place : { ...place, next: next.as };
}

function valuesOf(program: Program<unknown>, checkpoint: Uint8Array, name: string): ReadonlyMap<string, Uint8Array> {
  // whatever it was trained with
  const { fingerprint, state } = decodeCheckpoint(checkpoint, name);
  checkFingerprint(fingerprint, { ...fingerprint, states: fingerprintOf(program).states }, name);
  return new Map(
    [...state].map(([path, { buffer, byteOffset, byteLength }]) => [
      path,
      new Uint8Array(buffer, byteOffset, byteLength),
    ]),
  );
}
