/** Layers of pooling, borders and sizes against those of Keras (test/fixtures/README.md). */
import { adaptiveAveragePooling1d, adaptiveAveragePooling2d, adaptiveMaxPooling2d, averagePooling1d, averagePooling2d, averagePooling3d, cropping1d, cropping2d, cropping3d, globalAveragePooling1d, globalAveragePooling2d, globalAveragePooling3d, globalMaxPooling1d, globalMaxPooling2d, globalMaxPooling3d, type Layer, maxPooling1d, maxPooling2d, maxPooling3d, upSampling1d, upSampling2d, upSampling3d, zeroPadding1d, zeroPadding2d, zeroPadding3d } from "../../src/index.ts"; // biome-ignore format: names
import { type KerasOptions, layersLikeKeras } from "../keras-layer-cases.ts";

const byName = (make: (options: object) => Layer) => (given: KerasOptions) =>
  make(given.others([], { keepdims: "keepDims" }));
const byFirst = (name: string, make: (first: never, options: object) => Layer) => (given: KerasOptions) =>
  make(given.get(name), given.others([name]));

layersLikeKeras("layers-pool", {
  MaxPooling1D: byName(maxPooling1d),
  MaxPooling2D: byName(maxPooling2d),
  MaxPooling3D: byName(maxPooling3d),
  AveragePooling1D: byName(averagePooling1d),
  AveragePooling2D: byName(averagePooling2d),
  AveragePooling3D: byName(averagePooling3d),
  GlobalAveragePooling1D: byName(globalAveragePooling1d),
  GlobalAveragePooling2D: byName(globalAveragePooling2d),
  GlobalAveragePooling3D: byName(globalAveragePooling3d),
  GlobalMaxPooling1D: byName(globalMaxPooling1d),
  GlobalMaxPooling2D: byName(globalMaxPooling2d),
  GlobalMaxPooling3D: byName(globalMaxPooling3d),
  AdaptiveAveragePooling1D: byFirst("output_size", adaptiveAveragePooling1d),
  AdaptiveAveragePooling2D: byFirst("output_size", adaptiveAveragePooling2d),
  AdaptiveMaxPooling2D: byFirst("output_size", adaptiveMaxPooling2d),
  UpSampling1D: byName(upSampling1d),
  UpSampling2D: byName(upSampling2d),
  UpSampling3D: byName(upSampling3d),
  ZeroPadding1D: byFirst("padding", zeroPadding1d),
  ZeroPadding2D: byFirst("padding", zeroPadding2d),
  ZeroPadding3D: byFirst("padding", zeroPadding3d),
  Cropping1D: byFirst("cropping", cropping1d),
  Cropping2D: byFirst("cropping", cropping2d),
  Cropping3D: byFirst("cropping", cropping3d),
});
