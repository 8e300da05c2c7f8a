/** Dense layers, shapes, merging and resizing against those of Keras (test/fixtures/README.md). */
import { centerCrop, dense, einsumDense, flatten, type Layer, layers, rescaling, resizing } from "../../src/index.ts";
import { type KerasOptions, layersLikeKeras, type Otherwise } from "../keras-layer-cases.ts";

const named = (make: (options: object) => Layer) => (given: KerasOptions) => make(given.others());
const sized = (make: (height: number, width: number, options: object) => Layer) => (given: KerasOptions) =>
  make(given.get("height"), given.get("width"), given.others(["height", "width"]));

const others: Otherwise = Object.fromEntries(
  [
    "embedding embedding-mask-zero embedding-negative-index-wraps masking relu-options relu leaky-relu elu prelu prelu-shared softmax",
    "softmax-axis softmax-two-axes softmax-masked activity-regularization dropout-inference gaussian-noise-inference category-one-hot",
    "category-multi-hot category-count discretization integer-lookup",
  ].flatMap((names) => names.split(" ").map((name) => [name, "not yet"])),
);

layersLikeKeras(
  "layers-core",
  {
    Dense: (given) => dense(given.get("units"), given.others(["units"])),
    EinsumDense: (given) =>
      einsumDense(given.get("equation"), given.get("output_shape"), given.others(["equation", "output_shape"])),
    Flatten: () => flatten(),
    Reshape: (given) => layers.reshape(given.get("target_shape")),
    Permute: (given) => layers.permute(given.get("dims")),
    RepeatVector: (given) => layers.repeatVector(given.get("n")),
    Add: named(layers.add),
    Subtract: named(layers.subtract),
    Multiply: named(layers.multiply),
    Average: named(layers.average),
    Maximum: named(layers.maximum),
    Minimum: named(layers.minimum),
    Concatenate: named(layers.concatenate),
    Dot: (given) => layers.dot(given.get("axes"), given.others(["axes"])),
    Rescaling: (given) => rescaling(given.get("scale"), given.others(["scale"])),
    Resizing: sized(resizing),
    CenterCrop: sized(centerCrop),
  },
  {
    ...others,
    "resizing-bicubic": "TensorFlow takes places to 1/1024 of an element; here they are exact (image-layers.test.ts)",
    "resizing-uint8": "layers take f32: bytes are cast, and are not rounded to bytes again",
  },
);
