/** What a model is: the contract between `model`, trainers and models inside others. */
import type { Mask, Tensor } from "../dsl/tensor.ts";
import type { Shape } from "../graph/shape.ts";
import type { Config } from "./config.ts";
import type { Constraint } from "./constraints/constraint.ts";
import type { ActivationName } from "./layers/activations.ts";
import type { Mode, ParamTensors, ParamTree, SampleShape, SampleType } from "./layers/layer.ts";
import type { Ports } from "./ports.ts";
import type { Regularizer } from "./regularizers/regularizer.ts";

/** What one output is like: one sample's shape, and the activation it ends with, as far as layers made it. */
export interface Head {
  readonly shape: SampleShape;
  readonly activation: ActivationName;
}

/** An output before its last activation. `activate(activation, logits)` is the output. */
export interface OutputTensor {
  readonly logits: Tensor<Shape, "f32">;
  readonly activation: ActivationName;
  /** Which steps of it count, where not all do. */
  readonly mask?: Mask | undefined;
}

/** What `trainer` asks of a model, be it a layer or made by `model`. The type parameters are the names of its ports. */
export interface Model<In extends string = string, Out extends string = string> {
  /** The shape of a sample of each input, without the batch. */
  readonly inputs: Ports<SampleShape>;
  /** What the numbers of each input are. */
  readonly takes: Ports<SampleType>;
  /** The shape of a sample of each output, and the activation it ends with. */
  readonly outputs: Ports<Head>;
  /** Its parameters by name: a part of a program's state. */
  readonly params: ParamTree;
  /** Penalties on parameters, by path: "trunk.kernel". */
  readonly regularizers: ReadonlyMap<string, Regularizer>;
  /** What parameters become after each update, by path. */
  readonly constraints: ReadonlyMap<string, Constraint>;
  /** What `layerFrom` and saved trainers make it from again. */
  readonly config: Config;
  /** Its outputs for a batch, inside an entry, each before its last activation. */
  apply(
    params: ParamTensors,
    inputs: Ports<Tensor<Shape, SampleType>>,
    mode: Omit<Mode, "logits">,
  ): Ports<OutputTensor>;
  /** Never there: for types. */
  readonly types?: { readonly inputs: In; readonly outputs: Out };
}
